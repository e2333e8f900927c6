#include "connectors/http/mail_pages.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "connectors/http/machine_request.h"
#include "connectors/http/mail_page_html.h"
#include "engine/base/hash.h"
#include "engine/deliver/body.h"
#include "engine/model/event_codec.h"
#include "engine/model/event_rules.h"

namespace sojourn::http {
namespace {

using deliver::LinkClaims;
using deliver::LinkKind;
using model::Value;

constexpr size_t kMaxFormBytes = size_t{64} * 1024;
constexpr std::string_view kPixelSuffix = ".gif";

// One transparent pixel.
constexpr std::string_view kPixel(
    "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
    "\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02"
    "D\x01\x00;",
    43);

// What happened, before it is an event.
struct Happening {
  std::string_view name;
  std::string topic;
  std::string url;
  Duration same_within;  // a repetition in this span is the same event
  std::string_view way;  // how a choice of consent was made
};

std::string EventId(const Happening& what, const LinkClaims& claims, bool machine, Timestamp now) {
  const int64_t span = now.milliseconds() / what.same_within.milliseconds();
  std::string text;
  for (const std::string_view part :
       {what.name, std::string_view(claims.person), std::string_view(claims.action_id),
        std::string_view(what.topic), std::string_view(what.url)}) {
    text += fmt::format("{}:", part.size());
    text += part;
  }
  return Hex(Sha256(text + fmt::format("{}:{}", machine, span)).data(), 16);
}

Value Properties(const Happening& what, const LinkClaims& claims, bool machine, Arena* arena) {
  const std::array<std::pair<std::string_view, std::string_view>, 6> texts = {
      {{"action_id", claims.action_id},
       {"journey", claims.journey},
       {"template", claims.template_name},
       {"topic", what.topic},
       {"url", what.url},
       {"way", what.way}}};
  auto* entries = arena->AllocateArray<model::MapEntry>(texts.size() + 1);
  uint32_t count = 0;
  for (const auto& [key, text] : texts) {
    if (!text.empty()) entries[count++] = {Value::String(key), Value::String(arena->Copy(text))};
  }
  entries[count++] = {Value::String("machine"), Value::Bool(machine)};
  return Value::SortedMap(entries, count);
}

Response HtmlResponse(int status, std::string html) {
  return {status, std::move(html), "text/html; charset=utf-8"};
}

void AddHeaders(Response* response) {
  response->headers.emplace_back("Cache-Control", "no-store");
  response->headers.emplace_back("Referrer-Policy", "no-referrer");
  response->headers.emplace_back("X-Robots-Tag", "noindex, nofollow");
  response->headers.emplace_back("X-Content-Type-Options", "nosniff");
  response->headers.emplace_back("Content-Security-Policy", PagePolicy());
}

// What the form of the preference page sent.
struct PreferenceForm {
  bool none = false;
  std::set<std::string, std::less<>> ticked;
  std::map<std::string, std::string, std::less<>> shown;  // topic: on, off, unknown
};

// RFC 8058: a mail program asks for it, without a person on the page.
// As application/x-www-form-urlencoded or, which it recommends, multipart/form-data.
bool IsOneClick(const Request& request) {
  static const re2::RE2 part(
      R"((?i)name="?List-Unsubscribe"?[ \t]*(?:\r\n[^\r\n]+)*\r\n\r\nOne-Click[ \t]*\r\n)");
  const auto form = ParseQuery(request.body);
  return std::any_of(form.begin(), form.end(),
                     [](const auto& field) {
                       return field.first == "List-Unsubscribe" && field.second == "One-Click";
                     }) ||
         re2::RE2::PartialMatch(request.body, part);
}

PreferenceForm ReadForm(const Request& request) {
  PreferenceForm form;
  for (auto& [name, value] : ParseQuery(request.body)) {
    if (name == "action") form.none = value == "none";
    if (name == "topic") form.ticked.insert(value);
    const size_t colon = value.find(':');
    if (name == "shown" && colon != std::string::npos) {
      form.shown[value.substr(colon + 1)] = value.substr(0, colon);
    }
  }
  return form;
}

}  // namespace

class MailPages::Core {
 public:
  Core(MailPagesOptions options, deliver::LinkSigner signer, deliver::PageTexts texts,
       MailPagesPorts ports)
      : too_soon_(options.too_soon),
        clock_(options.clock != nullptr ? options.clock : &system_clock_),
        signer_(std::move(signer)),
        texts_(std::move(texts)),
        ports_(std::move(ports)) {}

