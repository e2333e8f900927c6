#include "connectors/smtp/mime.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

#include "connectors/smtp/header_text.h"
#include "connectors/smtp/mail_address.h"
#include "connectors/smtp/transfer_encoding.h"
#include "engine/base/civil.h"
#include "engine/base/hash.h"

namespace sojourn::smtp {
namespace {

constexpr size_t kMaxActionIdBytes = 40;
constexpr size_t kMaxTokenBytes = 250;
constexpr size_t kMaxUrlBytes = 990;  // "<", ">" and the space of its folded line: less than 998

// "Mon, 02 Mar 2026 09:00:00 +0000"; years beyond four digits do not exist in mail.
std::string FormatDate(Timestamp time) {
  constexpr const char* kDays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  constexpr int64_t kLastMillisecond = 253402300799999;  // of the year 9999
  const Timestamp known(std::clamp<int64_t>(time.milliseconds(), 0, kLastMillisecond));
  const cctz::civil_second civil = ToCivil(known, cctz::utc_time_zone());
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000",
                     kDays[WeekdayNumber(cctz::civil_day(civil)) - 1], civil.day(),
                     kMonths[civil.month() - 1], civil.year(), civil.hour(), civil.minute(),
                     civil.second());
}

std::string Part(std::string_view type, std::string_view text) {
  const EncodedBody body = EncodeBody(CleanText(text));
  return fmt::format("Content-Type: {}; charset=utf-8\r\nContent-Transfer-Encoding: {}\r\n\r\n{}",
                     type, body.encoding, body.lines);
}

std::string Alternative(const deliver::Mail& mail) {
  // No body has it: "=_" stands neither in quoted-printable, where "=" has hexadecimal digits
  // behind it, nor in base64.
  const std::string boundary = fmt::format("=_{}", Hex(Sha256(mail.action_id).data(), 16));
  return fmt::format(
      "Content-Type: multipart/alternative;\r\n boundary=\"{0}\"\r\n\r\n"
      "--{0}\r\n{1}\r\n--{0}\r\n{2}\r\n--{0}--\r\n",
      boundary, Part("text/plain", mail.text), Part("text/html", mail.html));
}

// From Content-Type to the end.
std::string Body(const deliver::Mail& mail) {
  if (mail.html.empty()) return Part("text/plain", mail.text);
  if (mail.text.empty()) return Part("text/html", mail.html);
  return Alternative(mail);
}

// The headers by which a mailbox knows a list and offers to leave it.
Result<std::string> ListHeaders(const deliver::Mail& mail) {
  std::string headers;
  if (!mail.unsubscribe_url.empty()) {
    const std::string url = AsciiUrl(mail.unsubscribe_url);
    if (url.size() > kMaxUrlBytes) {
      return InvalidArgument(fmt::format("the unsubscribe URL has {} bytes, {} are allowed",
                                         url.size(), kMaxUrlBytes));
    }
    headers += fmt::format("List-Unsubscribe:{}<{}>\r\n", url.size() < 56 ? " " : "\r\n ", url);
    // RFC 8058 knows one-click for https alone.
    if (url.starts_with("https://")) {
      headers += "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
    }
  }
  if (!mail.list_id.empty()) {
    headers += fmt::format("List-Id: <{}>\r\n", Token(mail.list_id, ".-_", kMaxTokenBytes));
  }
  if (!mail.feedback_id.empty()) {
    headers += fmt::format("Feedback-ID: {}\r\n", Token(mail.feedback_id, ":.-_", kMaxTokenBytes));
  }
  return headers;
}

// A mark that does not fit is of use to nobody: it would be cut on its way.
std::string MarkHeaders(const deliver::Mail& mail) {
  std::string headers;
  for (const auto& [name, value] : mail.marks) {
    if (name.size() + value.size() > kMaxUrlBytes) continue;
    headers +=
        fmt::format("{}: {}\r\n", Token(name, "-", kMaxTokenBytes), OneLine(value, kMaxUrlBytes));
  }
  return headers;
}

}  // namespace

Result<Envelope> EnvelopeOf(const deliver::Mail& mail) {
  SOJOURN_ASSIGN_OR_RETURN(std::string from, WireAddress(mail.from.address));
  SOJOURN_ASSIGN_OR_RETURN(std::string to, WireAddress(mail.to));
  return Envelope{std::move(from), std::move(to)};
}

Result<std::string> WriteMime(const deliver::Mail& mail) {
  SOJOURN_ASSIGN_OR_RETURN(const Envelope envelope, EnvelopeOf(mail));
  std::string message = MailboxField("From", mail.from.name, envelope.from);
  message += MailboxField("To", "", envelope.to);
  message += UnstructuredField("Subject", mail.subject);
  message += fmt::format("Date: {}\r\n", FormatDate(mail.date));
  message +=
      MailboxField("Message-ID", "",
                   fmt::format("{}@{}", SafeActionId(mail.action_id), DomainOf(envelope.from)));
  if (!mail.reply_to.empty()) {
    SOJOURN_ASSIGN_OR_RETURN(const std::string reply_to, WireAddress(mail.reply_to));
    message += MailboxField("Reply-To", "", reply_to);
  }
  SOJOURN_ASSIGN_OR_RETURN(const std::string list_headers, ListHeaders(mail));
  message += list_headers;
  message += MarkHeaders(mail);
  message += "MIME-Version: 1.0\r\n";
  message += Body(mail);
  return message;
}

std::string SafeActionId(std::string_view action_id) {
  std::string safe = Token(action_id, "-_", kMaxActionIdBytes);
  if (safe == action_id && !safe.empty()) return safe;
  return fmt::format("{}-{}", safe, Hex(Sha256(action_id).data(), 8));
}

}  // namespace sojourn::smtp
