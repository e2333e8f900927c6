#include "connectors/http/http_session.h"

#include <exception>
#include <limits>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/dispatch.hpp>
#include <boost/beast/core/detect_ssl.hpp>

#include "connectors/http/request_head.h"

namespace sojourn::http {
namespace {

namespace beast = boost::beast;

std::chrono::milliseconds ToChrono(Duration duration) {
  return std::chrono::milliseconds(duration.milliseconds());
}

// Closing a socket with unread input makes the kernel drop what was written; so a refused client is
// read for a while, within bounds.
constexpr std::chrono::seconds kMaxDrainTime(2);
constexpr Duration kCancelInterval = Milliseconds(200);
constexpr size_t kMaxDrainBytes = 4 << 20;
constexpr size_t kReadStepBytes = size_t{8} * 1024;
// What is read and not yet understood: a head, a chunk's size, trailers.
constexpr size_t kMaxBufferBytes = size_t{256} * 1024;

std::string_view Text(const beast::flat_buffer& buffer) {
  return {static_cast<const char*>(buffer.data().data()), buffer.size()};
}

Request ToRequest(const beast::http::request<beast::http::string_body>& message) {
  Request request;
  request.method = std::string(message.method_string());
  const std::string target(message.target());
  const size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string::npos) request.query = ParseQuery(target.substr(question + 1));
  for (const auto& field : message) {
    request.headers.emplace_back(field.name_string(), field.value());
  }
  return request;
}

}  // namespace

Session::Session(boost::asio::ip::tcp::socket socket, uint64_t id, bool overloaded,
                 SessionHost* host)
    : connection_(std::move(socket)),
      timer_(connection_.get_executor()),
      id_(id),
      overloaded_(overloaded),
      host_(host),
      buffer_(kMaxBufferBytes) {}

void Session::Start() {
  boost::asio::dispatch(connection_.get_executor(), [self = shared_from_this()] { self->Begin(); });
}

// Plain HTTP on a port of TLS is told so, in plain HTTP.
void Session::Begin() {
  host_->Idle(id_);
  if (host_->tls() == nullptr) return ReadRequest();
  connection_.tcp().expires_after(ToChrono(host_->options().handshake_timeout));
  beast::async_detect_ssl(connection_.tcp(), buffer_,
                          [self = shared_from_this()](ErrorCode error, bool is_tls) {
                            self->OnGreeting(error, is_tls);
                          });
}

void Session::OnGreeting(ErrorCode error, bool is_tls) {
  if (closed_) return;
  if (error) return Close();
  if (!is_tls) {
    misdirected_ = true;
    return ReadRequest();
  }
  connection_.Secure(host_->tls(), buffer_.data(),
                     [self = shared_from_this()](ErrorCode failed, size_t greeting_bytes) {
                       if (self->closed_) return;
                       if (failed) return self->Close();
                       self->buffer_.consume(greeting_bytes);
                       self->ReadRequest();
                     });
}

void Session::Arm(Duration limit) {
  connection_.tcp().expires_never();  // it would close at once, without an answer
  timed_out_ = false;
  ++timer_number_;
  EndReadingAfter(limit);
}

void Session::EndReadingAfter(Duration limit) {
  timer_.expires_after(ToChrono(limit));
  timer_.async_wait([self = shared_from_this(), number = timer_number_](ErrorCode error) {
    if (error || self->closed_ || number != self->timer_number_) return;
    self->timed_out_ = true;
    self->connection_.tcp().cancel();
    // Between two of its steps a reading has nothing to be cancelled, and goes on.
    self->EndReadingAfter(kCancelInterval);
  });
}

void Session::Disarm() {
  ++timer_number_;
  timer_.cancel();
}

void Session::ReadRequest() {
  if (closed_) return;
  if (!idle_) host_->Idle(id_);
  idle_ = true;
  if (host_->stopping()) return Close();
  DropBody();
  parser_.emplace();
  // The head's own limit is judged before; trailers have this one. The route's limit is set when
  // the route is known.
  parser_->header_limit(static_cast<uint32_t>(2 * host_->options().head.max_bytes));
  parser_->body_limit(std::numeric_limits<uint64_t>::max());
  request_ = {};
  route_ = nullptr;
  const bool first = !response_.has_value();
  Arm(first ? host_->options().read_timeout : host_->options().idle_timeout);
  OnHead({});  // of a request that came with the one before
}

