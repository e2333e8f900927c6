#include "engine/cli/https_fetch.h"

#include <curl/curl.h>

#include <memory>

#include <fmt/format.h>

namespace sojourn::cli {
namespace {

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

// Fewer bytes than were given end the transfer.
size_t Keep(const char* bytes, size_t size, size_t count, void* target) {
  auto* body = static_cast<std::string*>(target);
  if (body->size() + size * count > kMaxFetchedBytes) return 0;
  body->append(bytes, size * count);
  return size * count;
}

}  // namespace

Result<std::string> FetchHttps(const std::string& url, const std::string& ca_file) {
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, FreeHandle> handle(initialized == CURLE_OK ? curl_easy_init()
                                                                         : nullptr);
  if (handle == nullptr) return Unavailable("libcurl does not start");
  std::string body;
  const auto set = [&](CURLoption option, auto value) {
    curl_easy_setopt(handle.get(), option, value);
  };
  const auto milliseconds = static_cast<long>(kMaxFetchTime.milliseconds());  // NOLINT: libcurl's
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TIMEOUT_MS, milliseconds);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));  // NOLINT: likewise
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  if (!ca_file.empty()) set(CURLOPT_CAINFO, ca_file.c_str());
  set(CURLOPT_WRITEFUNCTION, &Keep);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&body));
  const CURLcode code = curl_easy_perform(handle.get());
  if (code != CURLE_OK) return Unavailable(curl_easy_strerror(code));
  long status = 0;  // NOLINT: libcurl's
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return Unavailable(fmt::format("the answer is {}", status));
  return body;
}

}  // namespace sojourn::cli
