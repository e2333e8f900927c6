#include "connectors/http/mail_pages.h"

#include <mutex>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "connectors/http/http_client.h"
#include "connectors/http/machine_request.h"
#include "engine/deliver/html_tokens.h"

namespace sojourn::http {
namespace {

using deliver::LinkClaims;
using deliver::LinkKind;
using deliver::LinkSigner;

constexpr std::string_view kBrowser =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";
constexpr std::string_view kMail =
    "\"action_id\": \"act_1\", \"journey\": \"cart\", \"machine\": false, \"template\": \"cart-1\"";

constexpr std::string_view kPreferences = "\"way\": \"preferences\"";

class MemorySink : public EventSink {
 public:
  Status Append(std::span<const model::Event> events, std::span<const RejectedCall>) override {
    const std::lock_guard lock(mutex);
    if (!refusal.ok()) return refusal;
    for (const model::Event& event : events) {
      lines.push_back(
          fmt::format("{} {} {}", event.person, event.name, model::DebugString(event.properties)));
      ids.emplace_back(event.id);
      times.push_back(event.time);
      anonymous.emplace_back(event.anonymous_id);
    }
    return Status::Ok();
  }

  std::mutex mutex;
  Status refusal;
  std::vector<std::string> lines;
  std::vector<std::string> ids;
  std::vector<Timestamp> times;
  std::vector<std::string> anonymous;
};

class SettableClock : public runtime::WallClock {
 public:
  Timestamp Now() const override { return now; }
  Timestamp now{1772442000000};
};

class MailPagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    MailPagesPorts ports;
    ports.sink = &sink_;
    ports.consent = [this](const std::string&) { return consent_; };
    ports.topics = [this] { return topics_; };
    MailPagesOptions options;
    options.clock = &clock_;
    pages_ = std::make_unique<MailPages>(options, signer_, deliver::PageTexts::Read("").value(),
                                         std::move(ports));
    auto server = HttpServer::Start({.port = 0}, pages_->Routes(), nullptr);
    ASSERT_TRUE(server.ok());
    server_ = std::move(server).value();
  }
  void TearDown() override { server_->Stop(Seconds(1)); }

  LinkClaims Claims(LinkKind kind) const {
    LinkClaims claims;
    claims.kind = kind;
    claims.action_id = "act_1";
    claims.person = "anna";
    claims.journey = "cart";
    claims.template_name = "cart-1";
    claims.topic = "newsletter";
    claims.sent_at = clock_.now - Hours(1);
    return claims;
  }
  std::string Path(LinkKind kind) const { return PathOf(Claims(kind)); }
  std::string PathOf(const LinkClaims& claims) const {
    static constexpr std::string_view kLetters = "upoc";
    return fmt::format("/{}/{}{}", kLetters[static_cast<size_t>(claims.kind)], signer_.Sign(claims),
                       claims.kind == LinkKind::kOpen ? ".gif" : "");
  }

  Response Ask(const std::string& method, const std::string& path, std::string body = "",
               std::vector<std::pair<std::string, std::string>> headers = {}) {
    Request request{method, path, {}, std::move(headers), std::move(body)};
    if (!request.Header("user-agent")) request.headers.emplace_back("User-Agent", kBrowser);
    auto response = Call({"127.0.0.1", server_->port()}, request, Seconds(20));
    EXPECT_TRUE(response.ok()) << response.status().message();
    return response.ok() ? *response : Response{};
  }
  static std::string HeaderOf(const Response& response, std::string_view name) {
    Request request;
    request.headers = response.headers;
    return std::string(request.Header(name).value_or(""));
  }

  SettableClock clock_;
  MemorySink sink_;
  const LinkSigner signer_{{"new key", "old key"}};
  std::optional<std::map<std::string, bool>> consent_;
  std::vector<ConsentTopic> topics_ = {
      {"marketing", false, true}, {"newsletter", false, false}, {"orders", true, true}};
  std::unique_ptr<MailPages> pages_;
  std::unique_ptr<HttpServer> server_;
};

bool Has(const Response& response, std::string_view text) {
  return response.body.find(text) != std::string::npos;
}

