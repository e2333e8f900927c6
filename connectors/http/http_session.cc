#include "connectors/http/http_session.h"

#include <limits>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/dispatch.hpp>

namespace sojourn::http {
namespace {

namespace beast = boost::beast;

std::chrono::milliseconds ToChrono(Duration duration) {
  return std::chrono::milliseconds(duration.milliseconds());
}

// Closing a socket with unread input makes the kernel drop what was written; so a refused client is
// read for a while, within bounds.
constexpr std::chrono::seconds kMaxDrainTime(2);
constexpr size_t kMaxDrainBytes = 4 << 20;
constexpr size_t kDrainStepBytes = size_t{64} * 1024;

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
    : stream_(std::move(socket)), id_(id), overloaded_(overloaded), host_(host) {}

void Session::Start() {
  boost::asio::dispatch(stream_.get_executor(),
                        [self = shared_from_this()] { self->ReadHeader(); });
}

void Session::ReadHeader() {
  if (closed_) return;
  idle_ = true;
  if (host_->stopping()) return Close();
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(host_->options().max_header_bytes));
  // The route's limit is set when the route is known; Beast judges Content-Length by it then.
  parser_->body_limit(std::numeric_limits<uint64_t>::max());
  request_ = {};
  route_ = nullptr;
  const bool first = !response_.has_value();
  stream_.expires_after(
      ToChrono(first ? host_->options().read_timeout : host_->options().idle_timeout));
  beast::http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](ErrorCode error, size_t) { self->OnHeader(error); });
}

void Session::OnHeader(ErrorCode error) {
  if (closed_) return;
  began_ = std::chrono::steady_clock::now();
  idle_ = false;
  awaiting_ = true;
  if (error == beast::http::error::header_limit) {
    return Refuse(ErrorResponse(431, "the request's header is too large"));
  }
  if (error.category() == beast::http::make_error_code(beast::http::error::bad_method).category() &&
      error != beast::http::error::end_of_stream && error != beast::http::error::partial_message) {
    return Refuse(ErrorResponse(400, "malformed HTTP request"));
  }
  if (error) return Close();
  if (overloaded_) return Refuse(ErrorResponse(503, "too many connections"));
  request_ = ToRequest(parser_->get());
  Response refusal;
  route_ = host_->FindRoute(request_.method, request_.path, &refusal);
  if (route_ == nullptr) return Refuse(std::move(refusal));
  const auto length = parser_->content_length();
  if (length && *length > route_->max_body_bytes) {
    return Refuse(
        ErrorResponse(413, fmt::format("the body is over {} bytes", route_->max_body_bytes)));
  }
  parser_->body_limit(route_->max_body_bytes);
  const auto expectation = request_.Header("expect");
  if (!expectation || *expectation != "100-continue") return ReadBody();
  stream_.expires_after(ToChrono(host_->options().write_timeout));
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  boost::asio::async_write(stream_, boost::asio::buffer(kContinue.data(), kContinue.size()),
                           [self = shared_from_this()](ErrorCode write_error, size_t) {
                             if (write_error) return self->Close();
                             self->ReadBody();
                           });
}

void Session::ReadBody() {
  stream_.expires_after(ToChrono(host_->options().read_timeout));
  beast::http::async_read(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](ErrorCode error, size_t) { self->OnBody(error); });
}

void Session::OnBody(ErrorCode error) {
  if (closed_) return;
  if (error == beast::http::error::body_limit) {
    return Refuse(
        ErrorResponse(413, fmt::format("the body is over {} bytes", route_->max_body_bytes)));
  }
  if (error == beast::error::timeout) return Close();
  if (error) return Refuse(ErrorResponse(400, "malformed HTTP request"));
  request_.body = std::move(parser_->get().body());
  stream_.expires_never();
  host_->Handle(*route_, id_, request_);
}

void Session::Refuse(Response response) {
  parser_->get().keep_alive(false);  // the rest of the request was not read
  refused_ = true;
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
  stream_.expires_after(ToChrono(host_->options().write_timeout));
  beast::http::async_write(
      stream_, *response_,
      [self = shared_from_this()](ErrorCode error, size_t) { self->OnWritten(error); });
}

void Session::OnWritten(ErrorCode error) {
  if (closed_) return;
  if (!error && refused_) return Drain();
  if (error || !response_->keep_alive()) return Close();
  ReadHeader();
}

void Session::Drain() {
  if (drained_bytes_ == 0) {
    ErrorCode ignored;
    stream_.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
    stream_.expires_after(kMaxDrainTime);
  }
  buffer_.consume(buffer_.size());
  stream_.async_read_some(buffer_.prepare(kDrainStepBytes),
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

void Session::Close() {
  if (std::exchange(closed_, true)) return;
  ErrorCode ignored;
  stream_.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  stream_.close();
  host_->Ended(id_);
}

}  // namespace sojourn::http
