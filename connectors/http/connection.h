// A connection to a client, with TLS or without: one stream for both, so that a session is written
// once. Meets Asio's AsyncReadStream and AsyncWriteStream for handlers (not for other tokens).
//
// Threads: of its executor, a strand. Ownership: owns the socket; keeps the TLS context that it
// began with.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream_base.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "connectors/http/tls_context.h"

namespace sojourn::http {

class Connection {
 public:
  using Tcp = boost::beast::tcp_stream;
  using executor_type = Tcp::executor_type;

  explicit Connection(boost::asio::ip::tcp::socket socket) : tcp_(std::move(socket)) {}

  executor_type get_executor() noexcept { return tcp_.get_executor(); }
  // Its time limits hold under TLS, too.
  Tcp& tcp() { return tcp_; }
  bool is_secure() const { return secure_.has_value(); }

  // `buffer`: what has been read of the client's greeting.
  template <typename Buffer, typename Handler>
  void Secure(std::shared_ptr<TlsContext::Loaded> context, const Buffer& buffer,
              Handler&& handler) {
    context_ = std::move(context);
    secure_.emplace(tcp_, context_->context);
    secure_->async_handshake(boost::asio::ssl::stream_base::server, buffer,
                             std::forward<Handler>(handler));
  }
  // Only of a secure one: says goodbye.
  template <typename Handler>
  void Unsecure(Handler&& handler) {
    secure_->async_shutdown(std::forward<Handler>(handler));
  }

  template <typename Buffers, typename Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (secure_) {
      secure_->async_read_some(buffers, std::forward<Handler>(handler));
    } else {
      tcp_.async_read_some(buffers, std::forward<Handler>(handler));
    }
  }
  template <typename Buffers, typename Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (secure_) {
      secure_->async_write_some(buffers, std::forward<Handler>(handler));
    } else {
      tcp_.async_write_some(buffers, std::forward<Handler>(handler));
    }
  }

 private:
  Tcp tcp_;
  std::shared_ptr<TlsContext::Loaded> context_;
  std::optional<boost::beast::ssl_stream<Tcp&>> secure_;
};

}  // namespace sojourn::http
