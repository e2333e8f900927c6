#include "connectors/http/intake.h"

#include <zlib.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>
#include <tuple>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "connectors/http/http_client.h"
#include "engine/base/ascii.h"
#include "engine/base/limits.h"

namespace sojourn::http {
namespace {

// Keeps what it is given as text; can refuse and can be slow.
class MemorySink : public EventSink {
 public:
  Status Append(std::span<const model::Event> events,
                std::span<const RejectedCall> rejected) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
    const std::lock_guard lock(mutex);
    ++appends;
    if (!refusal.ok()) return refusal;
    for (const model::Event& event : events) {
      lines.push_back(
          fmt::format("{} {} {}", event.person, event.name, model::DebugString(event.properties)));
      received.push_back(event.received_at);
      times.push_back(event.time);
    }
    for (const RejectedCall& call : rejected) {
      paths.push_back(call.path);
      lines.push_back("rejected: " + call.reason + ": " + call.json);
    }
    return Status::Ok();
  }

  Status VisitNewestIds(const IdVisitor& visit) override {
    for (const auto& [person, id, log_time] : earlier) {
      if (!visit(person, id, log_time)) return Status::Ok();
    }
    // The oldest comes when something was appended.
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (oldest && appends == 0 && std::chrono::steady_clock::now() < end) {
      visit("v", "1", std::get<Timestamp>(*oldest));
    }
    if (oldest && appends > 0) std::apply(visit, *oldest);
    visited = true;
    return Status::Ok();
  }

  using Earlier = std::tuple<std::string, std::string, Timestamp>;
  std::vector<Earlier> earlier;  // the newest first
  std::optional<Earlier> oldest;
  std::atomic<bool> visited = false;
  std::atomic<int> delay_ms = 0;
  std::mutex mutex;
  Status refusal;
  std::atomic<int> appends = 0;
  std::vector<std::string> lines;
  std::vector<std::string> paths;  // of what was rejected
  std::vector<Timestamp> received;
  std::vector<Timestamp> times;
};

class FixedClock : public runtime::WallClock {
 public:
  Timestamp Now() const override { return Timestamp(1772442000000); }
};

class IntakeTest : public ::testing::Test {
 protected:
  void Start(IntakeOptions options) {
    if (!options.open_to_everyone) {
      options.write_keys = {{"shop", {SecretHash::Of("other")}},
                            {"website", {SecretHash::Of("key")}},
                            {"page", {SecretHash::Of("page"), /*is_public=*/true}}};
    }
    options.clock = &clock_;
    intake_ = std::make_unique<Intake>(options, &sink_, &telemetry_);
    ServerOptions server_options;
    server_options.port = 0;
    auto server = HttpServer::Start(server_options, intake_->Routes(), nullptr);
    ASSERT_TRUE(server.ok());
    server_ = std::move(server).value();
  }
  void SetUp() override { Start({}); }
  void TearDown() override { server_->Stop(Seconds(1)); }

  Response Post(const std::string& path, std::string body,
                const std::string& authorization = "Basic a2V5Og==") {
    Request request{"POST", path, {}, {}, std::move(body)};
    if (!authorization.empty()) request.headers = {{"Authorization", authorization}};
    auto response = Call({"127.0.0.1", server_->port()}, request, Seconds(20));
    EXPECT_TRUE(response.ok()) << response.status().message();
    return response.ok() ? *response : Response{};
  }
  // "STATUS BODY" without the line's end.
  std::string Ask(const std::string& path, std::string body,
                  const std::string& authorization = "Basic a2V5Og==") {
    const Response response = Post(path, std::move(body), authorization);
    return std::to_string(response.status) + " " +
           response.body.substr(0, response.body.size() - 1);
  }

