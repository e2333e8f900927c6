#include "connectors/file/people_reader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "engine/model/event_codec.h"
#include "engine/model/json_writer.h"

namespace sojourn::file {
namespace {

std::string Json(const model::Value& value) {
  model::JsonWriter writer;
  writer.Write(value);
  return writer.Take();
}

constexpr Timestamp kNow(1'700'000'000'000);

class PeopleReaderTest : public testing::Test {
 protected:
  PeopleReaderTest() : path_(testing::TempDir() + "/people." + std::to_string(getpid()) + ".csv") {
    mapping_.address = {{"Email"}};
    mapping_.person = {{"Id"}, true};
    mapping_.traits = {{"first_name", {{"Name"}, true}, ColumnType::kString},
                       {"tags", {{"Tags"}, true}, ColumnType::kList},
                       {"phone", {{"Phone", "Mobile"}, true}, ColumnType::kString}};
    mapping_.consent = {{Consent::kUnsubscribed, {{"Left"}, true}, {}},
                        {Consent::kSubscribed, {{"Wants"}, true}, {"yes", "TRUE"}}};
  }
  ~PeopleReaderTest() override { std::remove(path_.c_str()); }

  Result<std::unique_ptr<PeopleReader>> Open(const std::string& text) {
    std::ofstream(path_, std::ios::binary) << text;
    const auto check = [](std::string_view address) {
      return address.find('@') != std::string_view::npos ? Status::Ok()
                                                         : InvalidArgument("no address");
    };
    return PeopleReader::Open(path_, {mapping_, "0123456789abcdef0123", kNow, check});
  }

  // Each row as "line person consent" or "line! problem"; the events of the good ones.
  std::vector<std::string> Read(const std::string& text) {
    auto reader = Open(text);
    EXPECT_TRUE(reader.ok()) << reader.status().message();
    std::vector<std::string> rows;
    PersonRow row;
    std::vector<SortableEvent> events;
    while ((*reader)->Next(&row)) {
      if (!row.problem.empty()) {
        rows.push_back(std::to_string(row.line) + "! " + row.problem);
        continue;
      }
      survey_.Add(row);
      rows.push_back(std::to_string(row.line) + " " + row.person + " " +
                     std::to_string(static_cast<int>(row.consent)));
      EXPECT_TRUE((*reader)->ToEvents(row, row.consent, &events).ok());
      for (const SortableEvent& event : events) events_.push_back(event);
    }
    return rows;
  }

  std::string Event(size_t index) {
    Arena arena;
    model::EventDecoder decoder;
    const auto event = decoder.Decode(model::EventFormat::kProtobuf, events_.at(index).bytes,
                                      events_.at(index).time, &arena);
    EXPECT_TRUE(event.ok());
    EXPECT_TRUE(event->historical);
    return std::string(event->id) + " " + std::string(event->name) + " " + Json(event->properties);
  }