  // `prefix`: of the route, which the token follows.
  using Answerer = Response (Core::*)(const Request& request, const LinkClaims& claims) const;
  Response Answer(const Request& request, std::string_view prefix, LinkKind kind,
                  Answerer answerer) const {
    const std::optional<LinkClaims> claims = ReadToken(request.path, prefix, kind);
    Response response = claims ? (this->*answerer)(request, *claims)
                               : HtmlResponse(404, NotFoundPage(Voice(request, {})));
    AddHeaders(&response);
    return response;
  }

  Response AskToUnsubscribe(const Request& request, const LinkClaims& claims) const {
    const PageVoice voice = Voice(request, claims);
    return HtmlResponse(200, UnsubscribePage(voice, claims.topic, PreferencesPath(claims)));
  }

  Response Unsubscribe(const Request& request, const LinkClaims& claims) const {
    const std::string_view way = IsOneClick(request) ? "one_click" : "link";
    const Happening what{model::kUnsubscribed, claims.topic, "", Seconds(1), way};
    if (!Append(request, claims, {what})) return TryLater(request, claims);
    const PageVoice voice = Voice(request, claims);
    return HtmlResponse(200, UnsubscribedPage(voice, claims.topic, PreferencesPath(claims)));
  }

  Response ShowPreferences(const Request& request, const LinkClaims& claims) const {
    return HtmlResponse(200, Render(Voice(request, claims), CurrentPage(claims)));
  }

  Response SavePreferences(const Request& request, const LinkClaims& claims) const {
    const PreferenceForm form = ReadForm(request);
    PreferencePage page = CurrentPage(claims);
    std::vector<Happening> changes;
    if (form.none) {
      changes.push_back({model::kUnsubscribed, "", "", Seconds(1), "preferences"});
    }
    for (PreferenceTopic& topic : page.topics) {
      const bool wanted = !form.none && form.ticked.count(topic.name) > 0;
      const auto shown = form.shown.find(topic.name);
      // Nobody decides about what they did not see.
      if (!form.none && shown == form.shown.end()) continue;
      // What is known here may be older than what the last form said.
      const bool changed = !form.none && (shown->second != (wanted ? "on" : "off") ||
                                          topic.subscribed.value_or(wanted) != wanted);
      if (changed) {
        changes.push_back({wanted ? model::kSubscribed : model::kUnsubscribed, topic.name, "",
                           Seconds(1), "preferences"});
      }
      topic.subscribed = wanted;
    }
    if (!changes.empty() && !Append(request, claims, changes)) return TryLater(request, claims);
    page.saved = true;
    return HtmlResponse(200, Render(Voice(request, claims), page));
  }

  Response Open(const Request& request, const LinkClaims& claims) const {
    const Happening what{model::kEmailOpened, claims.topic, "", Minutes(1), ""};
    if (request.method != "HEAD" && !Append(request, claims, {what})) {
      return TryLater(request, claims);
    }
    return {200, std::string(kPixel), "image/gif"};
  }

  Response Click(const Request& request, const LinkClaims& claims) const {
    const Happening what{model::kEmailLinkClicked, claims.topic, claims.target, Minutes(1), ""};
    if (request.method != "HEAD" && !Append(request, claims, {what})) {
      return TryLater(request, claims);
    }
    Response response = HtmlResponse(302, "");
    response.headers.emplace_back("Location", claims.target);
    return response;
  }

 private:
  // The claims that count, nullopt where there are none.
  std::optional<LinkClaims> ReadToken(std::string_view path, std::string_view prefix,
                                      LinkKind kind) const {
    std::string_view token = path.substr(prefix.size());
    if (kind == LinkKind::kOpen) {
      if (!token.ends_with(kPixelSuffix)) return std::nullopt;
      token.remove_suffix(kPixelSuffix.size());
    }
    Result<LinkClaims> claims = signer_.Verify(kind, token);
    if (!claims.ok() || !model::IsValidPersonId(claims->person)) return std::nullopt;
    if (kind == LinkKind::kClick && !deliver::IsWebAddress(claims->target)) return std::nullopt;
    return std::move(claims).value();
  }