  FixedClock clock_;
  MemorySink sink_;
  telemetry::Telemetry telemetry_{"1"};
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<HttpServer> server_;
};

using Lines = std::vector<std::string>;

std::string PackedCall() {
  const std::string_view text = R"({"userId":"u","event":"E"})";
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(200, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string Refused(int status, std::string_view code, std::string_view message) {
  return fmt::format(R"({} {{"success":false,"error":"{}","code":"{}","message":"{}"}})", status,
                     message, code, message);
}

TEST_F(IntakeTest, EveryCallArrives) {
  EXPECT_EQ(Ask("/v1/track", R"({"userId":"u","event":"E","properties":{"a":1}})"),
            R"(200 {"success":true})");
  Ask("/v1/identify", R"({"userId":"u","traits":{"email":"u@shop.example"}})");
  Ask("/v1/page", R"({"anonymousId":"x","name":"Home"})");
  Ask("/v1/screen", R"({"userId":"u"})");
  Ask("/v1/group", R"({"userId":"u","groupId":"g"})");
  Ask("/v1/alias", R"({"userId":"u","previousId":"x"})");
  EXPECT_EQ(sink_.lines,
            (Lines{"u E {\"a\": 1}", "u Identify {\"email\": \"u@shop.example\"}",
                   "a:x Page Viewed {\"name\": \"Home\"}", "u Screen Viewed {}",
                   "u Group Joined {\"group_id\": \"g\"}", "u Alias {\"previous_id\": \"x\"}"}));
  EXPECT_EQ(sink_.received.front(), clock_.Now());
}

TEST_F(IntakeTest, EveryPathOfEveryLibrary) {
  const std::string track = R"({"userId":"u","event":"E"})";
  for (const char* path :
       {"/v1/track", "/v1/track/", "/v1/t", "/v1/t/", "/api/public/apps/track"}) {
    sink_.lines.clear();
    EXPECT_EQ(Post(path, track).status, 200) << path;
    EXPECT_EQ(sink_.lines, Lines{"u E null"}) << path;
  }
  const std::pair<const char*, const char*> names[] = {
      {"i", "Identify"}, {"p", "Page Viewed"},     {"s", "Screen Viewed"}, {"g", "Group Joined"},
      {"a", "Alias"},    {"identify", "Identify"}, {"alias", "Alias"}};
  for (const auto& [type, name] : names) {
    sink_.lines.clear();
    EXPECT_EQ(Post(std::string("/v1/") + type, R"({"userId":"u"})").status, 200) << type;
    ASSERT_EQ(sink_.lines.size(), 1u);
    EXPECT_TRUE(sink_.lines[0].starts_with(std::string("u ") + name)) << sink_.lines[0];
  }
  const std::string batch = R"({"batch":[{"type":"page","userId":"u"}]})";
  for (const char* path : {"/v1/batch", "/v1/batch/", "/v1/import", "/v1/import/", "/v1/b",
                           "/api/public/apps/batch"}) {
    sink_.lines.clear();
    EXPECT_EQ(Post(path, batch).status, 200) << path;
    EXPECT_EQ(sink_.lines, Lines{"u Page Viewed {}"}) << path;
  }
}

TEST_F(IntakeTest, ALibrarysOwnMetricsAreDroppedAndCounted) {
  EXPECT_EQ(Ask("/v1/m", R"({"series":[]})", ""), R"(200 {"success":true})");
  EXPECT_EQ(sink_.lines, Lines{});
  EXPECT_NE(telemetry_.Exposition().find(R"(sojourn_intake_dropped_total{reason="metrics"} 1)"),
            std::string::npos);
}

TEST_F(IntakeTest, WriteKeysStandInManyPlaces) {
  const std::string call = R"({"userId":"u","event":"E"})";
  EXPECT_EQ(Post("/v1/track", call, "key").status, 200);  // as Dittofeed's library may send it
  EXPECT_EQ(Post("/v1/track", call, "wrong").status, 401);
  EXPECT_EQ(Post("/v1/track?writeKey=other", call, "").status, 200);
  EXPECT_EQ(Post("/v1/track?writeKey=wrong", call, "").status, 401);
  EXPECT_EQ(
      Post("/v1/import/", R"({"batch":[{"type":"page","userId":"u"}],"writeKey":"other"})", "")
          .status,
      200);
  EXPECT_EQ(
      Post("/v1/import/", R"({"batch":[{"type":"page","userId":"u"}],"writeKey":"x"})", "").status,
      401);
  // Who sends it is counted by the key's name.
  const std::string metrics = telemetry_.Exposition();
  EXPECT_NE(metrics.find(R"(sojourn_intake_events_total{write_key="website"} 1)"),
            std::string::npos);
  EXPECT_NE(metrics.find(R"(sojourn_intake_events_total{write_key="shop"} 2)"), std::string::npos);
  EXPECT_NE(metrics.find(R"(sojourn_intake_dropped_total{reason="unauthorized"} 3)"),
            std::string::npos);
}

TEST_F(IntakeTest, BrowsersMayAskBefore) {
  Request request{"OPTIONS", "/v1/t", {}, {{"Origin", "https://shop.example"}}, ""};
  request.headers.emplace_back("Access-Control-Request-Headers", "authorization,content-type");
  const auto answer = Call({"127.0.0.1", server_->port()}, request, Seconds(20));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 200);
  const auto header = [](const Response& response, std::string_view name) -> std::string {
    for (const auto& [key, value] : response.headers) {
      if (EqualIgnoringCase(key, name)) return value;
    }
    return "none";
  };
  EXPECT_EQ(header(*answer, "Access-Control-Allow-Origin"), "https://shop.example");
  EXPECT_EQ(header(*answer, "Access-Control-Allow-Headers"), "authorization,content-type");
  EXPECT_EQ(header(*answer, "Access-Control-Allow-Methods"), "POST");
  EXPECT_EQ(header(*answer, "Access-Control-Max-Age"), "86400");
  for (const char* authorization : {"Basic a2V5Og==", "Basic d3Jvbmc6"}) {
    Request call{"POST", "/v1/t", {}, {{"Origin", "https://shop.example"}}, R"({"userId":"u"})"};
    call.headers.emplace_back("Authorization", authorization);
    const auto called = Call({"127.0.0.1", server_->port()}, call, Seconds(20));
    ASSERT_TRUE(called.ok());
    EXPECT_EQ(header(*called, "Access-Control-Allow-Origin"), "https://shop.example");
    EXPECT_EQ(header(*called, "Access-Control-Expose-Headers"), "Retry-After");
  }
}

TEST_F(IntakeTest, ABadCallCostsNoOther) {
  EXPECT_EQ(Ask("/v1/batch", R"({"batch":[{"type":"page","userId":"a"},
                {"type":"track","userId":"u","event":"E","properties":{"x":NaN}},
                {"type":"track","userId":"u","event":"E","properties":{"x":"\ud83d"}},
                {"type":"page","userId":"b"}]})"),
            R"(200 {"success":true,"rejected":[{"index":1,"error":"malformed JSON"},)"
            R"({"index":2,"error":"malformed JSON: a broken string"}]})");
  ASSERT_EQ(sink_.lines.size(), 4u);
  EXPECT_EQ(sink_.lines[0], "a Page Viewed {}");
  EXPECT_EQ(sink_.lines[1], "b Page Viewed {}");
  EXPECT_EQ(sink_.lines[2],
            "rejected: malformed JSON: "
            R"({"type":"track","userId":"u","event":"E","properties":{"x":NaN}})");
}