  const std::string path_;
  PeopleMapping mapping_;
  PeopleSurvey survey_;
  std::vector<SortableEvent> events_;
};

TEST_F(PeopleReaderTest, MakesEventsOfRows) {
  EXPECT_EQ(Read("Email,Name,Tags,Phone,Mobile,Wants,Left\n"
                 " Ann@Shop.example ,Ann,\"\"\"VIP\"\",\"\"a, b\"\"\",,'+491,YES,\n"
                 "bob@shop.example,,\"x, y\",'0123,5,no,\n"
                 "eve@shop.example,,,,,yes,2020\n"),
            (std::vector<std::string>{"2 ann@shop.example 1", "3 bob@shop.example 0",
                                      "4 eve@shop.example 2"}));
  ASSERT_EQ(events_.size(), 5U);
  EXPECT_EQ(Event(0),
            "people-0123456789abcdef-2-0 Identify {\"email\":\"Ann@Shop.example\","
            "\"first_name\":\"Ann\",\"phone\":\"+491\",\"tags\":[\"VIP\",\"a, b\"]}");
  EXPECT_EQ(Event(1), "people-0123456789abcdef-2-1 Subscribed {\"unless_unsubscribed\":true}");
  EXPECT_EQ(Event(2),
            "people-0123456789abcdef-3-0 Identify {\"email\":\"bob@shop.example\","
            "\"phone\":\"0123\",\"tags\":[\"x\",\"y\"]}");
  EXPECT_EQ(Event(4), "people-0123456789abcdef-4-1 Unsubscribed null");
  EXPECT_EQ(events_[4].time, kNow);
}

TEST_F(PeopleReaderTest, SaysWhoBouncedAndOfWhichTopic) {
  mapping_.otherwise = Consent::kBounced;
  mapping_.topic = "news";
  mapping_.consent_time = {{{"Since"}, true}, TimeFormat::kDateTime};
  EXPECT_EQ(Read("Email,Wants,Since\na@x,yes,2020-01-02 03:04:05\nb@x,,\nc@x,,yesterday\n"),
            (std::vector<std::string>{"2 a@x 1", "3 b@x 3", "4! \"yesterday\" is no time"}));
  EXPECT_EQ(Event(1),
            "people-0123456789abcdef-2-1 Subscribed {\"topic\":\"news\","
            "\"unless_unsubscribed\":true}");
  EXPECT_EQ(events_[1].time, Timestamp(1'577'934'245'000));
  EXPECT_EQ(Event(3),
            "people-0123456789abcdef-3-1 Email Bounced {\"email\":\"b@x\",\"type\":\"hard\"}");
}

TEST_F(PeopleReaderTest, NamesWhatIsNoContact) {
  mapping_.traits[0].type = ColumnType::kInt;
  EXPECT_EQ(
      Read("Id,Email,Name\n,none,\n,,\n1,,\n2,a@x,b\n3,a@x\na:4,a@x,\n5,\xff@x,\n"),
      (std::vector<std::string>{
          "2! no address", "3! no mail address", "4 1 0", "5! column \"Name\" is no int",
          "6! 2 fields where the header has 3", "7! \"a:4\" is no person's id", "8! not UTF-8"}));
}

TEST_F(PeopleReaderTest, TheLastRowCountsAndTheHeaviestConsent) {
  Read("Email,Id,Wants,Left\nann@x,,,1\nbob@x,7,yes,\nANN@x,,yes,\neve@x,7,,\nbob@x,8,,\n");
  PersonRow row;
  const auto is_last = [&](const char* person, int64_t line) {
    row.person = person;
    row.line = line;
    return survey_.IsLastOf(row);
  };
  EXPECT_FALSE(is_last("ann@x", 2));
  EXPECT_TRUE(is_last("ann@x", 4));
  EXPECT_EQ(survey_.ConsentOf(row), Consent::kUnsubscribed);
  EXPECT_FALSE(is_last("7", 3));
  EXPECT_TRUE(is_last("7", 5));
  EXPECT_EQ(survey_.ConsentOf(row), Consent::kSubscribed);
  EXPECT_EQ(survey_.people(), 3U);
  row.person = "8";
  row.address = "Bob@x";
  EXPECT_TRUE(survey_.SharesAddress(row));
  row.person = "7";
  EXPECT_FALSE(survey_.SharesAddress(row));
  row.address = "";
  EXPECT_FALSE(survey_.SharesAddress(row));
}

TEST_F(PeopleReaderTest, ColumnsThatAreMissingOrUnknown) {
  mapping_.ignored = {"Notes"};
  const auto reader = Open("Email,Notes,Birthday,Mobile\na@x,,,\n");
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ((*reader)->unmapped_columns(), std::vector<std::string>{"Birthday"});
  EXPECT_EQ((*reader)->TraitsInFile(),
            (std::vector<std::pair<std::string, std::string>>{{"phone", "Mobile"}}));
  const auto without_address = Open("Mail\na@x\n");
  ASSERT_FALSE(without_address.ok());
  EXPECT_NE(without_address.status().message().find("\"Email\""), std::string::npos);
  mapping_.consent[0].column.optional = false;
  EXPECT_FALSE(Open("Email\na@x\n").ok());
  EXPECT_FALSE(Open("").ok());
}

TEST(RoleAddress, IsNobodysOwn) {
  for (const char* role : {"info@x.example", "no-reply@x.example", "abuse+1@x.example"}) {
    EXPECT_TRUE(IsRoleAddress(role)) << role;
  }
  for (const char* person : {"ann@x.example", "information.ann@x.example", "inf@info.example"}) {
    EXPECT_FALSE(IsRoleAddress(person)) << person;
  }
}

}  // namespace
}  // namespace sojourn::file
