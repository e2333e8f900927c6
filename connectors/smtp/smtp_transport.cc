#include "connectors/smtp/smtp_transport.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include <curl/curl.h>
#include <fmt/format.h>

#include "connectors/smtp/dialogue.h"
#include "connectors/smtp/header_text.h"
#include "connectors/smtp/mail_address.h"
#include "connectors/smtp/mime.h"
#include "connectors/smtp/signed_mime.h"

namespace sojourn::smtp {
namespace {

using deliver::Mail;
using deliver::MailTransport;
using deliver::SendOutcome;
using deliver::SendResult;

using CurlPointer = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using ListPointer = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;
using UrlPointer = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

constexpr int64_t kNever = -1;
// After GiveUp, for the answer to a mail that has gone; below what a service manager grants.
constexpr Duration kLastAnswer = Seconds(10);

// One mail on its way, as libcurl's callbacks see it.
struct Transfer {
  std::string_view rest;  // of the message
  const MailTransport::BeforeData* before_data = nullptr;
  const std::atomic<int64_t>* gives_up_at_ms = nullptr;
  Status before_data_status;
  Dialogue dialogue;
};

// Since some moment; goes on whatever becomes of the clock.
int64_t SteadyMilliseconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// libcurl asks for the first bytes when the relay has answered DATA with 354.
size_t ReadMessage(char* buffer, size_t size, size_t count, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  if (!transfer->dialogue.body_begun()) {
    transfer->before_data_status = (*transfer->before_data)();
    if (!transfer->before_data_status.ok()) return CURL_READFUNC_ABORT;
    transfer->dialogue.BeginBody();
  }
  const size_t bytes = std::min(size * count, transfer->rest.size());
  // The size is not announced, so libcurl asks until there is nothing left: all is with the system.
  if (bytes == 0) transfer->dialogue.EndBody();
  std::memcpy(buffer, transfer->rest.data(), bytes);
  transfer->rest.remove_prefix(bytes);
  return bytes;
}

// Asked about once a second. What no relay can have yet is given up at once; for the answer to a
// whole mail it is worth to wait a little.
int LookWhetherToGiveUp(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto* transfer = static_cast<Transfer*>(user);
  const int64_t at_ms = *transfer->gives_up_at_ms;
  if (at_ms == kNever) return 0;
  const bool in_time =
      transfer->dialogue.body_begun() && SteadyMilliseconds() - at_ms < kLastAnswer.milliseconds();
  return in_time ? 0 : 1;
}

int Listen(CURL* /*handle*/, curl_infotype type, char* data, size_t size, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  if (type == CURLINFO_HEADER_OUT) transfer->dialogue.Command({data, size});
  if (type == CURLINFO_HEADER_IN) transfer->dialogue.Answer({data, size});
  return 0;
}

std::string ErrorText(CURLcode code, const char* details) {
  std::string text = *details == '\0' ? curl_easy_strerror(code) : details;
  if (code == CURLE_ABORTED_BY_CALLBACK) return "the process ended first";
  if (code == CURLE_USE_SSL_FAILED) return fmt::format("no mail without TLS: {}", text);
  if (code == CURLE_PEER_FAILED_VERIFICATION) {
    return fmt::format("the relay's certificate is not good: {}", text);
  }
  return text;
}

class SmtpTransport final : public MailTransport {
 public:
  SmtpTransport(SmtpOptions options, std::shared_ptr<const DkimSigner> signer, CurlPointer curl,
                UrlPointer url)
      : options_(std::move(options)),
        signer_(std::move(signer)),
        url_(std::move(url)),
        curl_(std::move(curl)) {
    Configure();
  }

  ~SmtpTransport() override {
    // libcurl says QUIT and would wait for an answer; it finds the connection ended instead.
    Shutdown(SHUT_RD);
  }