TEST_F(IntakeTest, ABatchsContextIsBelowThatOfItsCalls) {
  Ask("/v1/batch", R"({"context":{"traits":{"plan":"pro"},"ip":"1"},"integrations":{"All":false},
      "batch":[{"type":"identify","userId":"u","traits":{"a":1}},
               {"type":"identify","userId":"u","context":{"traits":{"b":2}}},
               {"type":"identify","userId":"u","context":{"ip":"2"}}]})");
  EXPECT_EQ(sink_.lines, (Lines{R"(u Identify {"a": 1, "plan": "pro"})", R"(u Identify {"b": 2})",
                                R"(u Identify {"plan": "pro"})"}));
}

TEST_F(IntakeTest, AnUnreadableContextCostsNoCall) {
  EXPECT_EQ(Ask("/v1/batch", R"({"context":{"x":NaN},"batch":[{"type":"page","userId":"u"}]})"),
            R"(200 {"success":true})");
  EXPECT_EQ(sink_.lines, Lines{"u Page Viewed {}"});
  EXPECT_NE(telemetry_.Exposition().find(R"(sojourn_intake_dropped_total{reason="envelope"} 1)"),
            std::string::npos);
}

TEST_F(IntakeTest, TimesAreThoseOfTheClockHere) {
  // It is 09:00:00 here.
  const auto time_of = [&](const std::string& members, const std::string& around = "") {
    sink_.times.clear();
    const std::string call = R"({"type":"page","userId":"u")" + members + "}";
    EXPECT_EQ(Post("/v1/batch", "{" + around + R"("batch":[)" + call + "]}").status, 200);
    return sink_.times.empty() ? "none" : FormatRfc3339(sink_.times.front()).substr(11);
  };
  EXPECT_EQ(time_of(""), "09:00:00Z");
  EXPECT_EQ(time_of(R"(,"timestamp":"2026-03-02T08:00:00Z")"), "08:00:00Z");
  // A clock that is an hour ahead.
  const std::string sent = R"("sentAt":"2026-03-02T10:00:00Z")";
  EXPECT_EQ(time_of(R"(,"timestamp":"2026-03-02T09:59:00Z",)" + sent), "08:59:00Z");
  EXPECT_EQ(time_of(R"(,"originalTimestamp":"2026-03-02T09:59:00Z")", sent + ","), "08:59:00Z");
  EXPECT_EQ(time_of("," + sent), "09:00:00Z");
  // The call's own counts.
  EXPECT_EQ(
      time_of(R"(,"timestamp":"2026-03-02T08:00:00Z","sentAt":"2026-03-02T09:00:00Z")", sent + ","),
      "08:00:00Z");
  // Seconds behind are a clock's, hours are those of a request that is sent again.
  EXPECT_EQ(time_of(R"(,"timestamp":"2026-03-02T08:59:00Z","sentAt":"2026-03-02T08:59:55Z")"),
            "08:59:05Z");
  EXPECT_EQ(time_of(R"(,"timestamp":"2026-03-02T08:29:00Z","sentAt":"2026-03-02T08:30:00Z")"),
            "08:29:00Z");
  // Further ahead than clocks are.
  EXPECT_EQ(time_of(R"(,"timestamp":"2026-03-02T08:00:00Z","sentAt":"2026-03-04T09:00:00Z")"),
            "08:00:00Z");
  EXPECT_EQ(time_of(R"(,"timestamp":"2026-03-02T08:00:00Z","sentAt":"soon")"), "08:00:00Z");
}

