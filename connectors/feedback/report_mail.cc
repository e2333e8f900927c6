#include "connectors/feedback/report_mail.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <re2/re2.h>

#include "connectors/feedback/mark.h"
#include "connectors/feedback/mime_reader.h"
#include "connectors/feedback/payload.h"
#include "engine/base/hash.h"
#include "engine/base/utf8.h"

namespace sojourn::feedback {
namespace {

constexpr std::array<std::string_view, 6> kNoSuchMailbox = {"5.1.1", "5.1.2",  "5.1.3",
                                                            "5.1.6", "5.1.10", "5.2.1"};
constexpr size_t kMaxRecipients = 100;

// "ada@customer.example" of "rfc822; ada@customer.example"; "": it is none.
std::string AddressOf(std::string_view field) {
  const size_t semicolon = field.find(';');
  if (semicolon != std::string_view::npos) field.remove_prefix(semicolon + 1);
  while (field.starts_with(' ') || field.starts_with('<')) field.remove_prefix(1);
  while (field.ends_with(' ') || field.ends_with('>')) field.remove_suffix(1);
  return IsAddress(field) && IsValidUtf8(field) ? std::string(field) : "";
}

std::string Text(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += static_cast<unsigned char>(c) < 0x80 ? c : '?';
  return Diagnostic(text);
}

// The status, or, where that says no more than "failed", what the relay said.
std::string StatusOf(const MimeHeaders& recipient) {
  static const re2::RE2 code(R"(\b([245]\.[0-9]{1,3}\.[0-9]{1,3})\b)");
  std::string status;
  const std::string_view field = recipient.Get("status");
  re2::RE2::PartialMatch(re2::StringPiece(field.data(), field.size()), code, &status);
  if (!status.empty() && !status.ends_with(".0.0")) return status;
  const std::string_view said = recipient.Get("diagnostic-code");
  std::string found;
  return re2::RE2::PartialMatch(re2::StringPiece(said.data(), said.size()), code, &found) ? found
                                                                                          : status;
}

std::optional<FactKind> KindOf(const MimeHeaders& recipient) {
  const std::string action = MediaType(recipient.Get("action"));
  if (action == "delivered") return FactKind::kDelivered;
  if (action != "failed") return std::nullopt;
  const bool gone = std::ranges::find(kNoSuchMailbox, StatusOf(recipient)) != kNoSuchMailbox.end();
  return gone ? FactKind::kBouncedHard : FactKind::kBouncedSoft;
}

// Blocks of fields: the first is about the mail, each other about a recipient.
void ReadDeliveryStatus(std::string_view body, Timestamp now, Feedback* feedback) {
  std::string_view rest = body;
  MimeHeaders::Read(rest, &rest);
  while (!rest.empty() && feedback->facts.size() < kMaxRecipients) {
    const MimeHeaders recipient = MimeHeaders::Read(rest, &rest);
    if (recipient.empty()) continue;
    const std::optional<FactKind> kind = KindOf(recipient);
    if (!kind) {
      ++feedback->others;
      continue;
    }
    FeedbackFact& fact = feedback->facts.emplace_back();
    fact.kind = *kind;
    fact.time = now;
    fact.address = AddressOf(recipient.Get("final-recipient"));
    fact.diagnostic = Text(recipient.Get("diagnostic-code"));
    if (fact.diagnostic.empty()) fact.diagnostic = Text(recipient.Get("status"));
  }
}

void ReadComplaint(std::string_view body, Timestamp now, Feedback* feedback) {
  const MimeHeaders report = MimeHeaders::Read(body, nullptr);
  const std::string type = MediaType(report.Get("feedback-type"));
  if (type.empty() || type == "not-spam" || type == "opt-out") {
    ++feedback->others;
    return;
  }
  FeedbackFact& fact = feedback->facts.emplace_back();
  fact.kind = FactKind::kComplained;
  fact.time = now;
  fact.address = AddressOf(report.Get("original-rcpt-to"));
  fact.diagnostic = Text(type);
}

// The mark in the headers of the mail that the report quotes.
std::string MarkIn(const MimePart& part) {
  const bool quotes = part.type == "message/rfc822" || part.type == "text/rfc822-headers" ||
                      part.type == "message/rfc822-headers" || part.type == "message/global" ||
                      part.type == "message/global-headers";
  if (!quotes) return "";
  std::string mark;
  // A long line may have been folded on its way; a token has no spaces.
  const MimeHeaders headers = MimeHeaders::Read(part.body, nullptr);
  for (const char c : headers.Get("x-sojourn-mark")) {
    if (c != ' ') mark += c;
  }
  return mark;
}

}  // namespace

Feedback ReadReport(std::string_view mail, Timestamp now) {
  Feedback feedback;
  std::string_view body;
  const MimeHeaders headers = MimeHeaders::Read(mail.substr(0, kMaxReportBytes), &body);
  std::string mark;
  for (const MimePart& part : ReadParts(headers, body)) {
    const bool status =
        part.type == "message/delivery-status" || part.type == "message/global-delivery-status";
    if (status) ReadDeliveryStatus(part.body, now, &feedback);
    if (part.type == "message/feedback-report") ReadComplaint(part.body, now, &feedback);
    if (mark.empty()) mark = MarkIn(part);
  }
  for (FeedbackFact& fact : feedback.facts) {
    fact.mark = mark;
    fact.id = Hex(Sha256(mark).data(), 16);
  }
  if (feedback.facts.empty() && feedback.others == 0) feedback.others = 1;
  return feedback;
}

}  // namespace sojourn::feedback
