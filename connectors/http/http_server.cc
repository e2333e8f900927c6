#include "connectors/http/http_server.h"

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include "connectors/http/handed_socket.h"
#include "connectors/http/http_session.h"
#include "connectors/http/seats.h"
#include "connectors/http/tls_context.h"

namespace sojourn::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

}  // namespace

class HttpServer::Core : public SessionHost {
 public:
  Core(const ServerOptions& options, telemetry::Telemetry* telemetry)
      : options_(options),
        telemetry_(telemetry),
        acceptor_(asio::make_strand(context_)),
        waiting_(static_cast<size_t>(options.waiting_threads)),
        gate_(std::make_shared<Gate>()) {
    gate_->core = this;
  }

  ~Core() override { Stop(Duration()); }

  Status Listen() {
    if (options_.tls) {
      SOJOURN_ASSIGN_OR_RETURN(tls_, TlsContext::Open(*options_.tls));
    }
    boost::system::error_code error;
    const auto address = asio::ip::make_address(options_.address, error);
    if (error) {
      return InvalidArgument(fmt::format("\"{}\" is no IP address to listen on", options_.address));
    }
    const tcp::endpoint endpoint(address, options_.port);
    const int handed = TakeHandedSocket(options_.address, options_.port);
    if (handed >= 0) {
      acceptor_.assign(endpoint.protocol(), handed, error);
    } else {
      Bind(endpoint, &error);
    }
    if (!error) port_ = acceptor_.local_endpoint(error).port();
    if (!error) return Status::Ok();
    const std::string place = fmt::format("port {} of {}", options_.port, options_.address);
    if (error == asio::error::address_in_use) {
      return FailedPrecondition(place + " is in use by another process; choose another port");
    }
    if (error == asio::error::access_denied) {
      return InvalidArgument(place + " needs more rights; choose a port from 1024 on");
    }
    return InvalidArgument(fmt::format("cannot listen on {}: {}", place, error.message()));
  }

  void Bind(const tcp::endpoint& endpoint, boost::system::error_code* error) {
    acceptor_.open(endpoint.protocol(), *error);
    if (!*error) acceptor_.set_option(asio::socket_base::reuse_address(true), *error);
    if (!*error) acceptor_.bind(endpoint, *error);
    if (!*error) acceptor_.listen(asio::socket_base::max_listen_connections, *error);
  }

  void Run(std::vector<Route> routes) {
    routes_ = std::move(routes);
    Accept();
    for (int i = 0; i < options_.threads; ++i) {
      threads_.emplace_back([this] { context_.run(); });
    }
  }

  uint16_t port() const { return port_; }
  TlsContext* tls_context() { return tls_.get(); }

  void Stop(Duration grace) {
    if (!stopping_.exchange(true)) {
      asio::post(acceptor_.get_executor(), [this] {
        boost::system::error_code ignored;
        acceptor_.close(ignored);
      });
      for (const auto& session : AllSessions()) {
        asio::post(session->executor(), [session] { session->StopIfIdle(); });
      }
    }
    std::unique_lock lock(mutex_);
    all_ended_.wait_for(lock, std::chrono::milliseconds(grace.milliseconds()),
                        [this] { return sessions_.empty(); });
    lock.unlock();
    {
      const std::lock_guard gate(gate_->mutex);
      gate_->core = nullptr;  // answers from now on go nowhere
    }
    waiting_.join();
    context_.stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    sessions_.clear();
  }

  // --- SessionHost

  const ServerOptions& options() const override { return options_; }
  bool stopping() const override { return stopping_; }

  std::shared_ptr<TlsContext::Loaded> tls() const override {
    return tls_ == nullptr ? nullptr : tls_->current();
  }

  const Route* FindRoute(const std::string& method, const std::string& path,
                         Response* refusal) const override {
    std::string allowed;
    for (const Route& route : routes_) {
      if (route.is_prefix ? !path.starts_with(route.path) : route.path != path) continue;
      if (route.method == method) return &route;
      allowed += (allowed.empty() ? "" : ", ") + route.method;
    }
    if (allowed.empty()) {
      *refusal = ErrorResponse(404, "there is nothing at this path");
    } else {
      *refusal = ErrorResponse(405, "this path takes " + allowed);
      refusal->headers.emplace_back("Allow", allowed);
    }
    return nullptr;
  }

  void Handle(const Route& route, uint64_t session, const Request& request) override {
    Respond respond = [gate = gate_, session](Response response) {
      const std::lock_guard lock(gate->mutex);
      if (gate->core != nullptr) gate->core->Deliver(session, std::move(response));
    };
    if (route.may_wait) {
      // The session keeps the request until it is answered.
      asio::post(waiting_, [handler = &route.handler, keep = FindSession(session), &request,
                            respond = std::move(respond)] { (*handler)(request, respond); });
    } else {
      route.handler(request, std::move(respond));
    }
  }

  bool Hold(size_t bytes) override {
    if (held_bytes_.fetch_add(bytes) + bytes <= kMaxHeldBytes) return true;
    Release(bytes);
    return false;
  }

  void Release(size_t bytes) override { held_bytes_.fetch_sub(bytes); }

