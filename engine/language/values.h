// Small values as marketers write them. Pure functions; nullopt where the text is none.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/civil.h"
#include "engine/base/time.h"
#include "engine/expr/expr.h"

namespace sojourn::language {

bool IsKebabCase(std::string_view text);
bool IsSnakeCase(std::string_view text);
// The name as kebab-case ('-') or snake_case ('_') writes it: "Win Back" -> "win-back"; may be "".
std::string ToCase(std::string_view text, char separator);

// The text for a message, shortened where it is long; and in double quotes.
std::string ShortText(std::string_view text);
std::string QuotedText(std::string_view text);

std::optional<int64_t> ParseInteger(std::string_view text);

// "12.5" -> 1250 buckets of kBuckets; 0 to 100 with at most two decimals.
std::optional<int> ParsePercentBuckets(std::string_view text);

// "-3 days", "1 day", "0 days" within 365 days either way.
std::optional<int> ParseDayOffset(std::string_view text);

// "monday" -> 1 ... "sunday" -> 7.
std::optional<int> ParseWeekday(std::string_view text);

// year 0: each year ("12-24").
struct CivilDate {
  int year = 0;
  int month = 0;
  int day = 0;
};
std::optional<CivilDate> ParseCivilDate(std::string_view text);

// "person.birthday" or person["Birth Day"] -> the trait's name.
std::optional<std::string> ParsePersonTrait(std::string_view text);

// "string?" as the catalogue writes it.
std::optional<expr::Type> ParseTypeName(std::string_view text);

// https, or http to this machine.
bool IsAllowedWebhookUrl(std::string_view url);

// "care@shop.example" or "Example Shop <care@shop.example>".
bool IsMailbox(std::string_view text);

}  // namespace sojourn::language
