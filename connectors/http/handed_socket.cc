#include "connectors/http/handed_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace sojourn::http {
namespace {

constexpr int kFirstHanded = 3;

int NumberOf(const char* name) {
  const char* const text = std::getenv(name);
  return text == nullptr ? -1 : std::atoi(text);
}

bool Listens(int descriptor) {
  int listens = 0;
  socklen_t size = sizeof(listens);
  return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0;
}

bool StandsAt(int descriptor, const std::string& address, int port) {
  sockaddr_storage place{};
  socklen_t size = sizeof(place);
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&place), &size) != 0) return false;
  if (place.ss_family == AF_INET) {
    const auto* const v4 = reinterpret_cast<const sockaddr_in*>(&place);
    in_addr wanted{};
    return inet_pton(AF_INET, address.c_str(), &wanted) == 1 &&
           wanted.s_addr == v4->sin_addr.s_addr && ntohs(v4->sin_port) == port;
  }
  if (place.ss_family != AF_INET6) return false;
  const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(&place);
  in6_addr wanted{};
  return inet_pton(AF_INET6, address.c_str(), &wanted) == 1 &&
         std::memcmp(&wanted, &v6->sin6_addr, sizeof(wanted)) == 0 && ntohs(v6->sin6_port) == port;
}

}  // namespace

int TakeHandedSocket(const std::string& address, int port) {
  if (NumberOf("LISTEN_PID") != getpid()) return -1;
  const int count = NumberOf("LISTEN_FDS");
  for (int handed = kFirstHanded; handed < kFirstHanded + count; ++handed) {
    if (!Listens(handed) || !StandsAt(handed, address, port)) continue;
    // A copy: whoever takes it may close it, and a second server may be started at that place.
    const int taken = fcntl(handed, F_DUPFD_CLOEXEC, kFirstHanded + count);
    if (taken >= 0) return taken;
  }
  return -1;
}

}  // namespace sojourn::http
