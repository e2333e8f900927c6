#include "connectors/webhook/http_caller.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>

#include <fmt/format.h>

namespace sojourn::webhook {
namespace {

using Kind = HttpAnswer::Kind;

constexpr char kOk[] = "HTTP/1.1 204 No Content\r\n\r\n";

// Answers each connection with the same bytes, once a whole request is there, and closes it.
class Server {
 public:
  explicit Server(std::string answer, std::function<void(int)> then = {})
      : answer_(std::move(answer)), then_(std::move(then)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listener_, 16), 0);
    socklen_t size = sizeof(address);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~Server() {
    stopping_ = true;
    thread_.join();
    close(listener_);
  }

  uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  bool stopping() const { return stopping_; }
  std::string request() {
    const std::lock_guard lock(mutex_);
    return request_;
  }

 private:
  void Serve() {
    while (!stopping_) {
      pollfd waiting{listener_, POLLIN, 0};
      if (poll(&waiting, 1, 20) <= 0) continue;
      const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      ++connections_;
      ReadRequest(connection);
      static_cast<void>(send(connection, answer_.data(), answer_.size(), MSG_NOSIGNAL));
      if (then_) then_(connection);
      close(connection);
    }
  }

  void ReadRequest(int connection) {
    std::string text;
    char buffer[4096];
    while (text.find("\r\n\r\n") == std::string::npos ||
           (text.starts_with("POST") && text.back() != '}')) {
      const ssize_t count = recv(connection, buffer, sizeof(buffer), 0);
      if (count <= 0) break;
      text.append(buffer, static_cast<size_t>(count));
    }
    const std::lock_guard lock(mutex_);
    request_ = text;
  }

  const std::string answer_;
  const std::function<void(int)> then_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::string request_;  // guarded by mutex_
  std::thread thread_;
};

class HttpCallerTest : public testing::Test {
 protected:
  std::unique_ptr<HttpCaller> Open(const std::vector<std::string>& allow_private = {
                                       "127.0.0.0/8"}) {
    auto rules = AddressRules::Make(allow_private);
    EXPECT_TRUE(rules.ok());
    options_.rules = *std::move(rules);
    auto caller = HttpCaller::Open(options_);
    EXPECT_TRUE(caller.ok());
    return *std::move(caller);
  }

  static HttpRequest Post(const std::string& url) {
    return {"POST", url, {{"webhook-id", "act_1"}}, R"({"a":1})"};
  }
  static std::string Url(const Server& server, std::string_view host = "127.0.0.1") {
    return fmt::format("http://{}:{}/hook?key=1", host, server.port());
  }

