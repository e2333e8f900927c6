#include "connectors/file/import_reader.h"

#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "engine/base/rfc3339.h"

namespace sojourn::file {
namespace {

struct Read {
  std::vector<model::Event> events;
  std::vector<std::string> persons;
  std::vector<std::string> problems;  // "line: reason"
  Status status;
};

class ImportReaderTest : public ::testing::Test {
 protected:
  Read ReadText(const std::string& text, std::optional<ColumnMapping> mapping = std::nullopt) {
    const std::string path = ::testing::TempDir() + "/" +
                             ::testing::UnitTest::GetInstance()->current_test_info()->name() +
                             ".txt";
    std::ofstream(path, std::ios::binary) << text;
    Read read;
    auto fingerprint = FingerprintFile(path);
    EXPECT_TRUE(fingerprint.ok());
    auto reader = ImportReader::Open(path, std::move(mapping), *fingerprint, false);
    read.status = reader.status();
    if (!reader.ok()) return read;
    std::vector<SortableEvent> events;
    std::optional<ImportProblem> problem;
    while ((*reader)->Next(&events, &problem)) {
      if (problem) read.problems.push_back(std::to_string(problem->line) + ": " + problem->reason);
      for (const SortableEvent& event : events) Decode(event, &read);
    }
    return read;
  }

  void Decode(const SortableEvent& event, Read* read) {
    bytes_.push_back(std::make_unique<std::string>(event.bytes));
    const auto decoded =
        decoder_.Decode(model::EventFormat::kProtobuf, *bytes_.back(), event.time, &arena_);
    ASSERT_TRUE(decoded.ok()) << decoded.status().message();
    read->events.push_back(*decoded);
    read->persons.push_back(event.person);
  }

