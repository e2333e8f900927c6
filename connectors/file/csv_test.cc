#include "connectors/file/csv.h"

#include <gtest/gtest.h>

#include <sstream>

namespace sojourn::file {
namespace {

std::vector<CsvRecord> ReadAll(const std::string& text) {
  std::istringstream input(text);
  CsvReader reader(&input);
  std::vector<CsvRecord> records;
  for (CsvRecord record; reader.Next(&record);) records.push_back(record);
  return records;
}

using Fields = std::vector<std::string>;

TEST(CsvTest, ReadsWhatSpreadsheetsWrite) {
  const auto records = ReadAll(
      "\xef\xbb\xbf"
      "a,b\r\n\"x, y\",\"say \"\"hi\"\"\"\r\n\r\n\"two\nlines\",\n1,2");
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[0].fields, (Fields{"a", "b"}));
  EXPECT_EQ(records[1].fields, (Fields{"x, y", "say \"hi\""}));
  EXPECT_EQ(records[2].fields, (Fields{"two\nlines", ""}));
  EXPECT_EQ(records[2].line, 4);
  EXPECT_EQ(records[3].fields, (Fields{"1", "2"}));
  EXPECT_EQ(records[3].line, 6);
  EXPECT_EQ(records[1].text, "\"x, y\",\"say \"\"hi\"\"\"");
  EXPECT_EQ(records[2].text, "\"two\nlines\",");
}

TEST(CsvTest, GoesOnBehindABrokenLine) {
  const auto records = ReadAll("\"a\"b,c\n1,2\n");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].problem, "text follows the closing quote of a field");
  EXPECT_EQ(records[0].text, "\"a\"b,c");
  EXPECT_EQ(records[1].fields, (Fields{"1", "2"}));
  EXPECT_EQ(records[1].text, "1,2");
}

TEST(CsvTest, AQuoteNeverClosedEndsSomewhere) {
  const auto records = ReadAll("a,\"b\nc,d\n");
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].problem, "a quote is opened and never closed");
  const auto huge = ReadAll("\"" + std::string(kMaxCsvRecordBytes + 10, 'x') + "\n1,2\n");
  ASSERT_EQ(huge.size(), 2u);
  EXPECT_FALSE(huge[0].problem.empty());
  EXPECT_EQ(huge[0].text.size(), kMaxCsvRecordBytes);
  EXPECT_EQ(huge[1].fields, (Fields{"1", "2"}));
}

TEST(CsvTest, AnEmptyFileHasNoRecords) { EXPECT_TRUE(ReadAll("").empty()); }

}  // namespace
}  // namespace sojourn::file
