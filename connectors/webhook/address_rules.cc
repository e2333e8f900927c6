#include "connectors/webhook/address_rules.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

namespace sojourn::webhook {
namespace {

struct Block {
  const char* first;
  int bits;
  std::string_view use;
};

// The IANA registries of special-purpose addresses, and multicast.
constexpr std::array kIpv4Blocks = {
    Block{"0.0.0.0", 8, "unspecified"},        Block{"10.0.0.0", 8, "private network"},
    Block{"100.64.0.0", 10, "carrier NAT"},    Block{"127.0.0.0", 8, "loopback"},
    Block{"169.254.0.0", 16, "link-local"},    Block{"172.16.0.0", 12, "private network"},
    Block{"192.0.0.0", 24, "reserved"},        Block{"192.0.2.0", 24, "documentation"},
    Block{"192.88.99.0", 24, "reserved"},      Block{"192.168.0.0", 16, "private network"},
    Block{"198.18.0.0", 15, "benchmarking"},   Block{"198.51.100.0", 24, "documentation"},
    Block{"203.0.113.0", 24, "documentation"}, Block{"224.0.0.0", 4, "multicast"},
    Block{"240.0.0.0", 4, "reserved"},
};

// Inside of 2000::/3; outside of it nothing is public.
constexpr std::array kIpv6Blocks = {
    Block{"2001::", 23, "reserved"},  // Teredo, ORCHID and others
    Block{"2001:db8::", 32, "documentation"},
    Block{"3fff::", 20, "documentation"},
};

constexpr std::array kIpv6Kinds = {
    Block{"::", 128, "unspecified"},        Block{"::1", 128, "loopback"},
    Block{"fc00::", 7, "private network"},  Block{"fe80::", 10, "link-local"},
    Block{"fec0::", 10, "private network"}, Block{"ff00::", 8, "multicast"},
};

struct Carrier {
  const char* first;
  int bits;
  size_t at;  // of the IPv4 address
};

constexpr std::array kCarriers = {
    Carrier{"::ffff:0:0", 96, 12},    // IPv4-mapped
    Carrier{"::ffff:0:0:0", 96, 12},  // IPv4-translated
    Carrier{"::", 96, 12},            // IPv4-compatible
    Carrier{"64:ff9b::", 96, 12},     // NAT64
    Carrier{"2002::", 16, 2},         // 6to4
};

bool HasPrefix(const IpAddress& address, const IpAddress& first, int bits) {
  if (address.is_v6 != first.is_v6) return false;
  const auto whole = static_cast<size_t>(bits / 8);
  if (std::memcmp(address.bytes.data(), first.bytes.data(), whole) != 0) return false;
  const int rest = bits % 8;
  if (rest == 0) return true;
  const int mask = 0xff << (8 - rest) & 0xff;
  return ((address.bytes[whole] ^ first.bytes[whole]) & mask) == 0;
}

bool IsIn(const IpAddress& address, const Block& block) {
  return HasPrefix(address, *IpAddress::Parse(block.first), block.bits);
}

// The address that is carried; itself where it carries none.
IpAddress Unwrap(const IpAddress& address) {
  const bool plain = !address.is_v6 || IsIn(address, kIpv6Kinds[0]) || IsIn(address, kIpv6Kinds[1]);
  if (plain) return address;
  for (const Carrier& carrier : kCarriers) {
    if (!HasPrefix(address, *IpAddress::Parse(carrier.first), carrier.bits)) continue;
    IpAddress inner;
    std::copy_n(address.bytes.begin() + static_cast<std::ptrdiff_t>(carrier.at), 4,
                inner.bytes.begin());
    return inner;
  }
  return address;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

bool IsHostName(std::string_view text) {
  const bool letters = std::ranges::all_of(text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_';
  });
  // What looks like an address is none of the usual form, such as 127.1.
  return letters && !text.empty() && std::isdigit(static_cast<unsigned char>(text.back())) == 0;
}

}  // namespace

std::optional<IpAddress> IpAddress::Of(const sockaddr* address, size_t size) {
  IpAddress ip;
  if (address->sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof(in));
    std::memcpy(ip.bytes.data(), &in.sin_addr, 4);
    return ip;
  }
  if (address->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    sockaddr_in6 in{};
    std::memcpy(&in, address, sizeof(in));
    std::memcpy(ip.bytes.data(), &in.sin6_addr, 16);
    ip.is_v6 = true;
    return ip;
  }
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  IpAddress ip;
  const std::string terminated(text);
  if (inet_pton(AF_INET, terminated.c_str(), ip.bytes.data()) == 1) return ip;
  ip.is_v6 = true;
  if (inet_pton(AF_INET6, terminated.c_str(), ip.bytes.data()) == 1) return ip;
  return std::nullopt;
}

std::string_view SpecialUseOf(const IpAddress& address) {
  const IpAddress inner = Unwrap(address);
  const auto use_in = [&](const auto& blocks) {
    const auto found =
        std::ranges::find_if(blocks, [&](const Block& block) { return IsIn(inner, block); });
    return found == blocks.end() ? std::string_view() : found->use;
  };
  if (!inner.is_v6) return use_in(kIpv4Blocks);
  if (IsIn(inner, {"2000::", 3, ""})) return use_in(kIpv6Blocks);
  const std::string_view use = use_in(kIpv6Kinds);
  return use.empty() ? "reserved" : use;
}

Result<AddressRules> AddressRules::Make(const std::vector<std::string>& allow_private) {
  AddressRules rules;
  for (const std::string& entry : allow_private) {
    const size_t slash = std::min(entry.find('/'), entry.size());
    const auto first = IpAddress::Parse(std::string_view(entry).substr(0, slash));
    if (!first && slash == entry.size() && IsHostName(entry)) {
      rules.hosts_.insert(LowerCase(entry));
      continue;
    }
    const auto bad = [&] {
      return InvalidArgument(fmt::format("{} is no host name, address or range such as 10.1.0.0/16",
                                         entry.substr(0, 100)));
    };
    if (!first) return bad();
    Range range{*first, first->is_v6 ? 128 : 32};
    if (slash < entry.size()) {
      const char* const end = entry.data() + entry.size();
      const int most = range.bits;
      const auto parsed = std::from_chars(entry.data() + slash + 1, end, range.bits);
      if (parsed.ec != std::errc() || parsed.ptr != end) return bad();
      if (range.bits < 0 || range.bits > most) return bad();
    }
    rules.ranges_.push_back(range);
  }
  return rules;
}

std::string AddressRules::Refusal(const IpAddress& address, std::string_view host) const {
  const std::string_view use = SpecialUseOf(address);
  if (use.empty() || hosts_.contains(LowerCase(host))) return "";
  const IpAddress inner = Unwrap(address);
  const bool open = std::ranges::any_of(
      ranges_, [&](const Range& range) { return HasPrefix(inner, range.first, range.bits); });
  if (open) return "";
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(address.is_v6 ? AF_INET6 : AF_INET, address.bytes.data(), text.data(), text.size());
  return fmt::format("{} is not on the public Internet ({}); webhooks: {{allow_private}} opens it",
                     text.data(), use);
}

}  // namespace sojourn::webhook