TEST_F(IntakeTest, PackedBodies) {
  Request request{"POST", "/v1/track", {}, {{"Authorization", "Basic a2V5Og=="}}, ""};
  request.headers.emplace_back("Content-Encoding", "gzip");
  const auto status = [&](std::string body) {
    request.body = std::move(body);
    const auto response = Call({"127.0.0.1", server_->port()}, request, Seconds(20));
    return response.ok() ? response->status : 0;
  };
  EXPECT_EQ(status(PackedCall()), 200);
  EXPECT_EQ(sink_.lines, Lines{"u E null"});
  EXPECT_EQ(status("no gzip"), 400);
  request.headers.back().second = "br";
  EXPECT_EQ(status("x"), 415);
}

TEST_F(IntakeTest, CloudEventsInEachMode) {
  const auto post = [&](const std::string& type, std::string body, bool binary = false) {
    Request request{
        "POST", "/v1/events", {}, {{"Authorization", "Basic a2V5Og=="}}, std::move(body)};
    request.headers.emplace_back("Content-Type", type);
    if (binary) {
      request.headers.emplace_back("ce-specversion", "1.0");
      request.headers.emplace_back("CE-ID", "1");
      request.headers.emplace_back("ce-source", "/shop");
      request.headers.emplace_back("ce-type", "order%20paid");
      request.headers.emplace_back("ce-subject", "J%C3%BCrgen");
    }
    const auto response = Call({"127.0.0.1", server_->port()}, request, Seconds(20));
    return response.ok() ? fmt::format("{} {}", response->status, response->body) : "none";
  };
  const auto event = [](const std::string& id, const std::string& subject) {
    return R"({"specversion":"1.0","type":"paid","source":"s","id":")" + id + R"(","subject":")" +
           subject + R"(","data":{"a":1}})";
  };
  EXPECT_EQ(post("application/json", R"({"total":1})", true), "200 {\"success\":true}\n");
  EXPECT_EQ(post("application/cloudevents+json; charset=UTF-8", event("1", "ann")),
            "200 {\"success\":true}\n");
  EXPECT_EQ(post("application/cloudevents-batch+json",
                 "[" + event("1", "bob") + "," + event("2", "") + "," + event("3", "cleo") + "]"),
            "200 {\"success\":true,\"rejected\":[{\"index\":1,\"error\":"
            "\"neither userId nor anonymousId\"}]}\n");
  EXPECT_TRUE(post("application/json", "{}").starts_with("415 "));
  EXPECT_TRUE(post("application/cloudevents-batch+json", "{}").starts_with("400 "));
  EXPECT_EQ(sink_.lines[0], "J\u00fcrgen order paid {\"total\": 1}");
  EXPECT_EQ(sink_.lines[1], "ann paid {\"a\": 1}");
  EXPECT_EQ(sink_.lines[2], "bob paid {\"a\": 1}");
  EXPECT_EQ(sink_.lines[3], "cleo paid {\"a\": 1}");
  // One that is refused is kept with its attributes.
  sink_.lines.clear();
  EXPECT_TRUE(post("application/json", "{\"total\":{}}x", true).starts_with("400 "));
  EXPECT_TRUE(post("text/plain", "", true).starts_with("400 "));
  const std::string attributes =
      "\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/shop\",\"type\":\"order paid\","
      "\"subject\":\"J\u00fcrgen\"";
  ASSERT_EQ(sink_.lines.size(), 2u);
  EXPECT_TRUE(sink_.lines[0].ends_with(": {\"datacontenttype\":\"application/json\"," + attributes +
                                       ",\"data_base64\":\"eyJ0b3RhbCI6e319eA==\"}"))
      << sink_.lines[0];
  EXPECT_TRUE(sink_.lines[1].ends_with(": {\"datacontenttype\":\"text/plain\"," + attributes + "}"))
      << sink_.lines[1];
}

TEST_F(IntakeTest, WriteKeys) {
  const std::string call = R"({"userId":"u","event":"E"})";
  EXPECT_EQ(Ask("/v1/track", call, ""),
            Refused(401, "unauthorized", "no write key: give it as the user of HTTP Basic"));
  EXPECT_EQ(Ask("/v1/track", call, "Basic d3Jvbmc6"),
            Refused(401, "unauthorized", "wrong write key"));
  EXPECT_EQ(Ask("/v1/track", R"({"userId":"u","event":"E","writeKey":"wrong"})", ""),
            Refused(401, "unauthorized", "wrong write key"));
  EXPECT_EQ(sink_.lines, Lines{});
  EXPECT_EQ(Ask("/v1/track", R"({"userId":"u","event":"E","writeKey":"other"})", ""),
            R"(200 {"success":true})");
}