void Session::ReadHead() {
  connection_.async_read_some(buffer_.prepare(kReadStepBytes),
                              [self = shared_from_this()](ErrorCode error, size_t bytes) {
                                self->buffer_.commit(bytes);
                                self->OnHead(error);
                              });
}

void Session::OnHead(ErrorCode error) {
  if (closed_) return;
  if (error && !timed_out_) return Close();
  while (Text(buffer_).starts_with("\r\n")) buffer_.consume(2);  // some clients end a body so
  const std::string_view bytes = Text(buffer_);
  const auto head_bytes = FindHeadEnd(bytes);
  const size_t limit = host_->options().head.max_bytes;
  const bool too_large = head_bytes.value_or(bytes.size()) > limit;
  const bool hopeless = !head_bytes && bytes != "\r" && !CanBecomeHead(bytes);
  if (!head_bytes && !too_large && !hopeless && !timed_out_) return ReadHead();
  if (bytes.empty()) return Close();
  Disarm();
  began_ = std::chrono::steady_clock::now();
  idle_ = false;
  awaiting_ = true;
  host_->Busy(id_);
  if (too_large) return Refuse(ErrorResponse(431, "the request's header is too large"));
  if (hopeless) return Refuse(ErrorResponse(400, "malformed HTTP request"));
  if (!head_bytes) return Refuse(ErrorResponse(408, "the request did not come in time"));
  TakeHead(*head_bytes);
}

void Session::TakeHead(size_t head_bytes) {
  const std::string_view head = Text(buffer_).substr(0, head_bytes);
  if (misdirected_) {
    return Refuse(ErrorResponse(400, "plain HTTP came to a port of TLS; begin with https://"));
  }
  if (auto refusal = RefuseHead(head, host_->options().head)) return Refuse(*std::move(refusal));
  ErrorCode error;
  parser_->put(boost::asio::buffer(head.data(), head.size()), error);
  if (error || !parser_->is_header_done()) {
    return Refuse(ErrorResponse(400, "malformed HTTP request"));
  }
  buffer_.consume(head_bytes);
  if (overloaded_) return Refuse(ErrorResponse(503, "too many connections"));
  request_ = ToRequest(parser_->get());
  Response refusal;
  route_ = host_->FindRoute(request_.method, request_.path, &refusal);
  if (route_ == nullptr) return Refuse(std::move(refusal));
  const auto length = parser_->content_length();
  if (length && *length > route_->max_body_bytes) {
    return RefuseBody(
        ErrorResponse(413, fmt::format("the body is over {} bytes", route_->max_body_bytes)));
  }
  parser_->body_limit(route_->max_body_bytes);
  const auto expectation = request_.Header("expect");
  if (!expectation || *expectation != "100-continue") return ReadBody();
  connection_.tcp().expires_after(ToChrono(host_->options().write_timeout));
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  boost::asio::async_write(connection_, boost::asio::buffer(kContinue.data(), kContinue.size()),
                           [self = shared_from_this()](ErrorCode write_error, size_t) {
                             if (write_error) return self->Close();
                             self->ReadBody();
                           });
}

void Session::ReadBody() {
  Arm(host_->options().read_timeout);
  parser_->eager(true);
  ParseBody();
}

void Session::ParseBody() {
  ErrorCode error;
  if (!parser_->is_done() && buffer_.size() > 0) buffer_.consume(Parse(&error));
  if (error == beast::http::error::need_more) error = {};
  if (error) return OnBody(error);
  if (!HoldBody()) return;
  if (parser_->is_done()) return OnBody({});
  // Of a body nothing is left; this is of a chunk's size or of trailers.
  if (buffer_.size() > host_->options().head.max_bytes) {
    return OnBody(beast::http::error::header_limit);
  }
  connection_.async_read_some(buffer_.prepare(kReadStepBytes),
                              [self = shared_from_this()](ErrorCode failed, size_t bytes) {
                                if (self->closed_) return;
                                self->buffer_.commit(bytes);
                                failed ? self->OnBody(failed) : self->ParseBody();
                              });
}

