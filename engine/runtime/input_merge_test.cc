#include "engine/runtime/input_merge.h"

#include "engine/runtime/test_support.h"

namespace sojourn::runtime {
namespace {

// Cannot read values that begin with '?' until it is told how.
class LearningDecoder final : public Decoder {
 public:
  Result<model::Event> Decode(const InputRecord& record, Arena*) override {
    if (record.value.starts_with('?') && !knows) return Unavailable("not yet");
    if (record.value.starts_with('!')) return InvalidArgument("none");
    model::Event event;
    event.name = record.value;
    return event;
  }
  bool knows = false;
};

class InputMergeTest : public ::testing::Test {
 protected:
  InputMergeTest()
      : world_({.inputs = {{"web", false}, {"shop", false}}}),
        ports_(world_.MakeWorkerPorts(0, 1)),
        merge_(ports_.input.get(), &decoder_, Partition(0), /*fetch_records=*/100) {
    Restart({Offset(0), Offset(0)});
  }

  void Add(uint16_t input, std::string_view value, int second) {
    world_.Append(input, "ann", value, Start() + Seconds(second));
  }
  void Restart(Positions next) {
    const PartitionPositions positions{Partition(0), next};
    ASSERT_TRUE(ports_.input->SetPositions({&positions, 1}).ok());
    merge_.Reset(std::move(next));
  }
  // All that can be taken, as "value[!]".
  std::vector<std::string> Take() {
    std::vector<std::string> taken;
    while (true) {
      EXPECT_TRUE(merge_.Fetch(wall_, nullptr).ok());
      const PendingRecord* head = merge_.Complete() ? merge_.Head() : nullptr;
      if (head == nullptr) return taken;
      taken.push_back(std::string(head->record.value) + (head->rejection ? " rejected" : ""));
      merge_.Pop();
    }
  }

  Timestamp wall_ = Start() + Seconds(100);
  MemoryWorld world_;
  MemoryWorld::WorkerPorts ports_;
  LearningDecoder decoder_;
  InputMerge merge_;
};

TEST_F(InputMergeTest, ARecordThatCannotBeReadYetHoldsItsInputAndTheOrder) {
  Add(0, "a", 1);
  Add(0, "?b", 2);
  Add(0, "!c", 3);
  Add(0, "?d", 4);
  Add(1, "e", 1);
  Add(1, "f", 3);
  // What comes before it goes its way; what others have may be later than what is held.
  EXPECT_EQ(Take(), Lines{"a"});
  EXPECT_FALSE(merge_.Complete());
  EXPECT_EQ(merge_.Oldest(), Start() + Seconds(1));
  EXPECT_EQ(merge_.next(), (Positions{Offset(1), Offset(0)}));
  EXPECT_EQ(Take(), Lines());
  decoder_.knows = true;
  EXPECT_EQ(Take(), (Lines{"e", "?b", "!c rejected", "f", "?d"}));
  EXPECT_TRUE(merge_.Complete());
  EXPECT_EQ(merge_.next(), (Positions{Offset(4), Offset(2)}));
}

TEST_F(InputMergeTest, WhatIsHeldIsReadAnewAfterAReset) {
  Add(0, "a", 1);
  Add(0, "?b", 2);
  EXPECT_EQ(Take(), Lines{"a"});
  Restart({Offset(0), Offset(0)});
  EXPECT_EQ(Take(), Lines{"a"});
  EXPECT_EQ(merge_.next()[0], Offset(1));
  EXPECT_EQ(merge_.Oldest(), Start() + Seconds(2));
  decoder_.knows = true;
  EXPECT_EQ(Take(), Lines{"?b"});
  EXPECT_EQ(merge_.Oldest(), std::nullopt);
}

// What may have arrived while a record was held is not known before the log is asked again.
TEST_F(InputMergeTest, TheEndIsKnownFromWhenTheLogWasAsked) {
  Add(0, "?a", 1);
  EXPECT_EQ(Take(), Lines());
  wall_ = wall_ + Minutes(5);
  Add(0, "b", 200);
  decoder_.knows = true;
  EXPECT_TRUE(merge_.Fetch(wall_, nullptr).ok());
  ASSERT_NE(merge_.Head(), nullptr);
  merge_.Pop();
  ASSERT_TRUE(merge_.Complete());
  EXPECT_EQ(merge_.KnownUntil(Duration()), Start() + Seconds(100));
  EXPECT_EQ(Take(), Lines{"b"});
}

}  // namespace
}  // namespace sojourn::runtime
