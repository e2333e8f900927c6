#include "connectors/smtp/scripted_relay.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

#include <openssl/ssl.h>

#include "engine/base/check.h"

namespace sojourn::smtp {

class ScriptedRelay::Connection {
 public:
  Connection(ScriptedRelay* relay, int socket) : relay_(relay), socket_(socket) {}
  ~Connection() {
    if (tls_ != nullptr) SSL_free(tls_);
    shutdown(socket_, SHUT_RDWR);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Serve() {
    if (relay_->tls_from_the_start_ && !StartTls()) return;
    if (!React("CONNECT", "220 relay ready\r\n")) return;
    while (const auto line = ReadLine()) {
      if (line->starts_with("EHLO")) {
        const bool offer = relay_->tls_ != nullptr && tls_ == nullptr;
        if (!React(*line, offer ? "250-relay\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n"
                                : "250-relay\r\n250 AUTH PLAIN\r\n")) {
          return;
        }
      } else if (*line == "STARTTLS") {
        if (!React(*line, "220 go\r\n") || !StartTls()) return;
      } else if (line->starts_with("AUTH")) {
        if (!React(*line, "334 \r\n") || !ReadLine()) return;
        if (!React("LOGIN", "235 welcome\r\n")) return;
      } else if (*line == "DATA") {
        if (!React(*line, "354 go on\r\n") || (data_expected_ && !TakeMessage())) return;
      } else if (!React(*line, *line == "QUIT" ? "221 bye\r\n" : "250 ok\r\n")) {
        return;
      }
    }
  }

 private:
  bool StartTls() {
    tls_ = SSL_new(relay_->tls_);
    SSL_set_fd(tls_, socket_);
    return SSL_accept(tls_) == 1;
  }

  // Whether the connection goes on.
  bool React(const std::string& command, const std::string& right_answer) {
    const Deed deed = relay_->Ask(command).value_or(Deed{right_answer});
    data_expected_ = deed.answer.starts_with("354");
    if (!Write(deed)) return false;
    if (deed.hang_up) {
      const linger reset{1, 0};
      setsockopt(socket_, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
      // Replaces the socket by nothing, which resets the connection at once.
      const int nothing = ::socket(AF_INET, SOCK_STREAM, 0);
      dup2(nothing, socket_);
      close(nothing);
      return false;
    }
    return true;
  }

  bool TakeMessage() {
    std::string message;
    for (bool first = true;; first = false) {
      const auto line = ReadLine();
      if (!line) return false;
      if (*line == ".") break;
      message += line->starts_with(".") ? line->substr(1) : *line;
      message += "\r\n";
      if (first && !React("BODY", "")) return false;
    }
    {
      const std::lock_guard lock(relay_->mutex_);
      relay_->messages_.push_back(message);
    }
    return React(".", "250 2.0.0 taken\r\n");
  }

  bool Write(const Deed& deed) {
    for (size_t begin = 0; begin < deed.answer.size();) {
      const size_t bytes = deed.byte_interval_ms > 0 ? 1 : deed.answer.size();
      const char* from = deed.answer.data() + begin;
      const auto written = tls_ != nullptr ? SSL_write(tls_, from, static_cast<int>(bytes))
                                           : send(socket_, from, bytes, MSG_NOSIGNAL);
      if (written <= 0 || relay_->stopping_) return false;
      begin += static_cast<size_t>(written);
      std::this_thread::sleep_for(std::chrono::milliseconds(deed.byte_interval_ms));
    }
    return true;
  }

  std::optional<std::string> ReadLine() {
    size_t end = 0;
    while ((end = buffer_.find("\r\n")) == std::string::npos) {
      char bytes[16384];
      const auto count = tls_ != nullptr ? SSL_read(tls_, bytes, sizeof(bytes))
                                         : recv(socket_, bytes, sizeof(bytes), 0);
      if (count <= 0) return std::nullopt;
      buffer_.append(bytes, static_cast<size_t>(count));
    }
    std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 2);
    return line;
  }

  ScriptedRelay* const relay_;
  const int socket_;
  SSL* tls_ = nullptr;
  std::string buffer_;
  bool data_expected_ = false;
};

ScriptedRelay::ScriptedRelay(Script script, const std::optional<Tls>& tls)
    : script_(std::move(script)) {
  if (tls) {
    tls_ = SSL_CTX_new(TLS_server_method());
    SOJOURN_CHECK(
        SSL_CTX_use_certificate_file(tls_, tls->certificate_file.c_str(), SSL_FILETYPE_PEM) == 1);
    SOJOURN_CHECK(SSL_CTX_use_PrivateKey_file(tls_, tls->key_file.c_str(), SSL_FILETYPE_PEM) == 1);
    tls_from_the_start_ = tls->from_the_start;
  }
  listener_ = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  SOJOURN_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  SOJOURN_CHECK(listen(listener_, 16) == 0);
  SOJOURN_CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

ScriptedRelay::~ScriptedRelay() {
  stopping_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (const int socket : sockets_) shutdown(socket, SHUT_RDWR);
  for (std::thread& thread : threads_) thread.join();
  for (const int socket : sockets_) close(socket);
  close(listener_);
  if (tls_ != nullptr) SSL_CTX_free(tls_);
}

void ScriptedRelay::Accept() {
  // For this thread and those it starts: OpenSSL's writes raise it. The transport has no such help.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  while (true) {
    const int socket = accept(listener_, nullptr, nullptr);
    if (socket < 0) return;
    ++connections_;
    sockets_.push_back(socket);
    threads_.emplace_back([this, socket] { Connection(this, socket).Serve(); });
  }
}

std::optional<Deed> ScriptedRelay::Ask(const std::string& command) {
  const std::lock_guard lock(mutex_);
  commands_.push_back(command);
  return script_ ? script_(command) : std::nullopt;
}

std::vector<std::string> ScriptedRelay::commands() const {
  const std::lock_guard lock(mutex_);
  return commands_;
}

std::vector<std::string> ScriptedRelay::messages() const {
  const std::lock_guard lock(mutex_);
  return messages_;
}

}  // namespace sojourn::smtp
