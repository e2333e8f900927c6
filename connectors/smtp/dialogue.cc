#include "connectors/smtp/dialogue.h"

#include <algorithm>

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

// Policy, such as a relay that does not relay for us; it says nothing about the address.
bool IsPolicy(std::string_view words) { return words.starts_with("5.7."); }

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
  result.recipient =
      result.outcome == SendOutcome::kRefused && stage_ == Stage::kRecipient && !IsPolicy(words_);
  return result;
}

}  // namespace sojourn::smtp