  SendResult Send(const Mail& mail, const BeforeData& before_data) override {
    const auto message = WriteSignedMime(mail, signer_.get());
    const auto envelope = EnvelopeOf(mail);
    if (!message.ok()) return NotWritten(mail, message.status());
    if (!envelope.ok()) return NotWritten(mail, envelope.status());
    bool stale = false;
    SendResult result = Attempt(*envelope, *message, before_data, &stale);
    if (stale) {
      Set(CURLOPT_FRESH_CONNECT, 1L);
      result = Attempt(*envelope, *message, before_data, &stale);
      Set(CURLOPT_FRESH_CONNECT, 0L);
    }
    return result;
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

  // Of the connection that is kept for the next mail, where there is one.
  void Shutdown(int how) {
    curl_socket_t socket = CURL_SOCKET_BAD;
    if (curl_easy_getinfo(curl_.get(), CURLINFO_ACTIVESOCKET, &socket) == CURLE_OK &&
        socket != CURL_SOCKET_BAD) {
      shutdown(socket, how);
    }
  }

  void Configure() {
    Set(CURLOPT_CURLU, url_.get());
    Set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    Set(CURLOPT_PROXY, "");  // not what the environment may say
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_UPLOAD, 1L);
    Set(CURLOPT_MAXCONNECTS, 1L);
    Set(CURLOPT_READFUNCTION, &ReadMessage);
    Set(CURLOPT_VERBOSE, 1L);
    Set(CURLOPT_DEBUGFUNCTION, &Listen);
    Set(CURLOPT_NOPROGRESS, 0L);
    Set(CURLOPT_XFERINFOFUNCTION, &LookWhetherToGiveUp);
    Set(CURLOPT_ERRORBUFFER, error_);

    Set(CURLOPT_USE_SSL,
        static_cast<long>(options_.security == Security::kNone ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    Set(CURLOPT_SSL_VERIFYPEER, 1L);
    Set(CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options_.ca_file.empty()) Set(CURLOPT_CAINFO, options_.ca_file.c_str());
    if (!options_.user.empty()) {
      Set(CURLOPT_USERNAME, options_.user.c_str());
      Set(CURLOPT_PASSWORD, options_.password.c_str());
    }

    const auto milliseconds = [](Duration limit) {
      return static_cast<long>(limit.milliseconds());
    };
    Set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options_.connect_timeout));
    Set(CURLOPT_TIMEOUT_MS, milliseconds(options_.total_timeout));
    Set(CURLOPT_SERVER_RESPONSE_TIMEOUT, (milliseconds(options_.answer_timeout) + 999) / 1000);
  }

  // `stale`: the connection was kept from an earlier mail and the relay has given it up since, so
  // that a new one may do better.
  SendResult Attempt(const Envelope& envelope, std::string_view message,
                     const BeforeData& before_data, bool* stale) {
    Transfer transfer{message, &before_data, &gives_up_at_ms_, Status::Ok(), {}};
    const std::string from =
        options_.envelope_from.empty() ? envelope.from : options_.envelope_from;
    const ListPointer recipients(
        curl_slist_append(nullptr, fmt::format("<{}>", envelope.to).c_str()), &curl_slist_free_all);
    Set(CURLOPT_MAIL_FROM, fmt::format("<{}>", from).c_str());
    Set(CURLOPT_MAIL_RCPT, recipients.get());
    Set(CURLOPT_READDATA, &transfer);
    Set(CURLOPT_DEBUGDATA, &transfer);
    Set(CURLOPT_XFERINFODATA, &transfer);
    error_[0] = '\0';
    const CURLcode code = curl_easy_perform(curl_.get());
    // libcurl keeps a connection on which the answer to a mail never came; come late, that answer
    // would be taken for the next mail's.
    if (code != CURLE_OK) Shutdown(SHUT_RDWR);
    // The connection lives on; what it points to does not.
    Set(CURLOPT_MAIL_RCPT, static_cast<curl_slist*>(nullptr));
    Set(CURLOPT_READDATA, static_cast<void*>(nullptr));
    Set(CURLOPT_XFERINFODATA, static_cast<void*>(nullptr));

    if (!transfer.before_data_status.ok()) {
      return {SendOutcome::kTryLater, 0, false, transfer.before_data_status.message()};
    }
    SendResult result = transfer.dialogue.Judge(ErrorText(code, error_));
    long new_connections = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_NUM_CONNECTS, &new_connections);
    *stale = new_connections == 0 && !transfer.dialogue.body_begun() &&
             code != CURLE_OPERATION_TIMEDOUT && code != CURLE_ABORTED_BY_CALLBACK &&
             result.outcome == SendOutcome::kTryLater && (result.code == 0 || result.code == 421);
    return result;
  }

