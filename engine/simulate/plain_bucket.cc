// Buckets as section 4 of the language says it, word for word.
#include <openssl/sha.h>

#include "engine/simulate/plain_journey.h"

namespace sojourn::simulate {

int PlainBucket(const std::string& kind, const std::string& journey, const std::string& name,
                const std::string& person) {
  const std::string zero(1, '\0');
  const std::string text = kind + zero + journey + zero + name + zero + person;
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  uint64_t number = 0;
  for (int i = 0; i < 8; ++i) number = number * 256 + digest[i];
  return static_cast<int>(number % 10'000);
}

}  // namespace sojourn::simulate
