#include "connectors/http/http_client.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include "connectors/http/tls_context.h"

namespace sojourn::http {
namespace {

namespace beast = boost::beast;
using boost::asio::ip::tcp;

// More than any answer of ours.
constexpr uint64_t kMaxAnswerBytes = 256u << 20;

beast::http::request<beast::http::string_body> ToMessage(const ServerPlace& place,
                                                         const Request& request) {
  beast::http::request<beast::http::string_body> message;
  message.method_string(request.method);
  message.target(request.path);
  message.version(11);
  message.set(beast::http::field::host, fmt::format("{}:{}", place.address, place.port));
  for (const auto& [name, value] : request.headers) message.set(name, value);
  message.keep_alive(false);
  message.body() = request.body;
  message.prepare_payload();
  return message;
}

Response FromMessage(beast::http::response<beast::http::string_body> message) {
  Response response;
  response.status = static_cast<int>(message.result_int());
  response.content_type = std::string(message[beast::http::field::content_type]);
  for (const auto& field : message) {
    response.headers.emplace_back(field.name_string(), field.value());
  }
  response.body = std::move(message.body());
  return response;
}

namespace ssl = boost::asio::ssl;

// One request and its answer, step by step. `context` runs until `result` is set.
template <typename Stream>
class Exchange {
 public:
  Exchange(Stream* stream, const ServerPlace& place, const Request& request)
      : stream_(stream), message_(ToMessage(place, request)) {
    parser_.body_limit(kMaxAnswerBytes);
    parser_.skip(request.method == "HEAD");
  }

  void Begin() {
    beast::http::async_write(*stream_, message_, [this](beast::error_code, size_t) {
      // A server that refuses early answers before it has read everything: its answer counts.
      beast::http::async_read(*stream_, buffer_, parser_,
                              [this](beast::error_code error, size_t) { Fail(error); });
    });
  }
  void Fail(beast::error_code error) { result_ = error; }

  beast::error_code result() const { return result_; }
  Response Take() { return FromMessage(parser_.release()); }

 private:
  Stream* const stream_;
  const beast::http::request<beast::http::string_body> message_;
  beast::flat_buffer buffer_;
  beast::http::response_parser<beast::http::string_body> parser_;
  beast::error_code result_ = boost::asio::error::would_block;
};

Status NoAnswer(const ServerPlace& place, const std::string& why) {
  return Unavailable(fmt::format("no answer from {}:{}: {}", place.address, place.port, why));
}

Result<Response> CallPlain(const ServerPlace& place, const tcp::endpoint& endpoint,
                           const Request& request, std::chrono::milliseconds timeout) {
  boost::asio::io_context context;
  beast::tcp_stream stream(context);
  stream.expires_after(timeout);
  Exchange<beast::tcp_stream> exchange(&stream, place, request);
  stream.async_connect(
      endpoint, [&](beast::error_code error) { error ? exchange.Fail(error) : exchange.Begin(); });
  context.run();
  if (exchange.result()) return NoAnswer(place, exchange.result().message());
  return exchange.Take();
}

// The certificate may be signed by anybody, for any name: it has to be this one.
Result<Response> CallSecure(const ServerPlace& place, const tcp::endpoint& endpoint,
                            const Request& request, std::chrono::milliseconds timeout) {
  boost::asio::io_context context;
  ssl::context tls(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
  beast::ssl_stream<beast::tcp_stream> stream(context, tls);
  beast::get_lowest_layer(stream).expires_after(timeout);
  Exchange<decltype(stream)> exchange(&stream, place, request);
  bool other = false;
  beast::get_lowest_layer(stream).async_connect(endpoint, [&](beast::error_code error) {
    if (error) return exchange.Fail(error);
    stream.async_handshake(ssl::stream_base::client, [&](beast::error_code failed) {
      if (failed) return exchange.Fail(failed);
      X509* const certificate = SSL_get_peer_certificate(stream.native_handle());
      other = CertificateFingerprint(certificate) != place.fingerprint;
      X509_free(certificate);
      if (!other) exchange.Begin();
    });
  });
  context.run();
  if (other) return NoAnswer(place, "another certificate than that of the instance file");
  if (exchange.result()) return NoAnswer(place, exchange.result().message());
  return exchange.Take();
}

}  // namespace

Result<Response> Call(const ServerPlace& place, const Request& request, Duration timeout) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(place.address, error);
  if (error) return InvalidArgument(fmt::format("\"{}\" is no IP address", place.address));
  const tcp::endpoint endpoint(address, place.port);
  const std::chrono::milliseconds limit(timeout.milliseconds());
  return place.fingerprint.empty() ? CallPlain(place, endpoint, request, limit)
                                   : CallSecure(place, endpoint, request, limit);
}

}  // namespace sojourn::http
