#include "engine/telemetry/log.h"

#include <regex>

#include <gtest/gtest.h>

namespace sojourn::telemetry {
namespace {

using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

TEST(Log, ValuesAreQuotedWhereTheyNeedIt) {
  EXPECT_EQ(FormatLogLine("two words", {{"plain", "a-b/c"},
                                        {"number", 7},
                                        {"real", 0.5},
                                        {"empty", ""},
                                        {"blank", "a b"},
                                        {"quote", "a\"b\\"},
                                        {"pair", "a=b"}}),
            R"(message="two words" plain=a-b/c number=7 real=0.5 empty="" blank="a b" )"
            R"(quote="a\"b\\" pair="a=b")");
}

TEST(Log, NothingBreaksTheLine) {
  EXPECT_EQ(FormatLogLine("a\nb", {{"key", "x\r\n\x1b[31m"}}),
            R"(message="a\nb" key="x\x0d\n\x1b[31m")");
}

TEST(Log, LinesHaveTimeAndLevel) {
  CaptureStderr();
  Log(LogLevel::kWarning, "hot {}", {{"degrees", 40}});
  Log(LogLevel::kDebug, "unseen");
  const std::string written = GetCapturedStderr();
  const std::regex expected(
      "time=20[0-9-]+T[0-9:]+[.][0-9]{3}Z level=warning message=\"hot \\{\\}\" degrees=40\n");
  EXPECT_TRUE(std::regex_match(written, expected)) << written;
}

TEST(Log, TheLeastLevelCanBeChosen) {
  StartLogging(LogLevel::kError);
  CaptureStderr();
  Log(LogLevel::kWarning, "unseen");
  EXPECT_EQ(GetCapturedStderr(), "");
  StartLogging(LogLevel::kDebug);
  CaptureStderr();
  Log(LogLevel::kDebug, "seen");
  EXPECT_NE(GetCapturedStderr().find("level=debug message=\"seen\""), std::string::npos);
  StartLogging(LogLevel::kInfo);
}

}  // namespace
}  // namespace sojourn::telemetry
