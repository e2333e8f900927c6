// One connection of the server: reads a request, hands it on, writes the response, and again.
//
// Threads: everything runs on the connection's strand. Ownership: the host keeps the session until
// Ended; a session never outlives its host.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "connectors/http/connection.h"
#include "connectors/http/http_message.h"
#include "connectors/http/http_server.h"

namespace sojourn::http {

class Session;

// The bodies of all requests that a server reads or answers at a time; one that would make it more
// is answered 503 and may come back.
inline constexpr size_t kMaxHeldBytes = size_t{64} << 20;

// What a session needs of the server. Called on sessions' strands.
class SessionHost {
 public:
  virtual ~SessionHost() = default;
  virtual const ServerOptions& options() const = 0;
  // The certificate to begin TLS with; null: the listener has none.
  virtual std::shared_ptr<TlsContext::Loaded> tls() const = 0;
  // Idle: no request has wholly begun; where connections are short, an idle one may be closed.
  virtual void Idle(uint64_t session) = 0;
  virtual void Busy(uint64_t session) = 0;
  // nullptr: `*refusal` is the answer.
  virtual const Route* FindRoute(const std::string& method, const std::string& path,
                                 Response* refusal) const = 0;
  // Runs the handler; the answer comes back through Session::Answer, on the strand.
  virtual void Handle(const Route& route, uint64_t session, const Request& request) = 0;
  // Whether a body may take so many bytes more of kMaxHeldBytes; what is held is released later.
  virtual bool Hold(size_t bytes) = 0;
  virtual void Release(size_t bytes) = 0;
  virtual void Served(const Route* route, int status, Duration took) = 0;
  virtual bool stopping() const = 0;
  virtual void Ended(uint64_t session) = 0;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  // `overloaded`: answers 503 to whatever comes and closes.
  Session(boost::asio::ip::tcp::socket socket, uint64_t id, bool overloaded, SessionHost* host);

  void Start();
  void Answer(Response response);
  // Ends it where no request is under way; else that request is the last.
  void StopIfIdle();

  auto executor() { return connection_.get_executor(); }

 private:
  using ErrorCode = boost::beast::error_code;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void Begin();
  void OnGreeting(ErrorCode error, bool is_tls);
  void ReadRequest();
  void ReadHead();
  void OnHead(ErrorCode error);
  void TakeHead(size_t head_bytes);
  void ReadBody();
  void ParseBody();
  size_t Parse(ErrorCode* error);  // of what the buffer has; how many bytes it took
  bool HoldBody();                 // false: there is no room, and it was refused
  void OnBody(ErrorCode error);
  void DropBody();
  void RefuseBody(Response response);
  void Refuse(Response response);  // and close after it
  void OnWritten(ErrorCode error);
  void Drain();  // what the client still sends, so that it gets to see the refusal
  void Close();
  void End();
  // Until Disarm, reading ends after this time; `timed_out_` tells.
  void Arm(Duration limit);
  void EndReadingAfter(Duration limit);
  void Disarm();

  Connection connection_;
  boost::asio::steady_timer timer_;
  uint64_t timer_number_ = 0;  // of the time limit in force
  bool timed_out_ = false;
  const uint64_t id_;
  const bool overloaded_;
  SessionHost* const host_;

  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  Request request_;
  size_t held_bytes_ = 0;  // of the body that `parser_` or `request_` has
  const Route* route_ = nullptr;
  std::optional<boost::beast::http::response<boost::beast::http::string_body>> response_;
  bool misdirected_ = false;  // plain HTTP where TLS is spoken
  bool idle_ = true;          // waiting for a request's head
  bool awaiting_ = false;     // a request waits for its answer
  bool refused_ = false;      // without reading it to its end
  bool closed_ = false;
  size_t drained_bytes_ = 0;
  std::chrono::steady_clock::time_point began_;
};

}  // namespace sojourn::http
