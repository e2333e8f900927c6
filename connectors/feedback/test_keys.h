// Keys, certificates and signatures for tests, made when they are needed, and requests.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "connectors/feedback/fact.h"
#include "connectors/feedback/signature.h"
#include "engine/base/time.h"

namespace sojourn::feedback {

std::string EncodeBase64(std::string_view bytes);

// A private key and what it signs.
class TestKey {
 public:
  enum class Kind : uint8_t { kRsa, kP256, kP384 };
  explicit TestKey(Kind kind);
  ~TestKey();
  TestKey(const TestKey&) = delete;
  TestKey& operator=(const TestKey&) = delete;

  std::string Sign(Digest digest, std::string_view bytes) const;
  std::string PublicDer() const;
  std::string PublicPem() const;

  // PEM of a certificate for `name` and this key, signed by `issuer` (null: by itself), whose name
  // is `issuer_name`.
  std::string Certificate(const std::string& name, const TestKey* issuer,
                          const std::string& issuer_name, Timestamp begins, Timestamp expires,
                          bool authority = false) const;

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

// A request's parts, which outlive what is made of them.
struct TestRequest {
  std::string body;
  std::map<std::string, std::string> headers;  // names in lower case

  FeedbackRequest View() const;
};

}  // namespace sojourn::feedback
