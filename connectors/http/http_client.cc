#include "connectors/http/http_client.h"

#include <optional>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

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

}  // namespace

Result<Response> Call(const ServerPlace& place, const Request& request, Duration timeout) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(place.address, error);
  if (error) return InvalidArgument(fmt::format("\"{}\" is no IP address", place.address));

  boost::asio::io_context context;
  beast::tcp_stream stream(context);
  stream.expires_after(std::chrono::milliseconds(timeout.milliseconds()));
  const auto message = ToMessage(place, request);
  beast::flat_buffer buffer;
  beast::http::response_parser<beast::http::string_body> parser;
  parser.body_limit(kMaxAnswerBytes);
  parser.skip(request.method == "HEAD");

  beast::error_code result = boost::asio::error::would_block;
  stream.async_connect(tcp::endpoint(address, place.port), [&](beast::error_code connect_error) {
    result = connect_error;
    if (result) return;
    beast::http::async_write(stream, message, [&](beast::error_code, size_t) {
      // A server that refuses early answers before it has read everything: its answer counts.
      beast::http::async_read(stream, buffer, parser,
                              [&](beast::error_code read_error, size_t) { result = read_error; });
    });
  });
  context.run();
  if (result) {
    return Unavailable(
        fmt::format("no answer from {}:{}: {}", place.address, place.port, result.message()));
  }
  return FromMessage(parser.release());
}

}  // namespace sojourn::http