  void Served(const Route* route, int status, Duration took) override {
    if (telemetry_ == nullptr) return;
    telemetry_->Record(
        telemetry::RequestServed{route == nullptr ? "none" : route->path, status, took});
  }

  void Idle(uint64_t session) override {
    const std::lock_guard lock(mutex_);
    seats_.Idle(session);
  }

  void Busy(uint64_t session) override {
    const std::lock_guard lock(mutex_);
    seats_.Busy(session);
  }

  void Ended(uint64_t session) override {
    const std::lock_guard lock(mutex_);
    seats_.Leave(session);
    sessions_.erase(session);
    if (sessions_.empty()) all_ended_.notify_all();
  }

 private:
  // Stands between answers, which may come at any time, and the core, which may be gone by then.
  struct Gate {
    std::mutex mutex;
    Core* core = nullptr;
  };

  // On the acceptor's strand, as everything that touches it once the threads run.
  void Accept() {
    acceptor_.async_accept(asio::make_strand(context_),
                           [this](boost::system::error_code error, tcp::socket socket) {
                             if (stopping_ || error == asio::error::operation_aborted) return;
                             if (error) return AcceptLater();
                             Begin(std::move(socket));
                             Accept();
                           });
  }

  // Out of file descriptors or the like: it would fail again at once.
  void AcceptLater() {
    pause_.expires_after(std::chrono::milliseconds(100));
    pause_.async_wait([this](boost::system::error_code error) {
      if (!error && !stopping_) Accept();
    });
  }

  void Begin(tcp::socket socket) {
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const std::string client = socket.remote_endpoint(ignored).address().to_string();
    std::shared_ptr<Session> session;
    std::shared_ptr<Session> leaver;
    {
      const std::lock_guard lock(mutex_);
      // Beyond twice the limit not even a refusal is worth a descriptor.
      if (sessions_.size() >= 2 * options_.max_connections) return;
      const uint64_t id = next_session_++;
      const Seats::Admission admission = seats_.Enter(id, client);
      session = std::make_shared<Session>(std::move(socket), id, !admission.admitted, this);
      sessions_.emplace(id, session);
      if (admission.leaver) leaver = sessions_.at(*admission.leaver);
    }
    if (leaver != nullptr) {
      asio::post(leaver->executor(), [leaver] { leaver->StopIfIdle(); });
    }
    session->Start();
  }

  void Deliver(uint64_t id, Response response) {
    const std::shared_ptr<Session> session = FindSession(id);
    if (session == nullptr) return;
    asio::post(session->executor(), [session, response = std::move(response)]() mutable {
      session->Answer(std::move(response));
    });
  }

  std::shared_ptr<Session> FindSession(uint64_t id) {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(id);
    return found == sessions_.end() ? nullptr : found->second;
  }

  std::vector<std::shared_ptr<Session>> AllSessions() {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Session>> sessions;
    for (const auto& [id, session] : sessions_) sessions.push_back(session);
    return sessions;
  }

  const ServerOptions options_;
  std::unique_ptr<TlsContext> tls_;  // null: plain HTTP
  std::vector<Route> routes_;        // stay as they are from Run on
  telemetry::Telemetry* const telemetry_;

  asio::io_context context_;
  // Requests under way need the context when nothing else is going on any more.
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  tcp::acceptor acceptor_;
  asio::steady_timer pause_{acceptor_.get_executor()};
  asio::thread_pool waiting_;
  std::vector<std::thread> threads_;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<size_t> held_bytes_ = 0;  // of bodies
  std::shared_ptr<Gate> gate_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable all_ended_;
  std::map<uint64_t, std::shared_ptr<Session>> sessions_;
  uint64_t next_session_ = 1;
  Seats seats_{options_.max_connections, options_.max_client_connections};
};

Result<std::unique_ptr<HttpServer>> HttpServer::Listen(const ServerOptions& options,
                                                       telemetry::Telemetry* telemetry) {
  auto core = std::make_unique<Core>(options, telemetry);
  SOJOURN_RETURN_IF_ERROR(core->Listen());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(core)));
}

void HttpServer::Serve(std::vector<Route> routes) { core_->Run(std::move(routes)); }

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const ServerOptions& options,
                                                      std::vector<Route> routes,
                                                      telemetry::Telemetry* telemetry) {
  SOJOURN_ASSIGN_OR_RETURN(auto server, Listen(options, telemetry));
  server->Serve(std::move(routes));
  return server;
}

HttpServer::HttpServer(std::unique_ptr<Core> core) : core_(std::move(core)) {}
HttpServer::~HttpServer() = default;

uint16_t HttpServer::port() const { return core_->port(); }

Status HttpServer::ReloadTls() {
  TlsContext* const context = core_->tls_context();
  return context == nullptr ? Status::Ok() : context->Load();
}

std::string HttpServer::certificate_fingerprint() const {
  const auto loaded = core_->tls();
  return loaded == nullptr ? "" : loaded->fingerprint;
}

std::optional<Timestamp> HttpServer::certificate_expires_at() const {
  const auto loaded = core_->tls();
  return loaded == nullptr ? std::nullopt : std::optional(loaded->expires_at);
}

void HttpServer::Stop(Duration grace) { core_->Stop(grace); }
bool HttpServer::stopping() const { return core_->stopping(); }

}  // namespace sojourn::http