TEST_F(IntakeTest, WebPagesNeedAWriteKey) {
  const std::string call = R"({"userId":"u","event":"E"})";
  const auto from_page = [&](const std::string& path, std::string authorization) {
    Request request{"POST", path, {}, {{"Origin", "https://evil.example"}}, call};
    request.headers.emplace_back("Content-Type", "text/plain;charset=UTF-8");
    if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
    const auto response = Call({"127.0.0.1", server_->port()}, request, Seconds(20));
    return response.ok() ? response->status : 0;
  };
  EXPECT_EQ(from_page("/v1/track", "Basic a2V5Og=="), 200);
  server_->Stop(Seconds(1));
  IntakeOptions open;
  open.open_to_everyone = true;
  Start(open);
  sink_.lines.clear();
  EXPECT_EQ(from_page("/v1/track", ""), 403);
  EXPECT_EQ(from_page("/v1/track", "Basic a2V5Og=="), 403);
  EXPECT_EQ(from_page("/v1/batch", ""), 403);
  EXPECT_EQ(sink_.lines, Lines{});
  EXPECT_EQ(Ask("/v1/track", call, ""), R"(200 {"success":true})");
  EXPECT_EQ(sink_.lines, Lines{"u E null"});
}

TEST_F(IntakeTest, BadCallsAreRefusedWithTheirReason) {
  const std::pair<const char*, const char*> cases[] = {
      {"{", "malformed JSON"},
      {"[]", "no JSON object"},
      {R"({"userId":"u"})", "the event has no name"},
      {R"({"event":"E"})", "neither userId nor anonymousId"},
      {R"({"userId":"a:u","event":"E"})", R"(a known person's id may not begin with \"a:\")"},
  };
  for (const auto& [body, reason] : cases) {
    EXPECT_EQ(Ask("/v1/track", body), Refused(400, "invalid_request", reason));
    // Who sent it throws it away now, so it is kept here.
    ASSERT_FALSE(sink_.lines.empty());
    EXPECT_TRUE(sink_.lines.back().starts_with("rejected: "));
    EXPECT_TRUE(sink_.lines.back().ends_with(std::string(": ") + body));
  }
  EXPECT_EQ(sink_.lines.size(), std::size(cases));
  EXPECT_EQ(Ask("/v1/track", ""), Refused(400, "invalid_request", "malformed JSON"));
  EXPECT_EQ(sink_.lines.size(), std::size(cases));
}

TEST_F(IntakeTest, WhatStrangersSendIsNotKept) {
  EXPECT_EQ(Post("/v1/track", "{", "").status, 400);
  EXPECT_EQ(Post("/v1/track", "{}", "").status, 401);
  EXPECT_EQ(Post("/v1/track", "{", "Basic d3Jvbmc6").status, 401);
  EXPECT_EQ(sink_.lines, Lines{});
}

TEST_F(IntakeTest, ARefusedCallThatCannotBeKeptMayComeBack) {
  sink_.refusal = ResourceExhausted("the disk is nearly full");
  EXPECT_EQ(Post("/v1/track", "{").status, 503);
}

TEST_F(IntakeTest, ABatchTakesWhatIsGood) {
  EXPECT_EQ(Ask("/v1/batch", R"({"batch":[{"type":"track","userId":"u","event":"A"},
                                 {"type":"track","userId":"u"},{"type":"page","userId":"v"}]})"),
            R"(200 {"success":true,"rejected":[{"index":1,"error":"the event has no name"}]})");
  EXPECT_EQ(sink_.lines,
            (Lines{"u A null", "v Page Viewed {}",
                   R"(rejected: the event has no name: {"type":"track","userId":"u"})"}));
  EXPECT_NE(telemetry_.Exposition().find(
                R"(sojourn_dead_letters_total{reason="undecodable",source="http"} 1)"),
            std::string::npos);
  EXPECT_EQ(Ask("/v1/batch", R"({"batch":[{"type":"track","userId":"u"}]})"),
            Refused(400, "invalid_request",
                    "no call of the batch is an event; the first: the event has no name"));
  EXPECT_EQ(Ask("/v1/batch", R"({"batch":{}})"),
            Refused(400, "invalid_request", "batch is no array"));
  ASSERT_EQ(sink_.lines.size(), 5u);
  EXPECT_EQ(sink_.lines[3], R"(rejected: the event has no name: {"type":"track","userId":"u"})");
  EXPECT_EQ(sink_.lines[4], R"(rejected: batch is no array: {"batch":{}})");
  EXPECT_EQ(sink_.paths, (Lines{"/v1/batch", "/v1/batch", "/v1/batch"}));
  EXPECT_EQ(Ask("/v1/batch", R"({"batch":[]})"), R"(200 {"success":true})");
}

