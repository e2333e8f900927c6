// Which addresses a webhook may connect to: those of the public Internet, and what the
// configuration opens by name.
//
// Judged is the address that a socket is about to be opened to, after all resolving, so that no
// spelling of an address and no name that changes its mind leads inside. Addresses that carry
// another one (IPv4-mapped and -compatible, NAT64, 6to4) are what they carry.
//
// Threads: any; immutable. Errors: kInvalidArgument where an entry is neither name nor range.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace sojourn::webhook {

struct IpAddress {
  std::array<uint8_t, 16> bytes{};  // an IPv4 address has the first four
  bool is_v6 = false;

  // Nothing: it is of neither family.
  static std::optional<IpAddress> Of(const sockaddr* address, size_t size);
  static std::optional<IpAddress> Parse(std::string_view text);
  bool operator==(const IpAddress&) const = default;
};

// "loopback", "private network", "link-local", ...; empty: an address of the public Internet.
std::string_view SpecialUseOf(const IpAddress& address);

class AddressRules {
 public:
  // Each entry is a host name, an address or a range such as 10.1.0.0/16.
  static Result<AddressRules> Make(const std::vector<std::string>& allow_private);

  // Why no connection may be made to it for a URL with this host; empty: it may.
  std::string Refusal(const IpAddress& address, std::string_view host) const;

 private:
  struct Range {
    IpAddress first;
    int bits = 0;
  };

  std::set<std::string, std::less<>> hosts_;  // in lower case
  std::vector<Range> ranges_;
};

}  // namespace sojourn::webhook
