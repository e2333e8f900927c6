#include "connectors/http/intake.h"

#include <atomic>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "connectors/http/http_client.h"
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
    }
    for (const RejectedCall& call : rejected) {
      lines.push_back("rejected: " + call.reason + ": " + call.json);
    }
    return Status::Ok();
  }

  std::atomic<int> delay_ms = 0;
  std::mutex mutex;
  Status refusal;
  int appends = 0;
  std::vector<std::string> lines;
  std::vector<Timestamp> received;
};

class FixedClock : public runtime::WallClock {
 public:
  Timestamp Now() const override { return Timestamp(1772442000000); }
};

class IntakeTest : public ::testing::Test {
 protected:
  void Start(IntakeOptions options) {
    if (!options.open_to_everyone) options.write_keys = {"other", "key"};
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

TEST_F(IntakeTest, WriteKeys) {
  const std::string call = R"({"userId":"u","event":"E"})";
  EXPECT_EQ(Ask("/v1/track", call, ""),
            R"(401 {"success":false,"error":"no write key: give it as the user of HTTP Basic"})");
  EXPECT_EQ(Ask("/v1/track", call, "Basic d3Jvbmc6"),
            R"(401 {"success":false,"error":"wrong write key"})");
  EXPECT_EQ(Ask("/v1/track", R"({"userId":"u","event":"E","writeKey":"wrong"})", ""),
            R"(401 {"success":false,"error":"wrong write key"})");
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
    EXPECT_EQ(Ask("/v1/track", body),
              fmt::format(R"(400 {{"success":false,"error":"{}"}})", reason));
    // Who sent it throws it away now, so it is kept here.
    ASSERT_FALSE(sink_.lines.empty());
    EXPECT_TRUE(sink_.lines.back().starts_with("rejected: "));
    EXPECT_TRUE(sink_.lines.back().ends_with(std::string(": ") + body));
  }
  EXPECT_EQ(sink_.lines.size(), std::size(cases));
  EXPECT_EQ(Ask("/v1/track", ""), R"(400 {"success":false,"error":"malformed JSON"})");
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
            R"(400 {"success":false,"error":"no call of the batch is an event; the first: )"
            R"(the event has no name"})");
  EXPECT_EQ(Ask("/v1/batch", R"({"batch":{}})"),
            R"(400 {"success":false,"error":"batch is no array"})");
  ASSERT_EQ(sink_.lines.size(), 5u);
  EXPECT_EQ(sink_.lines[3], R"(rejected: the event has no name: {"type":"track","userId":"u"})");
  EXPECT_EQ(sink_.lines[4], R"(rejected: batch is no array: {"batch":{}})");
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
    return R"({"userId":"u","event":"E","properties":{"a":")" + std::string(bytes, 'x') + "\"}}";
  };
  EXPECT_EQ(Post("/v1/track", call(kMaxEventBytes - 100)).status, 200);
  EXPECT_EQ(Post("/v1/track", call(kMaxEventBytes)).status, 413);
  // Within a batch the event itself is judged, as it will be stored.
  const std::string batch = R"({"batch":[{"type":"page","userId":"u"},)";
  EXPECT_EQ(
      Ask("/v1/batch", batch + call(kMaxEventBytes) + "]}"),
      R"(200 {"success":true,"rejected":[{"index":1,"error":"the event is over 262144 bytes"}]})");
  EXPECT_EQ(Post("/v1/batch", batch + call(3 << 20) + "]}").status, 413);
  // Short numbers take more room as protobuf.
  std::string numbers = R"({"userId":"u","event":"E","properties":{"a":[1)";
  while (numbers.size() < kMaxEventBytes - 100) numbers += ",1";
  EXPECT_EQ(Ask("/v1/track", numbers + "]}}"),
            R"(400 {"success":false,"error":"the event is over 262144 bytes"})");
}

TEST_F(IntakeTest, CallsHaveTheirNumber) {
  server_->Stop(Seconds(1));
  IntakeOptions options;
  options.max_batch_calls = 2;
  Start(options);
  const std::string page = R"({"type":"page","userId":"u"})";
  EXPECT_EQ(Post("/v1/batch", R"({"batch":[)" + page + "," + page + "]}").status, 200);
  EXPECT_EQ(Post("/v1/batch", R"({"batch":[)" + page + "," + page + "," + page + "]}").status, 413);
}

TEST_F(IntakeTest, ARefusingSinkAsksToComeBack) {
  sink_.refusal = ResourceExhausted("the disk is nearly full");
  const Response response = Post("/v1/track", R"({"userId":"u","event":"E"})");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body, "{\"success\":false,\"error\":\"the disk is nearly full\"}\n");
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