  CallerOptions options_;
};

TEST_F(HttpCallerTest, SendsMethodHeadersAndBody) {
  Server server(kOk);
  const HttpAnswer answer = Open()->Call(Post(Url(server)));
  EXPECT_EQ(answer.kind, Kind::kAnswered) << answer.error;
  EXPECT_EQ(answer.status, 204);
  const std::string request = server.request();
  EXPECT_TRUE(request.starts_with("POST /hook?key=1 HTTP/1.1\r\n")) << request;
  EXPECT_NE(request.find("\r\nwebhook-id: act_1\r\n"), std::string::npos) << request;
  EXPECT_TRUE(request.ends_with("\r\n\r\n{\"a\":1}")) << request;
}

TEST_F(HttpCallerTest, AGetHasNoBody) {
  Server server(kOk);
  EXPECT_EQ(Open()->Call({"GET", Url(server), {}, ""}).status, 204);
  EXPECT_TRUE(server.request().starts_with("GET /hook?key=1 HTTP/1.1\r\n"));
}

TEST_F(HttpCallerTest, WhatIsNotOnThePublicInternetIsNotConnectedTo) {
  Server server(kOk);
  const std::string port = std::to_string(server.port());
  // A name whose address has changed since anybody looked at it.
  options_.resolved = {"rebinding.example:" + port + ":127.0.0.1",
                       "mapped.example:" + port + ":[::ffff:127.0.0.1]"};
  const auto caller = Open({});
  for (const char* host :
       {"127.0.0.1", "127.1", "0x7f.1", "0177.0.0.1", "2130706433", "localhost", "0",
        "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[::1]", "[::]", "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]", "rebinding.example", "mapped.example", "10.0.0.1", "169.254.169.254"}) {
    const HttpAnswer answer = caller->Call(Post(Url(server, host)));
    EXPECT_EQ(answer.kind, Kind::kRefused) << host << ": " << answer.error;
    EXPECT_NE(answer.error.find("not on the public Internet"), std::string::npos) << answer.error;
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(HttpCallerTest, TheHostThatIsNamedIsOpen) {
  Server server(kOk);
  options_.resolved = {fmt::format("crm.example:{}:127.0.0.1", server.port())};
  const auto caller = Open({"crm.example"});
  EXPECT_EQ(caller->Call(Post(Url(server))).kind, Kind::kRefused);
  EXPECT_EQ(caller->Call(Post(Url(server, "crm.example"))).status, 204);
}

TEST_F(HttpCallerTest, NoRedirectIsFollowed) {
  Server target(kOk);
  Server server(
      fmt::format("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", Url(target)));
  const HttpAnswer answer = Open()->Call(Post(Url(server)));
  EXPECT_EQ(answer.status, 302);
  EXPECT_EQ(target.connections(), 0);
}

TEST_F(HttpCallerTest, NoProxyOfTheEnvironmentIsAsked) {
  Server proxy(kOk);
  setenv("http_proxy", Url(proxy).c_str(), 1);
  setenv("ALL_PROXY", Url(proxy).c_str(), 1);
  Server server(kOk);
  EXPECT_EQ(Open()->Call(Post(Url(server))).status, 204);
  unsetenv("http_proxy");
  unsetenv("ALL_PROXY");
  EXPECT_EQ(proxy.connections(), 0);
}

TEST_F(HttpCallerTest, RetryAfterIsSecondsOrADate) {
  Server seconds("HTTP/1.1 503 No\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(Open()->Call(Post(Url(seconds))).retry_after, Seconds(120));
  const std::time_t in_an_hour = std::time(nullptr) + 3600;
  char date[64];
  std::strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", std::gmtime(&in_an_hour));
  Server dated(
      fmt::format("HTTP/1.1 429 No\r\nRetry-After: {}\r\nContent-Length: 0\r\n\r\n", date));
  const Duration asked = Open()->Call(Post(Url(dated))).retry_after;
  EXPECT_GT(asked, Seconds(3500));
  EXPECT_LE(asked, Seconds(3600));
  Server senseless("HTTP/1.1 503 No\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(Open()->Call(Post(Url(senseless))).retry_after, Duration(0));
}

TEST_F(HttpCallerTest, AnEndlessBodyIsNotRead) {
  Server server("HTTP/1.1 200 OK\r\n\r\n", [&](int connection) {
    const std::string chunk(65536, 'x');
    while (send(connection, chunk.data(), chunk.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  const HttpAnswer answer = Open()->Call(Post(Url(server)));
  EXPECT_EQ(answer.status, 200);
}

TEST_F(HttpCallerTest, EndlessHeadersAreNoAnswer) {
  Server server("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 ", [&](int connection) {
    const std::string chunk(65536, 'x');
    while (send(connection, chunk.data(), chunk.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  const HttpAnswer answer = Open()->Call(Post(Url(server)));
  EXPECT_EQ(answer.kind, Kind::kNoAnswer);
  EXPECT_EQ(answer.status, 0);
}

TEST_F(HttpCallerTest, SilenceEndsInTime) {
  options_.timeout = Milliseconds(300);
  Server server("", [&](int) { std::this_thread::sleep_for(std::chrono::seconds(1)); });
  const auto started = std::chrono::steady_clock::now();
  const HttpAnswer answer = Open()->Call(Post(Url(server)));
  EXPECT_EQ(answer.kind, Kind::kNoAnswer);
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::milliseconds(900));
  EXPECT_EQ(answer.error.find("key=1"), std::string::npos) << answer.error;
}

TEST_F(HttpCallerTest, WhatIsNoHttpIsNoAnswer) {
  for (const char* bytes : {"SSH-2.0-OpenSSH\r\n", "", "HTTP/1.1\r\n\r\n"}) {
    Server server(bytes);
    EXPECT_EQ(Open()->Call(Post(Url(server))).kind, Kind::kNoAnswer) << bytes;
  }
}

TEST_F(HttpCallerTest, OnlyHttpUrlsAreCalled) {
  const auto caller = Open();
  for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/",
                          "http://", "http://a b/", ""}) {
    const HttpAnswer answer = caller->Call(Post(url));
    EXPECT_NE(answer.kind, Kind::kAnswered) << url;
    EXPECT_EQ(answer.status, 0) << url;
  }
}

TEST_F(HttpCallerTest, ACallEndsSoonAfterGiveUp) {
  Server server("", [](int) { std::this_thread::sleep_for(std::chrono::seconds(5)); });
  const auto caller = Open();
  const auto started = std::chrono::steady_clock::now();
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    caller->GiveUp();
  });
  EXPECT_EQ(caller->Call(Post(Url(server))).kind, Kind::kGaveUp);
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::milliseconds(4800));
  stopper.join();
}

TEST(HttpCaller, ACaFileThatIsNotThereIsRefused) {
  CallerOptions options;
  options.ca_file = "/nowhere/ca.pem";
  EXPECT_EQ(HttpCaller::Open(options).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sojourn::webhook
