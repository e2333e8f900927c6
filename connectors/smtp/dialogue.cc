#include "connectors/smtp/dialogue.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string>

#include <fmt/format.h>

#include "connectors/smtp/header_text.h"

namespace sojourn::smtp {
namespace {

using deliver::SendOutcome;
using deliver::SendResult;

constexpr size_t kMaxDetailBytes = 300;
constexpr size_t kMaxWordsBytes = 4096;

// Not this mail is refused but we are: without a login, with a wrong one, or without TLS. That is
// the operator's to mend and must not use up the mails that wait.
bool IsAboutLogin(int code) { return code == 530 || code == 534 || code == 535 || code == 538; }

// "5.1.1" at the beginning of "5.1.1 no such user"; empty where there is no such code (RFC 3463).
std::string_view EnhancedCode(std::string_view words) {
  const size_t end = words.find_first_not_of("0123456789.");
  const std::string_view code = words.substr(0, end);
  return std::count(code.begin(), code.end(), '.') == 2 ? code : std::string_view();
}

// Words of relays that refuse us, or for the moment, and say so without an enhanced code.
bool SpeakOfSomethingElse(std::string_view words) {
  std::string lower(words);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::string_view kElse[] = {"relay",  "block",      "blacklist", "spam",  "policy",
                                        "denied", "reputation", "permitted", "login", "authent",
                                        "quota",  "full",       "too many",  "grey",  "later"};
  return std::any_of(std::begin(kElse), std::end(kElse),
                     [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

// Whether a refusal of the recipient says that there is no such mailbox. It takes the address out
// of use for good, so what could also be about us, or pass, does not count.
bool SaysNoSuchMailbox(int code, std::string_view words) {
  const std::string_view enhanced = EnhancedCode(words);
  if (enhanced.empty()) {
    return (code == 550 || code == 551 || code == 553) && !SpeakOfSomethingElse(words);
  }
  constexpr std::string_view kGone[] = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"};
  return std::find(std::begin(kGone), std::end(kGone), enhanced) != std::end(kGone);
}

// 0 where the line begins with no code.
int CodeOf(std::string_view line) {
  if (line.size() < 3) return 0;
  int code = 0;
  for (const char c : line.substr(0, 3)) {
    if (c < '0' || c > '9') return 0;
    code = code * 10 + (c - '0');
  }
  return code;
}

}  // namespace

void Dialogue::Enter(Stage stage) {
  stage_ = stage;
  code_ = 0;
  words_.clear();
  goes_on_ = false;
}

void Dialogue::Command(std::string_view line) {
  if (line.starts_with("MAIL FROM:")) {
    Enter(Stage::kMail);
  } else if (line.starts_with("RCPT TO:")) {
    Enter(Stage::kRecipient);
  } else if (line == "DATA\r\n") {
    Enter(Stage::kData);
  } else if (line == "QUIT\r\n") {
    // Before a mail it is an older connection's end.
    has_said_bye_ = stage_ != Stage::kConnect;
  }
}

void Dialogue::Answer(std::string_view line) {
  const int code = CodeOf(line);
  if (code == 0 || has_said_bye_) return;
  if (!goes_on_) words_.clear();
  goes_on_ = line.size() > 3 && line[3] == '-';
  if (words_.size() < kMaxWordsBytes) {
    if (!words_.empty()) words_ += ' ';
    words_ += OneLine(line.substr(std::min<size_t>(4, line.size())), kMaxDetailBytes);
  }
  code_ = goes_on_ ? 0 : code;
}

SendOutcome Dialogue::Outcome() const {
  const int kind = code_ / 100;
  if (stage_ == Stage::kEnd) {
    if (kind == 2) return SendOutcome::kDelivered;
    if (kind == 4) return SendOutcome::kTryLater;
    return kind == 5 ? SendOutcome::kRefused : SendOutcome::kUnknown;
  }
  const bool about_the_mail = stage_ != Stage::kConnect && !IsAboutLogin(code_);
  return kind == 5 && about_the_mail ? SendOutcome::kRefused : SendOutcome::kTryLater;
}

SendResult Dialogue::Judge(std::string_view transfer_error) const {
  SendResult result;
  result.outcome = Outcome();
  if (result.outcome == SendOutcome::kDelivered || code_ >= 400) {
    result.code = code_;
    result.detail = OneLine(fmt::format("{} {}", code_, words_), kMaxDetailBytes);
  } else {
    result.detail = OneLine(transfer_error, kMaxDetailBytes);
  }
  result.recipient = result.outcome == SendOutcome::kRefused && stage_ == Stage::kRecipient &&
                     SaysNoSuchMailbox(code_, words_);
  return result;
}

}  // namespace sojourn::smtp
