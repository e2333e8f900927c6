#include "connectors/smtp/directory_pages.h"

#include <fmt/format.h>

#include "connectors/smtp/header_text.h"
#include "engine/base/rfc3339.h"

namespace sojourn::smtp {
namespace {

constexpr size_t kMaxCellBytes = 200;

constexpr std::string_view kIndexHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Mails</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1rem; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; margin-bottom: .5rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; }
td { border-top: 1px solid #8886; overflow-wrap: anywhere; }
td:nth-child(2) { min-width: 14rem; }
time { white-space: nowrap; }
@media (max-width: 40rem) {
  thead { position: absolute; clip-path: inset(50%); }
  tr, td { display: block; padding: .1rem 0; }
  tr { border-top: 1px solid #8886; padding: .6rem 0; }
  td { border: 0; }
}
</style>
</head>
<body>
<main>
<h1>Mails</h1>
<table>
<caption>Newest first. These mails were written here and sent to nobody.</caption>
<thead><tr><th scope="col">Subject</th><th scope="col">To</th><th scope="col">Journey</th><th scope="col">Time</th><th scope="col">Source</th></tr></thead>
<tbody>
)";

constexpr std::string_view kIndexTail = R"(</tbody>
</table>
</main>
</body>
</html>
)";

// Before a mail's own HTML. Its images, styles and links work; scripts and forms do not.
constexpr std::string_view kPageHead = R"(<!doctype html>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src * data:; media-src *; font-src *; style-src * 'unsafe-inline'; form-action 'none'; base-uri 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
)";

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string Cell(std::string_view text) { return Escaped(OneLine(text, kMaxCellBytes)); }

// "journey:template:..." -> "journey / template".
std::string Origin(std::string_view feedback_id) {
  const std::string_view journey = feedback_id.substr(0, feedback_id.find(':'));
  if (journey.size() == feedback_id.size()) return std::string(journey);
  const std::string_view rest = feedback_id.substr(journey.size() + 1);
  return fmt::format("{} / {}", journey, rest.substr(0, rest.find(':')));
}

}  // namespace

std::string_view IndexHead() { return kIndexHead; }
std::string_view IndexTail() { return kIndexTail; }

std::string IndexRow(const deliver::Mail& mail, const std::string& id) {
  const std::string subject = Cell(mail.subject);
  const std::string time = FormatRfc3339(mail.date);
  return fmt::format(
      "{0}{1}\"><td><a href=\"{1}.html\">{2}</a></td><td>{3}</td><td>{4}</td>"
      "<td><time datetime=\"{5}\">{5}</time></td><td><a href=\"{1}.eml\">.eml</a></td></tr>",
      kRowStart, id, subject.empty() ? "(no subject)" : subject, Cell(mail.to),
      Cell(Origin(mail.feedback_id)), time);
}

std::string MailPage(const deliver::Mail& mail) {
  if (!mail.html.empty()) return fmt::format("{}{}", kPageHead, CleanText(mail.html));
  return fmt::format(
      "{}<meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n"
      "<pre style=\"white-space: pre-wrap\">{}</pre>\n",
      kPageHead, Cell(mail.subject), Escaped(CleanText(mail.text)));
}

}  // namespace sojourn::smtp