  Arena arena_;
  model::EventDecoder decoder_;
  std::vector<std::unique_ptr<std::string>> bytes_;
};

ColumnMapping OrderMapping() {
  ColumnMapping mapping;
  mapping.person_column = "customer";
  mapping.event_name = "Order Completed";
  mapping.time_column = "date";
  mapping.time_format = TimeFormat::kDay;
  mapping.properties = {{"total", "amount", ColumnType::kDouble},
                        {"order_id", "order", ColumnType::kString}};
  mapping.traits = {{"email", "mail", ColumnType::kString}};
  return mapping;
}

TEST_F(ImportReaderTest, RowsBecomeIdentifyAndEvent) {
  const Read read = ReadText(
      "customer,date,order,amount,mail\n"
      "c1,19970101,o1,11.77,c1@shop.example\n"
      "c2,1997-01-02,o2,5,\n",
      OrderMapping());
  ASSERT_TRUE(read.status.ok()) << read.status.message();
  EXPECT_TRUE(read.problems.empty());
  ASSERT_EQ(read.events.size(), 3u);
  EXPECT_EQ(read.events[0].type, model::EventType::kIdentify);
  EXPECT_EQ(read.events[0].properties.Find("email")->text(), "c1@shop.example");
  EXPECT_EQ(read.events[1].name, "Order Completed");
  EXPECT_EQ(read.events[1].properties.Find("total")->double_value(), 11.77);
  EXPECT_EQ(read.events[1].properties.Find("order_id")->text(), "o1");
  EXPECT_EQ(FormatRfc3339(read.events[1].time), "1997-01-01T00:00:00Z");
  EXPECT_EQ(read.persons[2], "c2");
  EXPECT_NE(read.events[0].id, read.events[1].id);
}

TEST_F(ImportReaderTest, EveryBadRowIsNamed) {
  const Read read = ReadText(
      "customer,date,order,amount,mail\n"
      "c1,yesterday,o1,11.77,\n"
      "c1,19970101,o1,dear,\n"
      ",19970101,o1,1,\n"
      "c1,19970101\n"
      "a:x,19970101,o1,1,\n"
      "c1,19970101,\xff,1,\n",
      OrderMapping());
  EXPECT_TRUE(read.events.empty());
  EXPECT_EQ(read.problems, (std::vector<std::string>{
                               "2: column \"date\" is no time",
                               "3: column \"amount\" is no double",
                               "4: column \"customer\" is no person's id",
                               "5: 2 fields where the header has 5",
                               "6: column \"customer\" is no person's id",
                               "7: not UTF-8",
                           }));
}

TEST_F(ImportReaderTest, AMissingColumnIsNamedWithThoseThatExist) {
  const Read read = ReadText("customer,day\n", OrderMapping());
  EXPECT_NE(read.status.message().find("there is no column \"date\"; the file has customer, day"),
            std::string::npos);
}

TEST_F(ImportReaderTest, JsonLines) {
  const Read read = ReadText(
      "{\"type\":\"track\",\"messageId\":\"m1\",\"userId\":\"u1\",\"event\":\"Order Completed\","
      "\"timestamp\":\"2026-01-02T03:04:05Z\",\"properties\":{\"total\":5}}\n"
      "\n"
      "not json\n"
      "{\"type\":\"track\",\"userId\":\"u1\",\"event\":\"Seen\"}\n"
      "{\"type\":\"track\",\"event\":\"Seen\",\"timestamp\":\"2026-01-02T03:04:05Z\"}\n"
      "{\"type\":\"track\",\"userId\":\"u1\",\"event\":\"Seen\","
      "\"timestamp\":\"2026-01-02T03:04:05Z\"}\r\n");
  ASSERT_EQ(read.events.size(), 2u);
  EXPECT_EQ(read.events[0].id, "m1");
  EXPECT_TRUE(read.events[1].id.starts_with("import-"));
  EXPECT_TRUE(read.events[1].id.ends_with("-6-0"));
  ASSERT_EQ(read.problems.size(), 3u);
  EXPECT_TRUE(read.problems[0].starts_with("3: "));
  EXPECT_EQ(read.problems[1], "4: no timestamp");
  EXPECT_TRUE(read.problems[2].starts_with("5: "));
}

TEST_F(ImportReaderTest, JsonLinesHaveTheirLimit) {
  const std::string call =
      "{\"event\":\"Seen\",\"userId\":\"u1\",\"timestamp\":\"2026-01-02T03:04:05Z\"";
  const std::string longest = call + "}" + std::string(kMaxJsonLineBytes, 'x');
  const std::string large = call + ",\"properties\":{\"a\":[1" + [] {
    std::string numbers;
    for (int i = 0; i < 100'000; ++i) numbers += ",1";
    return numbers;
  }() + "]}}";
  const Read read = ReadText(longest + "\n" + large + "\n" + call + "}");
  ASSERT_EQ(read.events.size(), 1u);
  EXPECT_TRUE(read.events[0].id.ends_with("-3-0")) << read.events[0].id;
  EXPECT_EQ(read.problems, (std::vector<std::string>{"1: the line is longer than 1 MiB",
                                                     "2: the event is over 262144 bytes"}));
}

TEST_F(ImportReaderTest, AByteOrderMarkAndCarriageReturnsArePassedOver) {
  const std::string call =
      "{\"event\":\"Seen\",\"userId\":\"u1\",\"timestamp\":\"2026-01-02T03:04:05Z\"}";
  const Read read = ReadText("\xef\xbb\xbf" + call + "\r\n\r\n \t\r\n" + call + "\r\n");
  EXPECT_EQ(read.events.size(), 2u);
  EXPECT_TRUE(read.problems.empty());
}

TEST_F(ImportReaderTest, ARowWithNothingToSayIsNamed) {
  ColumnMapping mapping = OrderMapping();
  mapping.event_name.clear();
  const Read read = ReadText(
      "customer,date,order,amount,mail\n"
      "c1,19970101,o1,1,c1@shop.example\n"
      "c2,19970101,o2,1,\n",
      mapping);
  EXPECT_EQ(read.events.size(), 1u);
  EXPECT_EQ(read.problems, (std::vector<std::string>{"3: neither an event nor a trait"}));
}

TEST_F(ImportReaderTest, AnIdHasItsLimit) {
  ColumnMapping mapping = OrderMapping();
  mapping.id_column = "order";
  const std::string longest(256, 'o');
  const Read read = ReadText("customer,date,order,amount,mail\nc1,19970101," + longest +
                                 ",1,\nc1,19970101," + longest + "o,1,\n",
                             mapping);
  ASSERT_EQ(read.events.size(), 1u);
  EXPECT_EQ(read.events[0].id, longest);
  EXPECT_EQ(read.problems, (std::vector<std::string>{"3: the event's id is over 256 bytes"}));
}

TEST_F(ImportReaderTest, AMappingWithoutPersonOrTimeIsRefused) {
  ColumnMapping mapping = OrderMapping();
  mapping.person_column.clear();
  EXPECT_TRUE(ReadText("customer,date\n", mapping)
                  .status.message()
                  .ends_with("no column is mapped to the person"));
  mapping = OrderMapping();
  mapping.time_column.clear();
  EXPECT_TRUE(ReadText("customer,date\n", mapping)
                  .status.message()
                  .ends_with("no column is mapped to the time"));
}

TEST_F(ImportReaderTest, MutatedFilesAreReadToTheirEnd) {
  const std::string seed =
      "customer,date,order,amount,mail\n"
      "c1,19970101,o1,11.77,c1@shop.example\n"
      "\"c2\",19970102,\"o \"\"2\",5,\n"
      "c3,19970103,o3,1e3,x\r\n";
  std::mt19937 random(19);
  size_t events = 0;
  size_t problems = 0;
  for (int i = 0; i < 300; ++i) {
    std::string text = seed;
    for (int change = 0; change < 1 + i % 4; ++change) {
      text[33 + random() % (text.size() - 33)] = static_cast<char>(random());
    }
    const Read read = ReadText(text, OrderMapping());
    events += read.events.size();
    problems += read.problems.size();
  }
  EXPECT_GT(events, 300u);
  EXPECT_GT(problems, 50u);
}

TEST_F(ImportReaderTest, MissingFileAndDirectory) {
  EXPECT_FALSE(FingerprintFile("/nowhere/at/all").ok());
  const auto reader =
      ImportReader::Open(::testing::TempDir(), std::nullopt, std::string(64, '0'), false);
  EXPECT_NE(reader.status().message().find("is a directory"), std::string::npos);
}

}  // namespace
}  // namespace sojourn::file
