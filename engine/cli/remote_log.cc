#include "engine/cli/remote_log.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

#include "connectors/http/http_client.h"
#include "engine/cli/remote.h"

namespace sojourn::cli {
namespace {

constexpr size_t kMaxPageBytes = 4u << 20;
constexpr Duration kAnswerTimeout = Seconds(120);

// A page is four int64 (first, next, ended, count), as many offsets, then the events.
struct PageHeader {
  int64_t first = 0;
  int64_t next = 0;
  int64_t ended = 0;
  int64_t count = 0;
};

void Append(const void* bytes, size_t count, std::string* text) {
  text->append(static_cast<const char*>(bytes), count);
}

std::string EncodePage(const LogPage& page) {
  std::string bytes;
  const PageHeader header{page.scan.first.value(), page.scan.next.value(), page.scan.ended ? 1 : 0,
                          static_cast<int64_t>(page.offsets.size())};
  Append(&header, sizeof(header), &bytes);
  for (const Offset offset : page.offsets) {
    const int64_t value = offset.value();
    Append(&value, sizeof(value), &bytes);
  }
  return bytes + EncodeImported(page.events);
}

std::optional<LogPage> DecodePage(std::string_view bytes) {
  PageHeader header;
  if (bytes.size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof(header));
  bytes.remove_prefix(sizeof(header));
  const auto most = static_cast<int64_t>(bytes.size() / sizeof(int64_t));
  if (header.count < 0 || header.count > most) return std::nullopt;
  LogPage page{{Offset(header.first), Offset(header.next), header.ended != 0}, {}, {}};
  for (int64_t i = 0; i < header.count; ++i) {
    int64_t offset = 0;
    std::memcpy(&offset, bytes.data(), sizeof(offset));
    bytes.remove_prefix(sizeof(offset));
    page.offsets.push_back(Offset(offset));
  }
  auto events = DecodeImported(bytes);
  if (!events || events->size() != page.offsets.size()) return std::nullopt;
  page.events = *std::move(events);
  return page;
}

std::optional<int64_t> NumberIn(const http::Request& request, std::string_view name) {
  const std::string_view text = request.Query(name).value_or("");
  int64_t number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number < 0 ? std::nullopt : std::optional<int64_t>(number);
}

}  // namespace

Result<LogPage> AskLog(const http::Instance& instance, int32_t part, Offset from,
                       const std::string& person) {
  const std::string target = fmt::format("/-/log?part={}&from={}&person={}", part, from.value(),
                                         http::EncodeQueryText(person));
  SOJOURN_ASSIGN_OR_RETURN(const std::string body,
                           AskInstance(instance, "GET", target, "", kAnswerTimeout));
  auto page = DecodePage(body);
  if (!page) return Unavailable("the running process is of another version");
  return *std::move(page);
}

http::Response HandleLog(Backend* backend, const http::Request& request) {
  const Result<int32_t> parts = backend->LogParts();
  if (!parts.ok()) return http::ToResponse(parts.status());
  const auto part = NumberIn(request, "part");
  const auto from = NumberIn(request, "from");
  if (!part || !from || *part >= *parts) return http::ErrorResponse(400, "no such part of the log");
  LogPage page;
  size_t bytes = 0;
  const auto visit = [&](const LoggedEvent& event) {
    page.offsets.push_back(event.offset);
    page.events.push_back({event.log_time, std::string(event.person), std::string(event.bytes)});
    bytes += event.person.size() + event.bytes.size() + sizeof(ImportedEvent);
    return bytes < kMaxPageBytes;
  };
  const auto scan = backend->ScanLog(static_cast<int32_t>(*part), Offset(*from),
                                     std::string(request.Query("person").value_or("")), visit);
  if (!scan.ok()) return http::ToResponse(scan.status());
  page.scan = *scan;
  return {.body = EncodePage(page), .content_type = "application/octet-stream"};
}

}  // namespace sojourn::cli
