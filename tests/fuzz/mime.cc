// Any bytes as the texts of a mail: nothing in them begins a header or ends a line, and what is
// written is ASCII in lines that relays take.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "connectors/smtp/header_text.h"
#include "connectors/smtp/mime.h"
#include "engine/base/check.h"
#include "engine/base/utf8.h"
#include "tests/fuzz/target.h"

namespace sojourn::smtp {
namespace {

constexpr size_t kMaxLineBytes = 998;

// The texts of a mail are separated by zeros.
std::array<std::string, 8> Split(std::string_view bytes) {
  std::array<std::string, 8> parts;
  for (std::string& part : parts) {
    const std::string_view text = bytes.substr(0, bytes.find('\0'));
    part = text;
    bytes.remove_prefix(std::min(bytes.size(), text.size() + 1));
  }
  return parts;
}

void CheckLines(std::string_view mail) {
  while (!mail.empty()) {
    const size_t end = mail.find("\r\n");
    SOJOURN_CHECK(end != std::string_view::npos && end <= kMaxLineBytes);
    for (const char c : mail.substr(0, end)) {
      SOJOURN_CHECK((c >= ' ' && c <= '~') || c == '\t');
    }
    mail.remove_prefix(end + 2);
  }
}

// Each header that a mail may have stands there at most once.
void CheckHeaders(std::string_view mail) {
  std::string_view head = mail.substr(0, mail.find("\r\n\r\n") + 2);
  int subjects = 0;
  int others = 0;
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(line.size() + 2);
    SOJOURN_CHECK(!line.empty());
    if (line.starts_with(' ') || line.starts_with('\t')) continue;
    SOJOURN_CHECK(line.find(':') != std::string_view::npos);
    subjects += line.starts_with("Subject:") ? 1 : 0;
    others += line.starts_with("X-Injected") || line.starts_with("Bcc") ? 1 : 0;
  }
  SOJOURN_CHECK(subjects == 1 && others == 0);
}

void Try(std::string_view bytes) {
  const auto parts = Split(bytes);
  SOJOURN_CHECK(IsValidUtf8(CleanText(bytes)));
  const std::string line = OneLine(bytes, 200);
  SOJOURN_CHECK(IsValidUtf8(line) && line.size() <= 200);
  SOJOURN_CHECK(line.find_first_of("\r\n") == std::string::npos);
  CheckLines(UnstructuredField("Subject", bytes));
  deliver::Mail mail;
  mail.action_id = parts[0];
  mail.from = {parts[1], parts[2].empty() ? "hello@shop.example" : parts[2]};
  mail.to = parts[3].empty() ? "ada@customer.example" : parts[3];
  mail.subject = parts[4];
  mail.html = parts[5];
  mail.text = parts[6].empty() ? "text" : parts[6];
  mail.unsubscribe_url = parts[7];
  mail.date = Timestamp(1'772'442'000'000);
  const auto written = WriteMime(mail);
  if (!written.ok()) return;
  CheckLines(*written);
  CheckHeaders(*written);
}

}  // namespace
}  // namespace sojourn::smtp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  sojourn::smtp::Try({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
