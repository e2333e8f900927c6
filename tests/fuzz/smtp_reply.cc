// Any lines as what a relay answers: the judgement is one of those there are, a mail that never
// began its body was not sent, and the relay's words are one line for people.
#include <algorithm>
#include <string_view>

#include "connectors/smtp/dialogue.h"
#include "engine/base/check.h"
#include "engine/base/utf8.h"
#include "tests/fuzz/target.h"

namespace sojourn::smtp {
namespace {

void CheckResult(const Dialogue& dialogue, const deliver::SendResult& result) {
  using deliver::SendOutcome;
  SOJOURN_CHECK(result.outcome != SendOutcome::kDelivered || dialogue.body_begun());
  SOJOURN_CHECK(!result.recipient || result.outcome == SendOutcome::kRefused);
  SOJOURN_CHECK(result.code >= 0 && result.code <= 999);
  SOJOURN_CHECK(IsValidUtf8(result.detail));
  SOJOURN_CHECK(result.detail.find_first_of("\r\n") == std::string::npos);
}

// The first byte of a line says who speaks: '>' a command of ours, '=' the body's begin, '.' its
// end; every other line is an answer.
void Try(std::string_view bytes) {
  Dialogue dialogue;
  while (!bytes.empty()) {
    const std::string_view line = bytes.substr(0, bytes.find('\n'));
    bytes.remove_prefix(std::min(bytes.size(), line.size() + 1));
    if (line.starts_with('>')) {
      dialogue.Command(line.substr(1));
    } else if (line.starts_with('=')) {
      dialogue.BeginBody();
    } else if (line.starts_with('.')) {
      dialogue.EndBody();
    } else {
      dialogue.Answer(line);
    }
    CheckResult(dialogue, dialogue.Judge("it broke off"));
  }
  CheckResult(dialogue, dialogue.Judge(""));
}

}  // namespace
}  // namespace sojourn::smtp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  sojourn::smtp::Try({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
