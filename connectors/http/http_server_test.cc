#include "connectors/http/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "connectors/http/http_client.h"
#include "connectors/http/http_session.h"

namespace sojourn::http {
namespace {

// A plain connection, to say what no proper client says.
class RawConnection {
 public:
  explicit RawConnection(uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    const timeval limit{10, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  }
  ~RawConnection() { close(socket_); }

  bool connected() const { return connected_; }
  void Send(const std::string& bytes) {
    EXPECT_EQ(send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // Everything until `end` has come or the other side closes.
  std::string ReadUntil(const std::string& end) {
    std::string text;
    char byte = 0;
    while (text.find(end) == std::string::npos && recv(socket_, &byte, 1, 0) == 1) text += byte;
    return text;
  }
  bool HasAnswer() const {
    pollfd waiting{socket_, POLLIN, 0};
    return poll(&waiting, 1, 0) > 0;
  }
  // True: the other side has closed, and sent nothing before.
  bool IsClosed() {
    char byte = 0;
    return recv(socket_, &byte, 1, 0) == 0;
  }

 private:
  const int socket_;
  bool connected_ = false;
};

std::vector<Route> EchoRoutes() {
  const auto echo = [](const Request& request, const Respond& respond) {
    std::string text = request.method + " " + request.path;
    for (const auto& [name, value] : request.query) text += " " + name + "=" + value;
    respond({200, text + " " + request.body, "text/plain"});
  };
  Route small{"POST", "/echo", echo};
  small.max_body_bytes = 1000;
  Route waiting{"GET", "/waiting", echo, true};
  return {small, {"GET", "/echo", echo}, waiting};
}

std::unique_ptr<HttpServer> StartServer(ServerOptions options, std::vector<Route> routes,
                                        telemetry::Telemetry* telemetry = nullptr) {
  options.port = 0;
  auto server = HttpServer::Start(options, std::move(routes), telemetry);
  EXPECT_TRUE(server.ok()) << server.status().message();
  return std::move(server).value();
}

// "STATUS BODY" or the error.
std::string Ask(const HttpServer& server, const std::string& method, const std::string& target,
                std::string body = "") {
  Request request;
  request.method = method;
  request.path = target;
  request.body = std::move(body);
  const auto response = Call({"127.0.0.1", server.port()}, request, Seconds(20));
  if (!response.ok()) return response.status().message();
  return std::to_string(response->status) + " " + response->body;
}

TEST(HttpServer, Routes) {
  const auto server = StartServer({}, EchoRoutes());
  EXPECT_EQ(Ask(*server, "GET", "/echo?a=1&b=%20"), "200 GET /echo a=1 b=  ");
  EXPECT_EQ(Ask(*server, "POST", "/echo", "hello"), "200 POST /echo hello");
  EXPECT_EQ(Ask(*server, "GET", "/waiting"), "200 GET /waiting ");
  EXPECT_EQ(Ask(*server, "GET", "/nothing"),
            "404 {\"success\":false,\"error\":\"there is nothing at this "
            "path\",\"code\":\"not_found\",\"message\":\"there is nothing at this path\"}\n");
  EXPECT_EQ(Ask(*server, "DELETE", "/echo"),
            "405 {\"success\":false,\"error\":\"this path takes POST, "
            "GET\",\"code\":\"method_not_allowed\",\"message\":\"this path takes POST, GET\"}\n");
}

TEST(HttpServer, BodiesOfAllRequestsHaveALimit) {
  Route route{"POST", "/echo", [](const Request&, const Respond& respond) { respond({}); }};
  route.max_body_bytes = kMaxHeldBytes;
  const auto server = StartServer({}, {route});
  // Eight that come to the limit and one more, each but for its last byte.
  std::vector<std::unique_ptr<RawConnection>> clients;
  for (size_t i = 0; i <= 8; ++i) {
    const size_t bytes = i < 8 ? kMaxHeldBytes / 8 : 10'000;
    clients.push_back(std::make_unique<RawConnection>(server->port()));
    clients.back()->Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                         std::to_string(bytes) + "\r\n\r\n" + std::string(bytes - 1, 'x'));
  }
  const auto has_answer = [](const auto& client) { return client->HasAnswer(); };
  auto refused = clients.end();
  for (int i = 0; i < 400 && refused == clients.end(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    refused = std::find_if(clients.begin(), clients.end(), has_answer);
  }
  ASSERT_NE(refused, clients.end());
  const std::string answer = (*refused)->ReadUntil("\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503")) << answer;
  EXPECT_NE(answer.find("Retry-After: 1"), std::string::npos) << answer;
  clients.erase(refused);
  EXPECT_EQ(std::count_if(clients.begin(), clients.end(), has_answer), 0);
  for (const auto& client : clients) {
    client->Send("x");
    EXPECT_TRUE(client->ReadUntil("\r\n").starts_with("HTTP/1.1 200"));
  }
  // What was answered makes room, a moment later.
  std::string next;
  for (int i = 0; i < 200 && !next.starts_with("200"); ++i) {
    next = Ask(*server, "POST", "/echo", std::string(kMaxHeldBytes / 2, 'y'));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_TRUE(next.starts_with("200")) << next;
}

TEST(HttpServer, RoutesByPrefix) {
  std::vector<Route> routes = EchoRoutes();
  routes.push_back(routes[1]);
  routes.back().path = "/below/";
  routes.back().is_prefix = true;
  const auto server = StartServer({}, routes);
  EXPECT_EQ(Ask(*server, "GET", "/below/a/b?c=d"), "200 GET /below/a/b c=d ");
  EXPECT_EQ(Ask(*server, "GET", "/below/"), "200 GET /below/ ");
  EXPECT_TRUE(Ask(*server, "GET", "/below").starts_with("404 "));
  EXPECT_TRUE(Ask(*server, "GET", "/echo/x").starts_with("404 "));
  EXPECT_TRUE(Ask(*server, "POST", "/below/a").starts_with("405 "));
}

TEST(HttpServer, AHeadHasNoBody) {
  std::vector<Route> routes = EchoRoutes();
  routes.push_back(routes[1]);
  routes.back().method = "HEAD";
  const auto server = StartServer({}, routes);
  RawConnection connection(server->port());
  connection.Send(
      "HEAD /echo HTTP/1.1\r\nHost: x\r\n\r\nGET /echo?n=2 HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string head = connection.ReadUntil("\r\n\r\n");
  EXPECT_NE(head.find("Content-Length: 11\r\n"), std::string::npos) << head;
  EXPECT_TRUE(connection.ReadUntil("n=2 ").starts_with("HTTP/1.1 200"));
  connection.Send("HEAD /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(connection.ReadUntil("\r\n\r\n").starts_with("HTTP/1.1 404"));
  EXPECT_TRUE(connection.IsClosed());
}

TEST(HttpServer, KeepsConnectionsAlive) {
  const auto server = StartServer({}, EchoRoutes());
  RawConnection connection(server->port());
  for (int i = 0; i < 3; ++i) {
    connection.Send("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(connection.ReadUntil("GET /echo ").starts_with("HTTP/1.1 200"));
  }
  // Two at once are answered in order.
  connection.Send(
      "GET /echo?n=1 HTTP/1.1\r\nHost: x\r\n\r\nGET /echo?n=2 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(connection.ReadUntil("n=1 ").find("200"), std::string::npos);
  EXPECT_NE(connection.ReadUntil("n=2 ").find("200"), std::string::npos);
  connection.Send("GET /echo HTTP/1.0\r\n\r\n");
  connection.ReadUntil("GET /echo ");
  EXPECT_TRUE(connection.IsClosed());
}

TEST(HttpServer, BodiesHaveTheirLimit) {
  const auto server = StartServer({}, EchoRoutes());
  const std::string largest(1000, 'x');
  EXPECT_EQ(Ask(*server, "POST", "/echo", largest), "200 POST /echo " + largest);
  const std::string refusal =
      "413 {\"success\":false,\"error\":\"the body is over 1000 "
      "bytes\",\"code\":\"too_large\",\"message\":\"the body is over 1000 bytes\"}\n";
  EXPECT_EQ(Ask(*server, "POST", "/echo", largest + "x"), refusal);
  EXPECT_EQ(Ask(*server, "POST", "/echo", std::string(1'000'000, 'x')), refusal);
  // Without a length the limit shows while reading.
  RawConnection connection(server->port());
  connection.Send("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" +
                  std::string(2000, 'x') + "\r\n0\r\n\r\n");
  EXPECT_TRUE(connection.ReadUntil("bytes").starts_with("HTTP/1.1 413"));
}

TEST(HttpServer, HeadersHaveTheirLimit) {
  ServerOptions options;
  options.head.max_bytes = 500;
  const auto server = StartServer(options, EchoRoutes());
  RawConnection connection(server->port());
  connection.Send("GET /echo HTTP/1.1\r\nX: " + std::string(1000, 'x') + "\r\n\r\n");
  EXPECT_TRUE(connection.ReadUntil("too large").starts_with("HTTP/1.1 431"));
}

TEST(HttpServer, MalformedRequestsAreRefused) {
  const auto server = StartServer({}, EchoRoutes());
  for (const char* text : {"nonsense\r\n\r\n", "GET\r\n\r\n", "GET /echo HTTP/9.9\r\n\r\n",
                           "POST /echo HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                           "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    RawConnection connection(server->port());
    connection.Send(text);
    EXPECT_TRUE(connection.ReadUntil("malformed").starts_with("HTTP/1.1 400")) << text;
  }
  EXPECT_EQ(Ask(*server, "GET", "/echo"), "200 GET /echo ");
}

// Nothing reads trailers, but they come before the end.
TEST(HttpServer, TrailersAreReadOverWithinTheirLimit) {
  const auto server = StartServer({}, EchoRoutes());
  const auto with_trailers = [&](const std::string& trailers) {
    RawConnection connection(server->port());
    connection.Send("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n" +
                    trailers + "\r\n");
    return connection.ReadUntil("\r\n").substr(0, 12);
  };
  EXPECT_EQ(with_trailers("X: y\r\nZ: " + std::string(1000, 'z') + "\r\n"), "HTTP/1.1 200");
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "X: 1234567890\r\n";
  EXPECT_EQ(with_trailers(many), "HTTP/1.1 400");
  // More than a field can be.
  EXPECT_EQ(with_trailers("X: " + std::string(70'000, 'y') + "\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(with_trailers(std::string(70'000, 'x') + ": y\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(with_trailers("X: " + std::string(5'000'000, 'y') + "\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(Ask(*server, "GET", "/echo"), "200 GET /echo ");
}

TEST(HttpServer, SizesOfChunksHaveTheirLimit) {
  const auto server = StartServer({}, EchoRoutes());
  RawConnection connection(server->port());
  connection.Send("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;" +
                  std::string(200'000, 'x'));
  EXPECT_EQ(connection.ReadUntil("\r\n").substr(0, 12), "HTTP/1.1 400");
}

TEST(HttpServer, ContinueIsSaidBeforeALargeBody) {
  const auto server = StartServer({}, EchoRoutes());
  RawConnection connection(server->port());
  connection.Send("POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(connection.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  connection.Send("hi");
  EXPECT_TRUE(connection.ReadUntil("POST /echo hi").starts_with("HTTP/1.1 200"));
}

TEST(HttpServer, SlowClientsAreDropped) {
  ServerOptions options;
  options.read_timeout = Milliseconds(200);
  options.idle_timeout = Milliseconds(200);
  const auto server = StartServer(options, EchoRoutes());
  RawConnection silent(server->port());
  EXPECT_TRUE(silent.IsClosed());
  RawConnection slow(server->port());
  slow.Send("POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nhe");
  EXPECT_TRUE(slow.ReadUntil("in time\"}\n").starts_with("HTTP/1.1 408"));
  EXPECT_TRUE(slow.IsClosed());
  RawConnection trickling(server->port());
  trickling.Send("GET /echo HTT");
  EXPECT_TRUE(trickling.ReadUntil("in time\"}\n").starts_with("HTTP/1.1 408"));
  EXPECT_TRUE(trickling.IsClosed());
  RawConnection idle(server->port());
  idle.Send("GET /echo HTTP/1.1\r\n\r\n");
  idle.ReadUntil("GET /echo ");
  EXPECT_TRUE(idle.IsClosed());
}

TEST(HttpServer, ConnectionsHaveTheirLimit) {
  ServerOptions options;
  options.max_connections = 2;
  std::atomic<int> entered = 0;
  const Handler never = [&entered](const Request&, const Respond&) { ++entered; };
  std::vector<Route> routes = EchoRoutes();
  routes.push_back({"GET", "/never", never});
  const auto server = StartServer(options, routes);
  RawConnection first(server->port());
  RawConnection second(server->port());
  for (RawConnection* connection : {&first, &second}) {
    connection->Send("GET /never HTTP/1.1\r\n\r\n");
  }
  while (entered < 2) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  RawConnection third(server->port());
  third.Send("GET /echo HTTP/1.1\r\n\r\n");
  const std::string refusal = third.ReadUntil("too many connections");
  EXPECT_TRUE(refusal.starts_with("HTTP/1.1 503")) << refusal;
  EXPECT_NE(refusal.find("Retry-After: 1"), std::string::npos);
}

TEST(HttpServer, IdleConnectionsMakeRoom) {
  ServerOptions options;
  options.max_connections = 3;
  const auto server = StartServer(options, EchoRoutes());
  std::vector<std::unique_ptr<RawConnection>> crowd;
  for (int round = 0; round < 20; ++round) {
    for (const char* text : {"", "GET /echo HTT"}) {
      crowd.push_back(std::make_unique<RawConnection>(server->port()));
      crowd.back()->Send(text);
    }
    RawConnection good(server->port());
    good.Send("GET /echo HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(good.ReadUntil("GET /echo ").starts_with("HTTP/1.1 200")) << round;
  }
  for (size_t i = 0; i < 30; ++i) EXPECT_TRUE(crowd[i]->IsClosed()) << i;
}

TEST(HttpServer, APortInUseIsSaidPlainly) {
  const auto server = StartServer({}, EchoRoutes());
  ServerOptions options;
  options.port = server->port();
  const auto second = HttpServer::Start(options, EchoRoutes(), nullptr);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(second.status().message(),
            "port " + std::to_string(server->port()) +
                " of 127.0.0.1 is in use by another process; choose another port");
  options.address = "localhost:1";
  EXPECT_EQ(HttpServer::Start(options, EchoRoutes(), nullptr).status().message(),
            "\"localhost:1\" is no IP address to listen on");
}

TEST(HttpServer, StoppingLetsRequestsFinish) {
  std::atomic<bool> entered = false;
  const Handler slow = [&entered](const Request&, const Respond& respond) {
    entered = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    respond({200, "done", "text/plain"});
  };
  const auto server = StartServer({}, {{"GET", "/slow", slow, true}});
  RawConnection idle(server->port());
  std::string answer;
  std::thread client([&] { answer = Ask(*server, "GET", "/slow"); });
  while (!entered) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  server->Stop(Seconds(10));
  client.join();
  EXPECT_EQ(answer, "200 done");
  EXPECT_TRUE(idle.IsClosed());
  EXPECT_TRUE(server->stopping());
  EXPECT_FALSE(RawConnection(server->port()).connected());
}

TEST(HttpServer, AnswersAfterTheEndGoNowhere) {
  Respond late;
  std::atomic<bool> entered = false;
  const Handler never = [&](const Request&, Respond respond) {
    late = std::move(respond);
    entered = true;
  };
  auto server = StartServer({}, {{"GET", "/never", never}});
  RawConnection connection(server->port());
  connection.Send("GET /never HTTP/1.1\r\n\r\n");
  while (!entered) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  server->Stop(Milliseconds(50));
  server.reset();
  late({200, "too late"});
  EXPECT_TRUE(connection.IsClosed());
}

TEST(HttpServer, ManyClientsAtOnce) {
  telemetry::Telemetry telemetry("1");
  const auto server = StartServer({}, EchoRoutes(), &telemetry);
  std::atomic<int> good = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      for (int round = 0; round < 25; ++round) {
        const std::string body = std::to_string(i * 1000 + round);
        if (Ask(*server, "POST", "/echo", body) == "200 POST /echo " + body) ++good;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 200);
  EXPECT_NE(
      telemetry.Exposition().find("sojourn_http_requests_total{code=\"200\",route=\"/echo\"} 200"),
      std::string::npos);
}

TEST(HttpClient, NobodyThere) {
  const auto server = StartServer({}, EchoRoutes());
  const uint16_t port = server->port();
  server->Stop(Duration());
  Request request;
  request.method = "GET";
  request.path = "/";
  const auto response = Call({"127.0.0.1", port}, request, Seconds(5));
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.status().code(), StatusCode::kUnavailable);
}

TEST(HttpServerListen, HasThePortAndAnswersFromServeOn) {
  ServerOptions options;
  options.port = 0;
  auto first = HttpServer::Listen(options, nullptr);
  ASSERT_TRUE(first.ok());
  options.port = (*first)->port();
  EXPECT_EQ(HttpServer::Listen(options, nullptr).status().code(), StatusCode::kFailedPrecondition);
  RawConnection early(options.port);
  ASSERT_TRUE(early.connected());
  early.Send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  (*first)->Serve({{"GET", "/a", [](const Request&, Respond respond) { respond({200, "here"}); }}});
  EXPECT_NE(early.ReadUntil("here").find("200 OK"), std::string::npos);
}

TEST(HttpServerListen, MayEndWithoutServing) {
  ServerOptions options;
  options.port = 0;
  auto server = HttpServer::Listen(options, nullptr);
  ASSERT_TRUE(server.ok());
  options.port = (*server)->port();
  (*server)->Stop(Seconds(1));
  server->reset();
  EXPECT_TRUE(HttpServer::Listen(options, nullptr).ok());
}

}  // namespace
}  // namespace sojourn::http
