// What is said of a listener's certificate. The certificate itself: tls_context.h.
#pragma once

#include <cstdint>
#include <string>

namespace sojourn::http {

enum class TlsVersion : uint8_t { k12, k13 };

struct TlsOptions {
  std::string certificate;  // PEM file: the certificate, then those between it and a known root
  std::string key;          // PEM file, without a passphrase
  TlsVersion minimum_version = TlsVersion::k12;
};

}  // namespace sojourn::http