TEST_F(MailPagesTest, OneClickUnsubscribes) {
  const Response response = Ask("POST", Path(LinkKind::kUnsubscribe), "List-Unsubscribe=One-Click",
                                {{"Content-Type", "application/x-www-form-urlencoded"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(Has(response, "<h1>You are unsubscribed</h1>"));
  EXPECT_TRUE(Has(response, "Newsletter"));
  ASSERT_EQ(sink_.lines.size(), 1U);
  EXPECT_EQ(sink_.lines[0],
            "anna Unsubscribed {\"action_id\": \"act_1\", \"journey\": \"cart\", \"machine\": "
            "false, \"template\": \"cart-1\", \"topic\": \"newsletter\", \"way\": \"one_click\"}");
  EXPECT_EQ(sink_.times[0], clock_.now);
}

TEST_F(MailPagesTest, UnsubscribingNeverDependsOnTheBodyOrTheClient) {
  const std::string path = Path(LinkKind::kUnsubscribe);
  const std::string multipart =
      "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--";
  EXPECT_EQ(
      Ask("POST", path, multipart, {{"Content-Type", "multipart/form-data; boundary=b"}}).status,
      200);
  EXPECT_EQ(Ask("POST", path, "", {{"User-Agent", ""}}).status, 200);
  ASSERT_EQ(sink_.lines.size(), 2U);
  EXPECT_NE(sink_.lines[0].find("\"machine\": false"), std::string::npos);
  EXPECT_NE(sink_.lines[0].find("\"way\": \"one_click\""), std::string::npos);
  EXPECT_NE(sink_.lines[1].find("Unsubscribed"), std::string::npos);
  EXPECT_NE(sink_.lines[1].find("\"machine\": true"), std::string::npos);
}

TEST_F(MailPagesTest, LookingNeverUnsubscribes) {
  const std::string path = Path(LinkKind::kUnsubscribe);
  const Response page = Ask("GET", path);
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(Has(page, "<form method=\"post\">"));
  const Response head = Ask("HEAD", path);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(HeaderOf(head, "content-length"), std::to_string(page.body.size()));
  for (const std::string method : {"PUT", "DELETE", "OPTIONS", "PATCH"}) {
    EXPECT_EQ(Ask(method, path).status, 405);
  }
  Ask("GET", path + "?List-Unsubscribe=One-Click");
  Ask("GET", Path(LinkKind::kPreferences) + "?action=none");
  EXPECT_TRUE(sink_.lines.empty());
}

TEST_F(MailPagesTest, ThePageLeadsToThePreferences) {
  for (const std::string method : {"GET", "POST"}) {
    const Response page = Ask(method, Path(LinkKind::kUnsubscribe));
    const size_t begin = page.body.find("href=\"../p/") + 8;
    const std::string path = page.body.substr(begin, page.body.find('"', begin) - begin);
    EXPECT_TRUE(Has(Ask("GET", path), "<h1>Email preferences</h1>")) << path;
  }
}

TEST_F(MailPagesTest, RepetitionsAreOneEvent) {
  LinkClaims claims = Claims(LinkKind::kClick);
  claims.target = "https://shop.example/";
  for (const std::string& path : {Path(LinkKind::kOpen), PathOf(claims)}) {
    clock_.now = Timestamp(1772442000000);
    sink_.ids.clear();
    Ask("GET", path);
    clock_.now = clock_.now + Seconds(59);
    Ask("GET", path);
    Ask("GET", path, "", {{"User-Agent", "a bot"}});
    clock_.now = clock_.now + Seconds(1);
    Ask("GET", path);
    ASSERT_EQ(sink_.ids.size(), 4U);
    EXPECT_EQ(sink_.ids[0], sink_.ids[1]);
    EXPECT_NE(sink_.ids[0], sink_.ids[2]);  // a person after a machine is another
    EXPECT_NE(sink_.ids[0], sink_.ids[3]);
    EXPECT_EQ(sink_.ids[0].size(), 32U);
  }
  // To unsubscribe, come back and unsubscribe again is two unsubscriptions.
  sink_.ids.clear();
  Ask("POST", Path(LinkKind::kUnsubscribe));
  Ask("POST", Path(LinkKind::kUnsubscribe));
  clock_.now = clock_.now + Seconds(1);
  Ask("POST", Path(LinkKind::kUnsubscribe));
  EXPECT_EQ(sink_.ids[0], sink_.ids[1]);
  EXPECT_NE(sink_.ids[0], sink_.ids[2]);
}

TEST_F(MailPagesTest, PreferencesShowWhatIsKnown) {
  const Response unknown = Ask("GET", Path(LinkKind::kPreferences));
  EXPECT_FALSE(Has(unknown, " checked"));
  EXPECT_TRUE(Has(unknown, "We cannot show your present choice"));
  EXPECT_TRUE(Has(unknown, "value=\"unknown:marketing\""));
  consent_.emplace();
  const Response defaults = Ask("GET", Path(LinkKind::kPreferences));
  EXPECT_TRUE(Has(defaults, "value=\"marketing\" checked><span>Offers and news</span></label>"));
  EXPECT_TRUE(Has(defaults, "value=\"newsletter\"><span>Newsletter</span></label>"));
  EXPECT_TRUE(Has(defaults, "<li>Your orders</li>"));
  EXPECT_FALSE(Has(defaults, "value=\"orders\""));
  consent_ = {{"marketing", false}, {"newsletter", true}};
  const Response said = Ask("GET", Path(LinkKind::kPreferences));
  EXPECT_TRUE(Has(said, "value=\"marketing\"><span>"));
  EXPECT_TRUE(Has(said, "value=\"newsletter\" checked><span>"));
  topics_ = {{"orders", true, true}};
  EXPECT_TRUE(Has(Ask("GET", Path(LinkKind::kPreferences)), "There are no emails to choose."));
}

TEST_F(MailPagesTest, PreferencesSaveWhatChanged) {
  const std::string path = Path(LinkKind::kPreferences);
  const std::string shown = "&shown=on%3Amarketing&shown=off%3Anewsletter";
  consent_ = {{"marketing", true}, {"newsletter", false}};
  const Response same = Ask("POST", path, "action=save&topic=marketing" + shown);
  EXPECT_TRUE(Has(same, "role=\"status\">Your choice is saved."));
  EXPECT_TRUE(sink_.lines.empty());
  const Response both = Ask("POST", path, "action=save&topic=newsletter" + shown);
  EXPECT_EQ(sink_.lines, (std::vector<std::string>{
                             fmt::format("anna Unsubscribed {{{}, \"topic\": \"marketing\", {}}}",
                                         kMail, kPreferences),
                             fmt::format("anna Subscribed {{{}, \"topic\": \"newsletter\", {}}}",
                                         kMail, kPreferences)}));
  // It shows what was sent, for the events are still on their way.
  EXPECT_TRUE(Has(both, "value=\"marketing\"><span>"));
  EXPECT_TRUE(Has(both, "value=\"newsletter\" checked><span>"));
  // Back again: what is known is older than the form.
  sink_.lines.clear();
  Ask("POST", path, "action=save&topic=marketing&shown=off:marketing&shown=on:newsletter");
  EXPECT_EQ(sink_.lines.size(), 2U);
}

TEST_F(MailPagesTest, PreferencesNotKnownAreAllSaved) {
  Ask("POST", Path(LinkKind::kPreferences),
      "action=save&topic=newsletter&shown=unknown:marketing&shown=unknown:newsletter");
  EXPECT_EQ(sink_.lines, (std::vector<std::string>{
                             fmt::format("anna Unsubscribed {{{}, \"topic\": \"marketing\", {}}}",
                                         kMail, kPreferences),
                             fmt::format("anna Subscribed {{{}, \"topic\": \"newsletter\", {}}}",
                                         kMail, kPreferences)}));
}

TEST_F(MailPagesTest, NobodyDecidesAboutWhatTheyDidNotSee) {
  const std::string path = Path(LinkKind::kPreferences);
  for (const std::string body :
       {"", "action=save", "action=save&topic=marketing&topic=orders",
        "action=save&shown=on:orders&shown=on:unheard-of&shown=x", "topic=%00&shown=:", "&&==&%"}) {
    EXPECT_EQ(Ask("POST", path, body).status, 200) << body;
  }
  EXPECT_TRUE(sink_.lines.empty());
}

TEST_F(MailPagesTest, EverythingCanBeStopped) {
  consent_ = {{"marketing", true}, {"newsletter", true}};
  const Response page = Ask("POST", Path(LinkKind::kPreferences), "action=none");
  EXPECT_EQ(
      sink_.lines,
      (std::vector<std::string>{fmt::format("anna Unsubscribed {{{}, {}}}", kMail, kPreferences)}));
  EXPECT_FALSE(Has(page, " checked"));
}

TEST_F(MailPagesTest, OpensAreCounted) {
  const Response pixel = Ask("GET", Path(LinkKind::kOpen));
  EXPECT_EQ(pixel.status, 200);
  EXPECT_EQ(pixel.content_type, "image/gif");
  EXPECT_EQ(pixel.body.size(), 43U);
  EXPECT_TRUE(pixel.body.starts_with("GIF89a") && pixel.body.ends_with(";"));
  EXPECT_EQ(HeaderOf(pixel, "cache-control"), "no-store");
  const Response head = Ask("HEAD", Path(LinkKind::kOpen));
  EXPECT_EQ(HeaderOf(head, "content-length"), "43");
  EXPECT_EQ(sink_.lines, (std::vector<std::string>{fmt::format(
                             "anna Email Opened {{{}, \"topic\": \"newsletter\"}}", kMail)}));
}

TEST_F(MailPagesTest, ClicksLeadToTheSignedTarget) {
  LinkClaims claims = Claims(LinkKind::kClick);
  claims.target = "https://shop.example/p?a=1&b=%C3%BC#x";
  const Response click = Ask("GET", PathOf(claims) + "?url=https://evil.example/");
  EXPECT_EQ(click.status, 302);
  EXPECT_EQ(HeaderOf(click, "location"), claims.target);
  EXPECT_EQ(HeaderOf(click, "referrer-policy"), "no-referrer");
  const Response head = Ask("HEAD", PathOf(claims));
  EXPECT_EQ(HeaderOf(head, "location"), claims.target);
  EXPECT_EQ(sink_.lines,
            (std::vector<std::string>{fmt::format(
                "anna Email Link Clicked {{{}, \"topic\": \"newsletter\", \"url\": \"{}\"}}", kMail,
                claims.target)}));
  for (const std::string target : {"", "javascript:alert(1)", "//evil.example", "ftp://x.example",
                                   "https://x.example/\r\nSet-Cookie: a=b"}) {
    claims.target = target;
    EXPECT_EQ(Ask("GET", PathOf(claims)).status, 404) << target;
  }
}

TEST_F(MailPagesTest, BadTokensAreAllAnsweredAlike) {
  LinkClaims claims = Claims(LinkKind::kUnsubscribe);
  const std::string good = Path(LinkKind::kUnsubscribe);
  std::string forged = good;
  forged.back() = forged.back() == 'A' ? 'B' : 'A';
  const std::string foreign = "/u/" + LinkSigner({"foreign"}).Sign(claims);
  claims.person = "";
  const std::string nobody = PathOf(claims);
  const std::string page = Ask("GET", "/u/x").body;
  EXPECT_NE(page.find("<h1>This link does not work</h1>"), std::string::npos);
  for (const std::string& path :
       {forged, foreign, nobody, good.substr(0, 40), good + "x", good + "/", std::string("/u/"),
        "/u/" + std::string(9000, 'A'), "/p/" + good.substr(3), "/c/" + good.substr(3),
        "/o/" + good.substr(3) + ".gif", Path(LinkKind::kOpen).substr(0, 30),
        "/u/" + Path(LinkKind::kPreferences).substr(3)}) {
    for (const std::string method : {"GET", "HEAD"}) {
      const Response response = Ask(method, path);
      EXPECT_EQ(response.status, 404) << path;
      EXPECT_EQ(response.body, method == "GET" ? page : "") << path;
    }
  }
  for (const std::string& path : {forged, foreign, nobody, "/p/" + good.substr(3)}) {
    EXPECT_EQ(Ask("POST", path).body, page);
  }
  EXPECT_TRUE(sink_.lines.empty());
}

TEST_F(MailPagesTest, ARefusedEventIsNoSuccess) {
  sink_.refusal = ResourceExhausted("the disk is full");
  LinkClaims claims = Claims(LinkKind::kClick);
  claims.target = "https://shop.example/?a&b";
  for (const auto& [method, path] :
       {std::pair("POST", Path(LinkKind::kUnsubscribe)), std::pair("GET", Path(LinkKind::kOpen)),
        std::pair("GET", PathOf(claims)), std::pair("POST", Path(LinkKind::kPreferences))}) {
    const Response response = Ask(method, path, "action=none");
    EXPECT_EQ(response.status, 503) << path;
    EXPECT_EQ(HeaderOf(response, "retry-after"), "60");
    EXPECT_TRUE(Has(response, "<h1>Please try again</h1>"));
    EXPECT_FALSE(Has(response, "the disk is full"));
    EXPECT_EQ(Has(response, "<a href=\"https://shop.example/?a&amp;b\">"), path[1] == 'c');
  }
  EXPECT_EQ(Ask("GET", Path(LinkKind::kUnsubscribe)).status, 200);
}

TEST_F(MailPagesTest, SpeaksThePersonsLanguage) {
  LinkClaims claims = Claims(LinkKind::kUnsubscribe);
  claims.language = "de-AT";
  EXPECT_TRUE(Has(Ask("GET", PathOf(claims), "", {{"Accept-Language", "zh"}}),
                  "<html lang=\"de\" dir=\"ltr\">"));
  claims.language = "";
  EXPECT_TRUE(Has(Ask("GET", PathOf(claims), "", {{"Accept-Language", "fr, zh-CN;q=0.8"}}),
                  "<h1>\u9000\u8ba2</h1>"));
  EXPECT_TRUE(Has(Ask("GET", PathOf(claims)), "<html lang=\"en\""));
  EXPECT_TRUE(Has(Ask("GET", "/u/x", "", {{"Accept-Language", "de"}}),
                  "<h1>Dieser Link funktioniert nicht</h1>"));
}

TEST_F(MailPagesTest, PagesAreSafeAndComplete) {
  topics_.push_back({"<script>alert(1)</script>\"", false, true});
  topics_.push_back({"<b>", true, true});
  consent_.emplace();
  LinkClaims claims = Claims(LinkKind::kUnsubscribe);
  claims.topic = "<script>\"'&";
  for (const std::string& path :
       {PathOf(claims), Path(LinkKind::kPreferences), std::string("/u/x")}) {
    const Response page = Ask("GET", path);
    EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
    for (const auto& [name, value] :
         {std::pair("cache-control", "no-store"), std::pair("referrer-policy", "no-referrer"),
          std::pair("x-robots-tag", "noindex, nofollow"),
          std::pair("x-content-type-options", "nosniff")}) {
      EXPECT_EQ(HeaderOf(page, name), value);
    }
    const std::string policy = HeaderOf(page, "content-security-policy");
    EXPECT_TRUE(policy.starts_with("default-src 'none'; style-src 'sha256-")) << policy;
    EXPECT_NE(policy.find("form-action 'self'"), std::string::npos);
    EXPECT_FALSE(Has(page, "<script"));
    EXPECT_FALSE(Has(page, "anna"));
    // Every tag is closed in order, and every box stands in a label.
    deliver::HtmlTokenizer tokenizer(page.body);
    deliver::HtmlToken token;
    std::vector<std::string> open;
    while (tokenizer.Next(&token)) {
      const bool is_void = token.name == "meta" || token.name == "input";
      const deliver::HtmlAttribute* type = token.Find("type");
      const bool is_box = type != nullptr && type->value == "checkbox";
      EXPECT_TRUE(!is_box || open.back() == "label");
      if (token.kind == deliver::HtmlTokenKind::kStart && !is_void) open.push_back(token.name);
      if (token.kind != deliver::HtmlTokenKind::kEnd) continue;
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), token.name);
      open.pop_back();
    }
    EXPECT_TRUE(open.empty());
  }
}

TEST_F(MailPagesTest, AnonymousPeople) {
  LinkClaims claims = Claims(LinkKind::kOpen);
  claims.person = "a:cookie";
  EXPECT_EQ(Ask("GET", PathOf(claims)).status, 200);
  ASSERT_EQ(sink_.lines.size(), 1U);
  EXPECT_TRUE(sink_.lines[0].starts_with("a:cookie Email Opened"));
  EXPECT_EQ(sink_.anonymous[0], "cookie");
}

TEST(MachineRequest, Rules) {
  const auto is_machine = [](std::string_view agent, Duration since = Hours(1)) {
    Request request;
    request.headers = {{"User-Agent", std::string(agent)}};
    return IsMachine(request, since, Seconds(10));
  };
  for (const std::string_view agent :
       {std::string_view("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
                         "(KHTML, like Gecko)"),
        std::string_view("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via "
                         "ggpht.com GoogleImageProxy)"),
        std::string_view("Mozilla/5.0 (Linux; Android 10; CUBOT X30) Chrome/140.0 Mobile"),
        std::string_view(
            "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"),
        kBrowser}) {
    EXPECT_FALSE(is_machine(agent)) << agent;
  }
  for (const std::string_view agent :
       {"", " ", "Mozilla/5.0", "curl/8.5.0", "Slackbot-LinkExpanding 1.0", "BarracudaCentral",
        "Mozilla/5.0 (compatible; Googlebot/2.1)", "python-requests/2.31", "CUBOT bot",
        "Mozilla/5.0 Chrome/140.0 HeadlessChrome/140.0"}) {
    EXPECT_TRUE(is_machine(agent)) << agent;
  }
  EXPECT_TRUE(is_machine(kBrowser, Milliseconds(9999)));
  EXPECT_TRUE(is_machine(kBrowser, Milliseconds(-1)));
  EXPECT_FALSE(is_machine(kBrowser, Seconds(10)));
  Request request;
  request.headers = {{"User-Agent", std::string(kBrowser)}, {"Sec-Purpose", "Prefetch;prerender"}};
  EXPECT_TRUE(IsMachine(request, Hours(1), Seconds(10)));
  EXPECT_TRUE(IsMachine({}, Hours(1), Seconds(10)));
}

}  // namespace
}  // namespace sojourn::http
