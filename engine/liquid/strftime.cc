#include "engine/liquid/strftime.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>

#include "engine/liquid/characters.h"

namespace sojourn::liquid {
namespace {

constexpr std::string_view kMonths[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
constexpr std::string_view kDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday"};
constexpr size_t kShortName = 3;
constexpr size_t kMaxWidth = 1024;

struct Directive {
  char padding = '\0';  // '-': none, '0', '_'; '\0': the directive's own
  bool upper = false;
  bool swap_case = false;
  size_t width = 0;
  size_t colons = 0;
};

class Formatter {
 public:
  Formatter(PreciseTime time, const TimeZone& zone, size_t max_bytes)
      : time_(time),
        lookup_(zone.lookup(std::chrono::time_point<std::chrono::system_clock, cctz::seconds>(
            cctz::seconds(time.seconds)))),
        civil_(lookup_.cs),
        weekday_(WeekdayNumber(cctz::civil_day(civil_)) % 7),
        day_of_year_(cctz::get_yearday(cctz::civil_day(civil_))),
        max_bytes_(max_bytes) {}

  std::string Format(std::string_view format) {
    std::string text;
    for (size_t i = 0; i < format.size() && text.size() < max_bytes_; ++i) {
      const size_t begin = i;
      std::string part;
      if (format[i] == '%' && One(format, &i, &part)) {
        text += part;
      } else {
        i = std::min(i, format.size() - 1);
        text += format.substr(begin, i - begin + 1);
      }
    }
    return text;
  }

 private:
  // Reads the directive at `*i`; leaves `*i` at its last character.
  bool One(std::string_view format, size_t* i, std::string* part) {
    Directive directive;
    size_t at = *i + 1;
    for (; at < format.size() && std::string_view("-0^#_:").find(format[at]) != format.npos; ++at) {
      const char flag = format[at];
      if (flag == '^') directive.upper = true;
      if (flag == '#') directive.swap_case = true;
      if (flag == ':') ++directive.colons;
      if (flag == '-' || flag == '0' || flag == '_') directive.padding = flag;
    }
    for (; at < format.size() && std::isdigit(static_cast<unsigned char>(format[at])); ++at) {
      directive.width =
          std::min(directive.width * 10 + static_cast<size_t>(format[at] - '0'), kMaxWidth);
    }
    for (; at < format.size() && format[at] == ':'; ++at) ++directive.colons;
    *i = at;
    if (at >= format.size()) return false;
    return Convert(format[at], directive, part);
  }

  bool Convert(char letter, const Directive& directive, std::string* part) {
    return DateNumber(letter, directive, part) || TimeNumber(letter, directive, part) ||
           Word(letter, directive, part) || Composite(letter, directive, part);
  }

  bool DateNumber(char letter, const Directive& directive, std::string* part) {
    const int64_t year = civil_.year();
    switch (letter) {
      case 'Y':
        return Number(year, 1, '0', directive, part);
      case 'C':
        return Number(year / 100, 2, '0', directive, part);
      case 'y':
        return Number(year % 100, 2, '0', directive, part);
      case 'm':
        return Number(civil_.month(), 2, '0', directive, part);
      case 'd':
        return Number(civil_.day(), 2, '0', directive, part);
      case 'e':
        return Number(civil_.day(), 2, ' ', directive, part);
      case 'j':
        return Number(day_of_year_, 3, '0', directive, part);
      case 'u':
        return Number(weekday_ == 0 ? 7 : weekday_, 1, '0', directive, part);
      case 'w':
        return Number(weekday_, 1, '0', directive, part);
      case 'U':
        return Number((day_of_year_ - 1 + 7 - weekday_) / 7, 2, '0', directive, part);
      case 'W':
        return Number((day_of_year_ - 1 + 7 - (weekday_ + 6) % 7) / 7, 2, '0', directive, part);
      case 'G':
        return Number(IsoThursday().year(), 1, '0', directive, part);
      case 'g':
        return Number(IsoThursday().year() % 100, 2, '0', directive, part);
      case 'V':
        return Number((cctz::get_yearday(IsoThursday()) - 1) / 7 + 1, 2, '0', directive, part);
      default:
        return false;
    }
  }

  bool TimeNumber(char letter, const Directive& directive, std::string* part) {
    const int hour = civil_.hour();
    const int half_day_hour = hour % 12 == 0 ? 12 : hour % 12;
    switch (letter) {
      case 'H':
        return Number(hour, 2, '0', directive, part);
      case 'k':
        return Number(hour, 2, ' ', directive, part);
      case 'I':
        return Number(half_day_hour, 2, '0', directive, part);
      case 'l':
        return Number(half_day_hour, 2, ' ', directive, part);
      case 'M':
        return Number(civil_.minute(), 2, '0', directive, part);
      case 'S':
        return Number(civil_.second(), 2, '0', directive, part);
      case 's':
        return Number(time_.seconds, 1, '0', directive, part);
      case 'L':
        return Fraction(directive.width == 0 ? 3 : directive.width, part);
      case 'N':
        return Fraction(directive.width == 0 ? 9 : directive.width, part);
      default:
        return false;
    }
  }

  bool Word(char letter, const Directive& directive, std::string* part) {
    const std::string_view month = kMonths[civil_.month() - 1];
    const std::string_view day = kDays[weekday_];
    const bool afternoon = civil_.hour() >= 12;
    switch (letter) {
      case 'B':
        return Text(month, directive, part);
      case 'b':
      case 'h':
        return Text(month.substr(0, kShortName), directive, part);
      case 'A':
        return Text(day, directive, part);
      case 'a':
        return Text(day.substr(0, kShortName), directive, part);
      case 'p':
        return Text(afternoon != directive.swap_case ? (afternoon ? "PM" : "am")
                                                     : (afternoon ? "pm" : "AM"),
                    WithoutSwap(directive), part);
      case 'P':
        return Text(afternoon ? "pm" : "am", directive, part);
      case 'Z':
        return Text(lookup_.abbr, directive, part);
      case 'z':
        return Text(Offset(directive.colons), WithoutSwap(directive), part);
      case 'n':
        return Text("\n", directive, part);
      case 't':
        return Text("\t", directive, part);
      case '%':
        return Text("%", directive, part);
      default:
        return false;
    }
  }

  bool Composite(char letter, const Directive& directive, std::string* part) {
    const std::string_view format = [&]() -> std::string_view {
      switch (letter) {
        case 'c':
          return "%a %b %e %H:%M:%S %Y";
        case 'D':
        case 'x':
          return "%m/%d/%y";
        case 'F':
          return "%Y-%m-%d";
        case 'R':
          return "%H:%M";
        case 'r':
          return "%I:%M:%S %p";
        case 'T':
        case 'X':
          return "%H:%M:%S";
        case 'v':
          return "%e-%^b-%Y";
        case '+':
          return "%a %b %e %H:%M:%S %Z %Y";
        default:
          return {};
      }
    }();
    return !format.empty() && Text(Format(format), directive, part);
  }

  static Directive WithoutSwap(Directive directive) {
    directive.swap_case = false;
    return directive;
  }

  bool Number(int64_t number, size_t width, char padding, const Directive& directive,
              std::string* part) {
    *part = std::to_string(number);
    if (directive.padding == '-') return true;
    if (directive.padding == '0') padding = '0';
    if (directive.padding == '_') padding = ' ';
    width = std::max(width, directive.width);
    if (part->size() < width) part->insert(0, width - part->size(), padding);
    return true;
  }

  bool Fraction(size_t digits, std::string* part) {
    *part = fmt::format("{:09}", time_.nanoseconds);
    part->resize(digits, '0');
    return true;
  }

  bool Text(std::string_view text, const Directive& directive, std::string* part) {
    *part = directive.upper || directive.swap_case ? ToUpper(text) : std::string(text);
    const char padding = directive.padding == '0' ? '0' : ' ';
    if (part->size() < directive.width) part->insert(0, directive.width - part->size(), padding);
    return true;
  }

  std::string Offset(size_t colons) const {
    const int minutes = std::abs(lookup_.offset) / 60;
    return fmt::format("{}{:02}{}{:02}", lookup_.offset < 0 ? '-' : '+', minutes / 60,
                       colons > 0 ? ":" : "", minutes % 60);
  }

  // The Thursday of the week that begins on Monday decides whose year's week it is.
  cctz::civil_day IsoThursday() const {
    return cctz::civil_day(civil_) + (4 - (weekday_ == 0 ? 7 : weekday_));
  }

  const PreciseTime time_;
  const cctz::time_zone::absolute_lookup lookup_;
  const cctz::civil_second civil_;
  const int weekday_;  // 0: Sunday
  const int day_of_year_;
  const size_t max_bytes_;
};

}  // namespace

std::string FormatTime(PreciseTime time, const TimeZone& zone, std::string_view format,
                       size_t max_bytes) {
  return Formatter(time, zone, max_bytes).Format(format);
}

}  // namespace sojourn::liquid