  const SmtpOptions options_;
  const std::shared_ptr<const DkimSigner> signer_;
  const UrlPointer url_;
  std::atomic<int64_t> gives_up_at_ms_ = kNever;
  char error_[CURL_ERROR_SIZE] = "";
  CurlPointer curl_;  // the last member: it uses the others to its end
};

uint16_t DefaultPort(Security security) {
  switch (security) {
    case Security::kStartTls:
      return 587;
    case Security::kTls:
      return 465;
    case Security::kNone:
      break;
  }
  return 25;
}

// Null where the host is none.
UrlPointer MakeUrl(const SmtpOptions& options) {
  UrlPointer url(curl_url(), &curl_url_cleanup);
  const bool is_ipv6 = options.host.find(':') != std::string::npos;
  const std::string host = is_ipv6 ? fmt::format("[{}]", options.host) : options.host;
  const uint16_t port = options.port == 0 ? DefaultPort(options.security) : options.port;
  const auto set = [&](CURLUPart part, const std::string& text) {
    return curl_url_set(url.get(), part, text.c_str(), 0) == CURLUE_OK;
  };
  const bool good = set(CURLUPART_SCHEME, options.security == Security::kTls ? "smtps" : "smtp") &&
                    set(CURLUPART_HOST, host) && set(CURLUPART_PORT, std::to_string(port)) &&
                    set(CURLUPART_PATH, "/" + options.client_name);
  return good ? std::move(url) : UrlPointer(nullptr, &curl_url_cleanup);
}

Status CheckOptions(SmtpOptions* options) {
  if (Token(options->client_name, ".-[]:", 255) != options->client_name) {
    return InvalidArgument(fmt::format("\"{}\" is no host name to say to a relay",
                                       OneLine(options->client_name, 100)));
  }
  if (!options->ca_file.empty() && access(options->ca_file.c_str(), R_OK) != 0) {
    return InvalidArgument(fmt::format("CA file {}: {}", options->ca_file, std::strerror(errno)));
  }
  if (!options->envelope_from.empty()) {
    SOJOURN_ASSIGN_OR_RETURN(options->envelope_from, WireAddress(options->envelope_from));
  }
  for (const Duration limit :
       {options->connect_timeout, options->answer_timeout, options->total_timeout}) {
    if (limit < Milliseconds(1) || limit > Days(1)) {
      return InvalidArgument("a time limit of the relay must be between 1 ms and a day");
    }
  }
  return Status::Ok();
}

}  // namespace

Result<std::unique_ptr<MailTransport>> OpenSmtpTransport(SmtpOptions options,
                                                         std::shared_ptr<const DkimSigner> signer) {
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (initialized != CURLE_OK) return Internal(curl_easy_strerror(initialized));
  SOJOURN_RETURN_IF_ERROR(CheckOptions(&options));
  UrlPointer url = MakeUrl(options);
  if (url == nullptr) {
    return InvalidArgument(fmt::format("\"{}\" is no host of a relay", OneLine(options.host, 100)));
  }
  CurlPointer curl(curl_easy_init(), &curl_easy_cleanup);
  if (curl == nullptr) return Internal("libcurl gives no handle");
  return std::unique_ptr<MailTransport>(std::make_unique<SmtpTransport>(
      std::move(options), std::move(signer), std::move(curl), std::move(url)));
}

}  // namespace sojourn::smtp