  PageVoice Voice(const Request& request, const LinkClaims& claims) const {
    const std::string_view accepted = request.Header("accept-language").value_or("");
    return {&texts_, texts_.Choose(claims.language, accepted)};
  }

  // Relative, so that a proxy may put the listener below a path of its own.
  std::string PreferencesPath(const LinkClaims& claims) const {
    LinkClaims preferences = claims;
    preferences.kind = LinkKind::kPreferences;
    return "../p/" + signer_.Sign(preferences);
  }

  PreferencePage CurrentPage(const LinkClaims& claims) const {
    PreferencePage page;
    const std::optional<std::map<std::string, bool>> consent = ports_.consent(claims.person);
    for (const ConsentTopic& topic : ports_.topics()) {
      if (topic.transactional) {
        page.always.push_back(topic.name);
        continue;
      }
      PreferenceTopic& shown = page.topics.emplace_back();
      shown.name = topic.name;
      if (!consent) continue;
      const auto said = consent->find(topic.name);
      shown.subscribed = said == consent->end() ? topic.opted_in : said->second;
    }
    return page;
  }

  Response TryLater(const Request& request, const LinkClaims& claims) const {
    Response response = HtmlResponse(503, TryLaterPage(Voice(request, claims), claims.target));
    response.headers.emplace_back("Retry-After", "60");
    return response;
  }

  // Whether the sink has them all for good.
  bool Append(const Request& request, const LinkClaims& claims,
              const std::vector<Happening>& happenings) const {
    const Timestamp now = clock_->Now();
    const bool machine = IsMachine(request, now - claims.sent_at, too_soon_);
    Arena arena;
    std::vector<model::Event> events;
    for (const Happening& what : happenings) {
      model::Event& event = events.emplace_back();
      event.id = arena.Copy(EventId(what, claims, machine, now));
      event.name = what.name;
      event.time = event.received_at = now;
      event.properties = Properties(what, claims, machine, &arena);
      const bool anonymous = claims.person.starts_with(model::kAnonymousPrefix);
      const std::string_view person = claims.person;
      const std::string_view rest = person.substr(anonymous ? model::kAnonymousPrefix.size() : 0);
      const Status status = anonymous ? model::SetPerson("", rest, &arena, &event)
                                      : model::SetPerson(rest, "", &arena, &event);
      if (!status.ok()) return false;
    }
    return ports_.sink->Append(events, {}).ok();
  }

  const Duration too_soon_;
  const runtime::SystemClock system_clock_;
  const runtime::WallClock* const clock_;
  const deliver::LinkSigner signer_;
  const deliver::PageTexts texts_;
  const MailPagesPorts ports_;
};

MailPages::MailPages(MailPagesOptions options, deliver::LinkSigner signer, deliver::PageTexts texts,
                     MailPagesPorts ports)
    : core_(
          std::make_unique<Core>(options, std::move(signer), std::move(texts), std::move(ports))) {}
MailPages::~MailPages() = default;

std::vector<Route> MailPages::Routes() {
  std::vector<Route> routes;
  const auto add = [&](const std::string& method, const std::string& prefix, LinkKind kind,
                       Core::Answerer answerer) {
    Route route{method, prefix,
                [core = core_.get(), prefix, kind, answerer](const Request& request,
                                                             const Respond& respond) {
                  respond(core->Answer(request, prefix, kind, answerer));
                }};
    route.may_wait = true;
    route.max_body_bytes = kMaxFormBytes;
    route.is_prefix = true;
    routes.push_back(std::move(route));
  };
  for (const std::string method : {"GET", "HEAD"}) {
    add(method, "/u/", LinkKind::kUnsubscribe, &Core::AskToUnsubscribe);
    add(method, "/p/", LinkKind::kPreferences, &Core::ShowPreferences);
    add(method, "/o/", LinkKind::kOpen, &Core::Open);
    add(method, "/c/", LinkKind::kClick, &Core::Click);
  }
  add("POST", "/u/", LinkKind::kUnsubscribe, &Core::Unsubscribe);
  add("POST", "/p/", LinkKind::kPreferences, &Core::SavePreferences);
  return routes;
}

}  // namespace sojourn::http
