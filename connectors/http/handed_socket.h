// A listening socket that a service manager hands to this process and keeps for its successor, so
// that whoever connects during a restart waits instead of being refused.
//
// systemd's way (sd_listen_fds(3)): LISTEN_PID names this process, LISTEN_FDS says how many there
// are, from descriptor 3 on. Threads: any; reads the environment.
#pragma once

#include <string>

namespace sojourn::http {

// The descriptor that listens at ADDRESS:PORT, now the caller's; -1: none was handed over.
int TakeHandedSocket(const std::string& address, int port);

}  // namespace sojourn::http
