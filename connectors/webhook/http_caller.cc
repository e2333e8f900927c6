#include "connectors/webhook/http_caller.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <curl/curl.h>
#include <fmt/format.h>

#include "engine/base/check.h"

namespace sojourn::webhook {
namespace {

using CurlPointer = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using ListPointer = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;
using UrlPointer = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

constexpr int64_t kNever = -1;
// After GiveUp, for an answer that is about to come.
constexpr Duration kLastAnswer = Seconds(2);

// One request on its way, as libcurl's callbacks see it.
struct Transfer {
  const AddressRules* rules = nullptr;
  const std::atomic<int64_t>* gives_up_at_ms = nullptr;
  std::string host;
  std::string refusal;  // of the last address that was refused
  bool opened = false;  // a socket, to any address
  size_t header_bytes = 0;
  size_t body_bytes = 0;
};

// Since some moment; goes on whatever becomes of the clock.
int64_t SteadyMilliseconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// Nothing has left the machine yet; what is refused here never will.
curl_socket_t OpenSocket(void* user, curlsocktype purpose, curl_sockaddr* to) {
  auto* transfer = static_cast<Transfer*>(user);
  const auto address = IpAddress::Of(&to->addr, to->addrlen);
  std::string refusal = "neither IPv4 nor IPv6";
  if (address && purpose == CURLSOCKTYPE_IPCXN) {
    refusal = transfer->rules->Refusal(*address, transfer->host);
  }
  if (!refusal.empty()) {
    transfer->refusal = std::move(refusal);
    return CURL_SOCKET_BAD;
  }
  transfer->opened = true;
  return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

size_t CountHeader(char* /*data*/, size_t size, size_t count, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  transfer->header_bytes += size * count;
  return transfer->header_bytes > kMaxHeaderBytes ? 0 : size * count;
}

size_t DropBody(char* /*data*/, size_t size, size_t count, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  transfer->body_bytes += size * count;
  return transfer->body_bytes > kMaxAnswerBytes ? 0 : size * count;
}

// Asked about once a second.
int LookWhetherToGiveUp(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const int64_t at_ms = *static_cast<Transfer*>(user)->gives_up_at_ms;
  if (at_ms == kNever) return 0;
  return SteadyMilliseconds() - at_ms < kLastAnswer.milliseconds() ? 0 : 1;
}

ListPointer HeaderList(const HttpRequest& request) {
  curl_slist* list = curl_slist_append(nullptr, "Expect:");
  for (const auto& [name, value] : request.headers) {
    list = curl_slist_append(list, fmt::format("{}: {}", name, value).c_str());
  }
  return {list, &curl_slist_free_all};
}

class CurlCaller final : public HttpCaller {
 public:
  CurlCaller(CallerOptions options, CurlPointer curl)
      : options_(std::move(options)), curl_(std::move(curl)) {
    for (const std::string& entry : options_.resolved) {
      resolved_.reset(curl_slist_append(resolved_.release(), entry.c_str()));
    }
    Configure();
  }

  HttpAnswer Call(const HttpRequest& request) override {
    HttpAnswer answer;
    const UrlPointer url(curl_url(), &curl_url_cleanup);
    Transfer transfer{&options_.rules, &gives_up_at_ms_, "", "", false, 0, 0};
    if (!ParseUrl(request.url, url.get(), &transfer.host)) {
      answer.kind = HttpAnswer::Kind::kBadUrl;
      answer.error = "its URL cannot be called";
      return answer;
    }
    const ListPointer headers = HeaderList(request);
    Set(CURLOPT_CURLU, url.get());
    Set(CURLOPT_HTTPHEADER, headers.get());
    Set(CURLOPT_OPENSOCKETDATA, &transfer);
    Set(CURLOPT_HEADERDATA, &transfer);
    Set(CURLOPT_WRITEDATA, &transfer);
    Set(CURLOPT_XFERINFODATA, &transfer);
    SetBody(request);
    error_[0] = '\0';
    const CURLcode code = curl_easy_perform(curl_.get());
    answer = AnswerOf(code, transfer);
    // The connection lives on; what it points to does not.
    Set(CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));
    Set(CURLOPT_CURLU, static_cast<CURLU*>(nullptr));
    return answer;
  }

  void GiveUp() override {
    int64_t never = kNever;
    gives_up_at_ms_.compare_exchange_strong(never, SteadyMilliseconds());
  }

 private:
  template <typename Value>
  void Set(CURLoption option, Value value) {
    SOJOURN_CHECK(curl_easy_setopt(curl_.get(), option, value) == CURLE_OK);
  }

  void Configure() {
    Set(CURLOPT_PROTOCOLS_STR, "http,https");
    Set(CURLOPT_PROXY, "");  // not what the environment may say
    Set(CURLOPT_FOLLOWLOCATION, 0L);
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_MAXCONNECTS, 4L);
    Set(CURLOPT_USERAGENT, "Sojourn");
    Set(CURLOPT_OPENSOCKETFUNCTION, &OpenSocket);
    Set(CURLOPT_HEADERFUNCTION, &CountHeader);
    Set(CURLOPT_WRITEFUNCTION, &DropBody);
    Set(CURLOPT_NOPROGRESS, 0L);
    Set(CURLOPT_XFERINFOFUNCTION, &LookWhetherToGiveUp);
    Set(CURLOPT_ERRORBUFFER, error_);
    Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    Set(CURLOPT_SSL_VERIFYPEER, 1L);
    Set(CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options_.ca_file.empty()) Set(CURLOPT_CAINFO, options_.ca_file.c_str());
    Set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.milliseconds()));
    Set(CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.milliseconds()));
    if (resolved_ != nullptr) Set(CURLOPT_RESOLVE, resolved_.get());
  }

  static bool ParseUrl(const std::string& text, CURLU* url, std::string* host) {
    if (curl_url_set(url, CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return false;
    char* part = nullptr;
    if (curl_url_get(url, CURLUPART_HOST, &part, 0) != CURLUE_OK) return false;
    *host = part;
    curl_free(part);
    return true;
  }

  void SetBody(const HttpRequest& request) {
    if (request.body.empty()) {
      Set(CURLOPT_HTTPGET, 1L);
    } else {
      Set(CURLOPT_POST, 1L);
      Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      Set(CURLOPT_POSTFIELDS, request.body.data());
    }
    Set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }

  // An answer is one as soon as its status is there, whatever becomes of its body.
  HttpAnswer AnswerOf(CURLcode code, const Transfer& transfer) {
    HttpAnswer answer;
    long status = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200) {
      answer.kind = HttpAnswer::Kind::kAnswered;
      answer.status = static_cast<int>(status);
      curl_off_t seconds = 0;
      curl_easy_getinfo(curl_.get(), CURLINFO_RETRY_AFTER, &seconds);
      answer.retry_after = Seconds(std::clamp<int64_t>(seconds, 0, 366 * 86400));
      return answer;
    }
    if (!transfer.opened && !transfer.refusal.empty()) {
      answer.kind = HttpAnswer::Kind::kRefused;
      answer.error = transfer.refusal;
      return answer;
    }
    if (code == CURLE_ABORTED_BY_CALLBACK) answer.kind = HttpAnswer::Kind::kGaveUp;
    answer.error = error_[0] == '\0' ? curl_easy_strerror(code) : error_;
    if (code == CURLE_PEER_FAILED_VERIFICATION) {
      answer.error = "its certificate is not good: " + answer.error;
    }
    return answer;
  }

  const CallerOptions options_;
  ListPointer resolved_{nullptr, &curl_slist_free_all};
  std::atomic<int64_t> gives_up_at_ms_ = kNever;
  char error_[CURL_ERROR_SIZE] = "";
  CurlPointer curl_;  // the last member: it uses the others to its end
};

}  // namespace

Result<std::unique_ptr<HttpCaller>> HttpCaller::Open(CallerOptions options) {
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (initialized != CURLE_OK) return Internal(curl_easy_strerror(initialized));
  if (!options.ca_file.empty() && access(options.ca_file.c_str(), R_OK) != 0) {
    return InvalidArgument(fmt::format("CA file {}: {}", options.ca_file, std::strerror(errno)));
  }
  CurlPointer curl(curl_easy_init(), &curl_easy_cleanup);
  if (curl == nullptr) return Internal("libcurl gives no handle");
  return std::unique_ptr<HttpCaller>(
      std::make_unique<CurlCaller>(std::move(options), std::move(curl)));
}

}  // namespace sojourn::webhook
