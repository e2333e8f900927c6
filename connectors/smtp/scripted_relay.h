// A mail relay for tests that does what a script says, at 127.0.0.1.
//
// Threads: the script is called on the relay's threads, one call at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

struct ssl_ctx_st;

namespace sojourn::smtp {

// What the relay does instead of what is right.
struct Deed {
  std::string answer;        // with CRLF
  bool hang_up = false;      // after the answer, and with a reset, so that nothing more is taken
  int byte_interval_ms = 0;  // between the bytes of the answer
};

class ScriptedRelay {
 public:
  // Called with "CONNECT", each command line, "LOGIN" after the words of a login, "BODY" after the
  // first line of a mail, and "." after its last one; nullopt: what is right.
  using Script = std::function<std::optional<Deed>(const std::string& command)>;

  struct Tls {
    std::string certificate_file;
    std::string key_file;
    bool from_the_start = false;
  };

  ScriptedRelay(Script script, const std::optional<Tls>& tls);
  ~ScriptedRelay();
  ScriptedRelay(const ScriptedRelay&) = delete;
  ScriptedRelay& operator=(const ScriptedRelay&) = delete;

  uint16_t port() const { return port_; }
  // So far.
  int connections() const { return connections_; }
  std::vector<std::string> commands() const;
  std::vector<std::string> messages() const;  // whole ones, without dot-stuffing

 private:
  class Connection;

  void Accept();
  std::optional<Deed> Ask(const std::string& command);

  const Script script_;
  ssl_ctx_st* tls_ = nullptr;
  bool tls_from_the_start_ = false;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> connections_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> commands_;
  std::vector<std::string> messages_;
  std::vector<int> sockets_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace sojourn::smtp
