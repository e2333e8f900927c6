// How the requests of each provider are known, as a configuration says it.
//
// Plain values.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

namespace sojourn::feedback {

struct SesOptions {
  std::set<std::string, std::less<>> topics;  // ARNs
  std::string ca_file;  // PEM of who signs the certificates; empty: the machine's authorities
};

struct PostmarkOptions {
  std::string user;  // empty: no HTTP Basic is asked for; then there are headers
  std::string password;
  std::map<std::string, std::string> headers;  // that a request must have, by name
};

// Whom the mails may go through.
struct MarkedProviders {
  bool ses = false;
  bool sendgrid = false;
  bool postmark = false;
  bool mailgun = false;
};

}  // namespace sojourn::feedback