TEST_F(IntakeTest, ABatchNestsAsDeepAsASingleCall) {
  const auto call = [](int levels) {
    return R"({"type":"track","userId":"u","event":"E","properties":{"a":)" +
           std::string(levels - 1, '[') + std::string(levels - 1, ']') + "}}";
  };
  EXPECT_EQ(Post("/v1/track", call(kMaxEventNesting)).status, 200);
  EXPECT_EQ(Post("/v1/track", call(kMaxEventNesting + 1)).status, 400);
  EXPECT_EQ(Post("/v1/batch", R"({"batch":[)" + call(kMaxEventNesting) + "]}").status, 200);
  EXPECT_EQ(Post("/v1/batch", R"({"batch":[)" + call(kMaxEventNesting + 1) + "]}").status, 400);
}

TEST_F(IntakeTest, SizesHaveTheirLimits) {
  const auto call = [](size_t bytes) {
    const std::string_view head = R"({"userId":"u","event":"E","properties":{"a":")";
    return std::string(head) + std::string(bytes - head.size() - 3, 'x') + "\"}}";
  };
  const IntakeLimits limits;
  EXPECT_EQ(Post("/v1/track", call(limits.max_event_bytes)).status, 200);
  sink_.lines.clear();
  EXPECT_EQ(Ask("/v1/track", call(limits.max_event_bytes + 1)),
            Refused(413, "too_large", "the event is over 32768 bytes"));
  ASSERT_EQ(sink_.lines.size(), 1u);
  EXPECT_TRUE(sink_.lines[0].starts_with("rejected: the event is over 32768 bytes: {"));
  const std::string batch = R"({"batch":[{"type":"page","userId":"u"},)";
  EXPECT_EQ(
      Ask("/v1/batch", batch + call(limits.max_event_bytes + 1) + "]}"),
      R"(200 {"success":true,"rejected":[{"index":1,"error":"the event is over 32768 bytes"}]})");
  const std::string full = batch + call(limits.max_event_bytes) + "]}";
  EXPECT_EQ(Post("/v1/batch", full + std::string(limits.max_body_bytes - full.size(), ' ')).status,
            200);
  EXPECT_EQ(Post("/v1/batch", std::string(limits.max_body_bytes + 1, ' ')).status, 413);
}

TEST_F(IntakeTest, AnEventIsJudgedAsItIsStored) {
  server_->Stop(Seconds(1));
  IntakeOptions options;
  options.limits.max_event_bytes = kMaxEventBytes;
  Start(options);
  // Short numbers take more room as protobuf.
  std::string numbers = R"({"userId":"u","event":"E","properties":{"a":[1)";
  while (numbers.size() < kMaxEventBytes - 100) numbers += ",1";
  EXPECT_EQ(Ask("/v1/track", numbers + "]}}"),
            Refused(400, "invalid_request", "the event is over 262144 bytes"));
  // Negative ones most of all.
  numbers = R"({"userId":"u","event":"E","properties":{"a":[-1)";
  while (numbers.size() < kMaxEventBytes / 4 - 100) numbers += ",-1";
  EXPECT_EQ(Ask("/v1/track", numbers + "]}}"),
            Refused(400, "invalid_request", "the event is over 262144 bytes"));
  // What the batch adds is part of it, of whatever call.
  const std::string traits(kMaxEventBytes, 'x');
  for (const char* call :
       {R"({"userId":"u","event":"E"})", R"({"userId":"u","type":"identify"})"}) {
    sink_.lines.clear();
    EXPECT_EQ(
        Ask("/v1/batch", R"({"context":{"traits":{"t":")" + traits + R"("}},"batch":[)" + call +
                             R"(,{"userId":"u","event":"F","context":{"traits":{}}}]})"),
        R"(200 {"success":true,"rejected":[{"index":0,)"
        R"("error":"the event is over 262144 bytes"}]})");
    EXPECT_EQ(
        sink_.lines,
        (Lines{"u F null", std::string("rejected: the event is over 262144 bytes: ") + call}));
  }
}

