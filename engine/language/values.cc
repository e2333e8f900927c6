#include "engine/language/values.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <charconv>
#include <cstdlib>
#include <utility>

#include "engine/base/limits.h"

namespace sojourn::language {

bool IsKebabCase(std::string_view text) {
  static const re2::RE2 pattern("[a-z0-9]+(-[a-z0-9]+)*");
  return re2::RE2::FullMatch(text, pattern);
}

bool IsSnakeCase(std::string_view text) {
  static const re2::RE2 pattern("[a-z][a-z0-9]*(_[a-z0-9]+)*");
  return re2::RE2::FullMatch(text, pattern);
}

std::string ToCase(std::string_view text, char separator) {
  std::string out;
  bool after_capital = false;
  for (const char c : text) {
    const bool is_capital = c >= 'A' && c <= 'Z';
    if (is_capital) {
      if (!after_capital && !out.empty() && out.back() != separator) out.push_back(separator);
      out.push_back(static_cast<char>(c - 'A' + 'a'));
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      out.push_back(c);
    } else if (!out.empty() && out.back() != separator) {
      out.push_back(separator);
    }
    after_capital = is_capital;
  }
  while (!out.empty() && out.back() == separator) out.pop_back();
  return out;
}

std::string ShortText(std::string_view text) {
  constexpr size_t kShown = 60;
  if (text.size() <= kShown) return std::string(text);
  size_t end = kShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return fmt::format("{}...", text.substr(0, end));
}

std::string QuotedText(std::string_view text) { return fmt::format("\"{}\"", ShortText(text)); }

std::optional<int64_t> ParseInteger(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<int> ParsePercentBuckets(std::string_view text) {
  static const re2::RE2 pattern(R"((\d{1,3})(?:\.(\d{1,2}))?)");
  std::string whole;
  std::string fraction;
  if (!re2::RE2::FullMatch(text, pattern, &whole, &fraction)) return std::nullopt;
  fraction.resize(2, '0');
  const int buckets = std::atoi(whole.c_str()) * 100 + std::atoi(fraction.c_str());
  if (buckets > kBuckets) return std::nullopt;
  return buckets;
}

std::optional<int> ParseDayOffset(std::string_view text) {
  static const re2::RE2 pattern(R"(([-+]?)(\d{1,3}) days?)");
  std::string sign;
  int days = 0;
  if (!re2::RE2::FullMatch(text, pattern, &sign, &days) || days > 365) return std::nullopt;
  return sign == "-" ? -days : days;
}

std::optional<int> ParseWeekday(std::string_view text) {
  constexpr std::string_view kNames[] = {"monday", "tuesday",  "wednesday", "thursday",
                                         "friday", "saturday", "sunday"};
  for (int i = 0; i < 7; ++i) {
    if (kNames[i] == text) return i + 1;
  }
  return std::nullopt;
}

std::optional<CivilDate> ParseCivilDate(std::string_view text) {
  static const re2::RE2 pattern(R"((?:(\d{4})-)?(\d{2})-(\d{2}))");
  std::string year;
  CivilDate date;
  if (!re2::RE2::FullMatch(text, pattern, &year, &date.month, &date.day)) return std::nullopt;
  if (!year.empty()) date.year = std::atoi(year.c_str());
  if (!year.empty() && date.year == 0) return std::nullopt;
  const int check_year = date.year == 0 ? 2000 : date.year;  // 29 February has its year
  const cctz::civil_day day(check_year, date.month, date.day);
  if (day.month() != date.month || day.day() != date.day) return std::nullopt;
  return date;
}

std::optional<std::string> ParsePersonTrait(std::string_view text) {
  static const re2::RE2 dotted(R"(\s*person\.([A-Za-z_][A-Za-z0-9_]*)\s*)");
  static const re2::RE2 bracketed(R"re(\s*person\["([^"\\]+)"\]\s*)re");
  std::string trait;
  if (re2::RE2::FullMatch(text, dotted, &trait)) return trait;
  if (re2::RE2::FullMatch(text, bracketed, &trait)) return trait;
  return std::nullopt;
}

std::optional<expr::Type> ParseTypeName(std::string_view text) {
  expr::Type type;
  if (!text.empty() && text.back() == '?') {
    type.optional = true;
    text.remove_suffix(1);
  }
  constexpr std::pair<std::string_view, expr::TypeKind> kTypes[] = {
      {"bool", expr::TypeKind::kBool},           {"int", expr::TypeKind::kInt},
      {"double", expr::TypeKind::kDouble},       {"string", expr::TypeKind::kString},
      {"timestamp", expr::TypeKind::kTimestamp}, {"date", expr::TypeKind::kDate},
      {"list", expr::TypeKind::kList},           {"map", expr::TypeKind::kMap}};
  for (const auto& [name, kind] : kTypes) {
    if (name != text) continue;
    type.kind = kind;
    return type;
  }
  return std::nullopt;
}

bool IsAllowedWebhookUrl(std::string_view url) {
  // Printable ASCII without spaces, quotes and brackets, after a host.
  static const re2::RE2 https(R"(https://[A-Za-z0-9\-._~%\[\]:@]+([/?][!-~]*)?)");
  static const re2::RE2 http(R"(http://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?([/?][!-~]*)?)");
  return re2::RE2::FullMatch(url, https) || re2::RE2::FullMatch(url, http);
}

bool IsMailbox(std::string_view text) {
  std::string_view address = text;
  const size_t open = text.rfind('<');
  if (open != std::string_view::npos) {
    if (text.back() != '>') return false;
    address = text.substr(open + 1, text.size() - open - 2);
  }
  const size_t at = address.find('@');
  const bool whole = at != std::string_view::npos && at > 0 && at + 1 < address.size();
  return whole && address.find('@', at + 1) == std::string_view::npos &&
         address.find_first_of(" \t,;<>") == std::string_view::npos;
}

}  // namespace sojourn::language