// Trailers with a name or value beyond what a field can be make the parser throw, and they are
// whoever's who connects.
size_t Session::Parse(ErrorCode* error) {
  try {
    return parser_->put(buffer_.data(), *error);
  } catch (const std::exception&) {
    *error = beast::http::error::bad_value;
    return 0;
  }
}

// What was announced costs nothing before it comes.
bool Session::HoldBody() {
  const size_t more = parser_->get().body().size() - held_bytes_;
  if (host_->Hold(more)) {
    held_bytes_ += more;
    return true;
  }
  Disarm();
  Refuse(ErrorResponse(503, "too many large requests at once; try again"));
  return false;
}

void Session::DropBody() {
  request_.body = {};
  if (parser_) parser_->get().body() = {};
  host_->Release(std::exchange(held_bytes_, 0));
}

void Session::OnBody(ErrorCode error) {
  if (closed_) return;
  Disarm();
  if (error == beast::http::error::body_limit) {
    return RefuseBody(
        ErrorResponse(413, fmt::format("the body is over {} bytes", route_->max_body_bytes)));
  }
  if (error && timed_out_) {
    return RefuseBody(ErrorResponse(408, "the request did not come in time"));
  }
  if (error) return RefuseBody(ErrorResponse(400, "malformed HTTP request"));
  request_.body = std::move(parser_->get().body());
  host_->Handle(*route_, id_, request_);
}

void Session::RefuseBody(Response response) {
  if (route_->on_refusal) route_->on_refusal(request_, &response);
  Refuse(std::move(response));
}

void Session::Refuse(Response response) {
  parser_->get().keep_alive(false);  // the rest of the request was not read
  refused_ = true;
  DropBody();
  Answer(std::move(response));
}

void Session::Answer(Response response) {
  if (closed_ || !std::exchange(awaiting_, false)) return;
  const bool keep_alive = parser_->get().keep_alive() && !host_->stopping();
  response_.emplace(static_cast<beast::http::status>(response.status),
                    parser_->get().version() == 10 ? 10 : 11);
  response_->set(beast::http::field::content_type, response.content_type);
  for (const auto& [name, value] : response.headers) response_->set(name, value);
  response_->keep_alive(keep_alive);
  const bool head = parser_->get().method() == beast::http::verb::head;
  response_->content_length(response.body.size());
  if (!head) response_->body() = std::move(response.body);
  const auto took = std::chrono::steady_clock::now() - began_;
  host_->Served(route_, response.status,
                Milliseconds(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
  connection_.tcp().expires_after(ToChrono(host_->options().write_timeout));
  beast::http::async_write(
      connection_, *response_,
      [self = shared_from_this()](ErrorCode error, size_t) { self->OnWritten(error); });
}

void Session::OnWritten(ErrorCode error) {
  if (closed_) return;
  if (!error && refused_) return Drain();
  if (error || !response_->keep_alive()) return Close();
  ReadRequest();
}

void Session::Drain() {
  if (drained_bytes_ == 0) {
    ErrorCode ignored;
    // Under TLS the length says where the answer ends.
    if (!connection_.is_secure()) {
      connection_.tcp().socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
    }
    connection_.tcp().expires_after(kMaxDrainTime);
  }
  buffer_.consume(buffer_.size());
  connection_.async_read_some(buffer_.prepare(kReadStepBytes),
                              [self = shared_from_this()](ErrorCode error, size_t bytes) {
                                self->drained_bytes_ += bytes;
                                const bool enough = self->drained_bytes_ > kMaxDrainBytes;
                                if (error || enough || self->closed_) return self->Close();
                                self->Drain();
                              });
}

void Session::StopIfIdle() {
  if (idle_) Close();
}

// A reading that is under way ends with the socket.
void Session::Close() {
  if (std::exchange(closed_, true)) return;
  Disarm();
  const bool says_goodbye = connection_.is_secure() && response_.has_value() && !idle_;
  if (!says_goodbye) return End();
  connection_.tcp().expires_after(kMaxDrainTime);
  connection_.Unsecure([self = shared_from_this()](ErrorCode) { self->End(); });
}

void Session::End() {
  ErrorCode ignored;
  connection_.tcp().socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  connection_.tcp().close();
  host_->Release(std::exchange(held_bytes_, 0));
  host_->Ended(id_);
}

}  // namespace sojourn::http