TEST_F(IntakeTest, ABatchsContextDoesNotMultiply) {
  const IntakeLimits limits;
  const auto batch = [](size_t traits_bytes, size_t count, const std::string& type) {
    std::string calls;
    for (size_t i = 0; i < count; ++i) {
      calls += (i == 0 ? "" : ",") + (R"({"userId":"u","event":"E","type":")" + type + "\"}");
    }
    return R"({"context":{"traits":{"t":")" + std::string(traits_bytes, 'x') + R"("}},"batch":[)" +
           calls + "]}";
  };
  const size_t bytes = size_t{100} << 10;
  const size_t count = MaxRequestBytes(limits) / bytes;
  for (const char* type : {"track", "identify"}) {
    sink_.lines.clear();
    EXPECT_EQ(Ask("/v1/batch", batch(bytes, count - 1, type)), R"(200 {"success":true})");
    EXPECT_EQ(sink_.lines.size(), count - 1);
    EXPECT_EQ(Ask("/v1/batch", batch(bytes, count + 1, type)),
              Refused(413, "too_large",
                      fmt::format("the calls and the context that they share are over {} bytes",
                                  MaxRequestBytes(limits))));
    EXPECT_EQ(sink_.lines.size(), count - 1);  // nothing of it
  }
}

TEST_F(IntakeTest, AContextOfManyMembersCostsNoCallAnything) {
  std::string context = "{\"k\":0";
  for (int i = 0; i < 25'000; ++i) context += fmt::format(",\"{}\":1", i);
  std::string calls;
  for (int i = 0; i < 2'000; ++i) {
    calls += (i == 0 ? "" : ",") + std::string(R"({"userId":"a","event":"x","context":{"a":1}})");
  }
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(Post("/v1/batch", R"({"context":)" + context + R"(},"batch":[)" + calls + "]}").status,
            200);
  // 50 million members copied, and sorted, took half a minute here.
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
  EXPECT_EQ(sink_.lines.size(), 2'000u);
}

TEST_F(IntakeTest, APublicKeyReportsOnlyWhatPagesKnow) {
  const std::string page = "Basic cGFnZTo=";
  const std::string_view names[] = {"Person Erased",        "Person Merged",      "Email Delivered",
                                    "Email Opened",         "Email Link Clicked", "Email Bounced",
                                    "Email Marked as Spam", "Coupon Redeemed"};
  for (const std::string_view name : names) {
    sink_.lines.clear();
    const std::string call = fmt::format(R"({{"userId":"u","event":"{}"}})", name);
    const std::string reason =
        fmt::format("\"{}\" is for servers to report, with a write key that is not public", name);
    EXPECT_EQ(Post("/v1/track", call, page).status, 400);
    EXPECT_EQ(sink_.lines, Lines{"rejected: " + reason + ": " + call});
    // Its neighbours are taken, whatever form it has.
    EXPECT_EQ(
        Post("/v1/batch", R"({"batch":[)" + call + R"(,{"userId":"u","event":"E"}]})", page).status,
        200);
    EXPECT_EQ(sink_.lines.size(), 3u);
    EXPECT_EQ(sink_.lines[1], "u E null");
    EXPECT_EQ(Post("/v1/track", call).status, 200);
    EXPECT_EQ(sink_.lines.back(), fmt::format("u {} null", name));
  }
  for (const char* name : {"Order Completed", "Subscribed", "Unsubscribed"}) {
    EXPECT_EQ(Post("/v1/track", fmt::format(R"({{"userId":"u","event":"{}"}})", name), page).status,
              200);
  }
  EXPECT_EQ(
      Post("/v1/track", R"({"userId":"u","event":"Person Erased","writeKey":"page"})", "").status,
      400);
}

TEST_F(IntakeTest, PagesLearnThatTheirBodyIsTooLarge) {
  const IntakeLimits limits;
  Request request{"POST", "/v1/b", {}, {{"Origin", "https://shop.example"}}, ""};
  request.body.assign(limits.max_body_bytes + 1, ' ');
  const auto answer = Call({"127.0.0.1", server_->port()}, request, Seconds(20));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 413);
  std::string allowed;
  for (const auto& [name, value] : answer->headers) {
    if (EqualIgnoringCase(name, "Access-Control-Allow-Origin")) allowed = value;
  }
  EXPECT_EQ(allowed, "https://shop.example");
  EXPECT_NE(telemetry_.Exposition().find(R"(sojourn_intake_dropped_total{reason="too_large"} 1)"),
            std::string::npos);
}

TEST_F(IntakeTest, CallsHaveTheirNumber) {
  server_->Stop(Seconds(1));
  IntakeOptions options;
  options.limits.max_batch_calls = 2;
  Start(options);
  const std::string page = R"({"type":"page","userId":"u"})";
  EXPECT_EQ(Post("/v1/batch", R"({"batch":[)" + page + "," + page + "]}").status, 200);
  EXPECT_EQ(Post("/v1/batch", R"({"batch":[)" + page + "," + page + "," + page + "]}").status, 413);
}

TEST_F(IntakeTest, ARefusingSinkAsksToComeBack) {
  sink_.refusal = ResourceExhausted("the disk is nearly full");
  const Response response = Post("/v1/track", R"({"userId":"u","event":"E"})");
  EXPECT_EQ(response.status, 503);
  EXPECT_TRUE(
      response.body.starts_with("{\"success\":false,\"error\":\"the disk is nearly full\""));
  bool retry_after = false;
  for (const auto& [name, value] : response.headers) retry_after |= name == "Retry-After";
  EXPECT_TRUE(retry_after);
}

TEST_F(IntakeTest, TooMuchWaitingIsRefused) {
  server_->Stop(Seconds(1));
  IntakeOptions options;
  options.max_waiting_bytes = 100;
  Start(options);
  sink_.delay_ms = 300;
  std::atomic<int> taken = 0;
  std::atomic<int> refused = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back([&] {
      const int status = Post("/v1/track", R"({"userId":"u","event":"E","x":"12345678"})").status;
      if (status == 200) ++taken;
      if (status == 429) ++refused;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(taken + refused, 6);
  EXPECT_GE(taken, 1);
  EXPECT_GE(refused, 1);
  EXPECT_EQ(sink_.lines.size(), static_cast<size_t>(taken));
}

TEST_F(IntakeTest, RequestsShareAppends) {
  sink_.delay_ms = 20;
  std::vector<std::thread> clients;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back([this, i] {
      const std::string call = fmt::format(R"({{"userId":"u{}","event":"E"}})", i);
      EXPECT_EQ(Post("/v1/track", call).status, 200);
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(sink_.lines.size(), 20u);
  EXPECT_LT(sink_.appends, 20);
}

TEST_F(IntakeTest, WhatComesAgainIsAnsweredAndDropped) {
  const std::string batch =
      R"({"batch":[{"type":"page","userId":"u","messageId":"1"},{"type":"page","userId":"u"},)"
      R"({"type":"page","userId":"v","messageId":"1"},)"
      R"({"type":"page","userId":"u","messageId":"1"}]})";
  sink_.refusal = Unavailable("not yet");
  EXPECT_EQ(Post("/v1/batch", batch).status, 503);  // was not taken, so it is no repetition
  sink_.refusal = Status::Ok();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ask("/v1/batch", batch), R"(200 {"success":true})");
  EXPECT_EQ(sink_.lines, (Lines{"u Page Viewed {}", "u Page Viewed {}", "v Page Viewed {}",
                                "u Page Viewed {}", "u Page Viewed {}"}));
  EXPECT_NE(telemetry_.Exposition().find(R"(sojourn_intake_dropped_total{reason="repeated"} 8)"),
            std::string::npos);
}

TEST_F(IntakeTest, WhatTheLogHasFromTheHourBeforeTheStartIsNotTakenAgain) {
  server_->Stop(Seconds(1));
  intake_.reset();
  const Timestamp now = clock_.Now();
  sink_.earlier = {{"u", "1", now + Minutes(1)},
                   {"u", "2", now - Minutes(59)},
                   {"u", "3", now - Minutes(61)},
                   {"u", "4", now - Minutes(62)}};
  Start({});
  for (int id = 1; id <= 5; ++id) {
    const std::string call = fmt::format(
        R"({{"userId":"u","event":"E","messageId":"{}","properties":{{"n":{}}}}})", id, id);
    EXPECT_EQ(Ask("/v1/track", call), R"(200 {"success":true})");
  }
  EXPECT_EQ(sink_.lines, (Lines{"u E {\"n\": 3}", "u E {\"n\": 4}", "u E {\"n\": 5}"}));
}

TEST_F(IntakeTest, NobodyWaitsForTheOldestIds) {
  server_->Stop(Seconds(1));
  intake_.reset();
  sink_.oldest = {"u", "1", clock_.Now()};
  sink_.visited = false;
  Start({});
  const auto call = [](int id) {
    return fmt::format(R"({{"userId":"u","event":"E","messageId":"{}"}})", id);
  };
  EXPECT_EQ(Ask("/v1/track", call(2)), R"(200 {"success":true})");
  while (!sink_.visited) std::this_thread::yield();
  EXPECT_EQ(Ask("/v1/track", call(1)), R"(200 {"success":true})");
  EXPECT_EQ(sink_.lines, Lines{"u E null"});
}

TEST_F(IntakeTest, WithoutAWriteKeyNothingIsTaken) {
  MemorySink sink;
  Intake closed({}, &sink, nullptr);
  auto server = HttpServer::Start({.port = 0}, closed.Routes(), nullptr);
  ASSERT_TRUE(server.ok());
  Request request{"POST", "/v1/track", {}, {}, R"({"userId":"u","event":"E"})"};
  const auto response = Call({"127.0.0.1", (*server)->port()}, request, Seconds(20));
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->status, 401);
}

}  // namespace
}  // namespace sojourn::http
