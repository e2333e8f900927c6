#include "connectors/kafka/dead_letter.h"

#include <gtest/gtest.h>

#include "connectors/kafka/config.h"

namespace sojourn::kafka {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

runtime::DeadLetter Letter() {
  runtime::DeadLetter letter;
  letter.reason = runtime::DeadLetterReason::kKeyMismatch;
  letter.message = "the payload names another person";
  letter.topic = "web";
  letter.partition = Partition(3);
  letter.offset = Offset(42);
  letter.log_time = Timestamp(1'700'000'000'000);
  letter.key = "ana";
  letter.value = "{}";
  return letter;
}

TEST(DeadLetterRecord, SaysWhyAndFromWhere) {
  const runtime::DeadLetter letter = Letter();
  const DeadLetterRecord record = RecordOf(letter);
  EXPECT_EQ(record.key, "ana");
  EXPECT_EQ(record.value, "{}");
  EXPECT_EQ(record.headers, (Headers{{"reason", "key_mismatch"},
                                     {"message", "the payload names another person"},
                                     {"topic", "web"},
                                     {"partition", "3"},
                                     {"offset", "42"},
                                     {"log_time", "1700000000000"}}));
}

TEST(DeadLetterRecord, LeavesOutWhatIsTooLong) {
  runtime::DeadLetter letter = Letter();
  letter.value = std::string(kMaxRecordBytes, 'x');
  EXPECT_EQ(RecordOf(letter).key, "ana");
  EXPECT_EQ(RecordOf(letter).value, "");
  EXPECT_EQ(RecordOf(letter).headers.back(), Headers::value_type("value", "omitted"));
  letter.key = std::string(kMaxRecordBytes, 'k');
  EXPECT_EQ(RecordOf(letter).key, "");
}

}  // namespace
}  // namespace sojourn::kafka
