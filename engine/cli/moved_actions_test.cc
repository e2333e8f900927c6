#include "engine/cli/moved_actions.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/store/partition_meta.h"
#include "engine/store/temporary_directory.h"

namespace sojourn::cli {
namespace {

using deliver::DeliveryState;
using model::ActionKind;

constexpr Partition kPartition{0};

class MovedActionsTest : public testing::Test {
 protected:
  void SetUp() override {
    embedded::EmbeddedOptions options;
    options.directory = directory_.path() + "/data";
    options.partition_count = 1;
    options.min_free_bytes = 0;
    auto log = embedded::EmbeddedLog::Open(options);
    ASSERT_TRUE(log.ok()) << log.status().message();
    log_ = *std::move(log);
  }

  // Commits one action of each kind as a worker does: "act_0" and so on.
  void Emit(const std::vector<ActionKind>& kinds) {
    auto ports = log_->MakeWorkerPorts(0, 1);
    auto opened = ports.keeper->Open(kPartition);
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    std::vector<model::Action> actions;
    for (const ActionKind kind : kinds) {
      model::Action& action = actions.emplace_back();
      action.id = fmt::format("act_{}", actions.size() - 1);
      action.person = "u1";
      action.kind = kind;
    }
    store::PartitionMeta meta = opened->store->meta();
    runtime::CommitBatch batch;
    batch.partition = kPartition;
    batch.store = opened->store.get();
    batch.actions = actions;
    batch.meta = &meta;
    const runtime::CommitResult result = ports.committer->Commit({&batch, 1});
    ASSERT_EQ(result.outcome, runtime::CommitOutcome::kCommitted) << result.status.message();
  }

  void Record(int64_t offset, DeliveryState state, const std::string& channel) {
    auto deliveries = log_->MakeDeliveryLog("test");
    ASSERT_TRUE(deliveries.ok()) << deliveries.status().message();
    deliver::DeliveryRecord record;
    record.place = {kPartition, Offset(offset)};
    record.action_id = fmt::format("act_{}", offset);
    record.state = state;
    record.channel = channel;
    ASSERT_TRUE((*deliveries)->Commit({{&record, 1}, {}, {}}).ok());
  }

  // "act_1 waiting, act_2": with the record's state, where there is one.
  std::string Left(int64_t cursor, const ActionOwner& owner) {
    std::string text;
    const Status visited = VisitLeftActions(
        log_.get(), kPartition, Offset(cursor), owner, [&](const LeftAction& left) {
          text += (text.empty() ? "" : ", ") + left.action.id;
          if (left.record) text += fmt::format(" {}", DeliveryStateName(left.record->state));
          return Status::Ok();
        });
    EXPECT_TRUE(visited.ok()) << visited.message();
    return text;
  }

  const ActionOwner mails_ = {"", [](ActionKind kind) { return kind == ActionKind::kSendEmail; }};
  const ActionOwner webhooks_ = {"webhooks",
                                 [](ActionKind kind) { return kind == ActionKind::kWebhook; }};
  store::TemporaryDirectory directory_;
  std::unique_ptr<embedded::EmbeddedLog> log_;
};

TEST_F(MovedActionsTest, EachDelivererHasItsOwnLeft) {
  Emit({ActionKind::kSendEmail, ActionKind::kWebhook, ActionKind::kSendEmail, ActionKind::kWebhook,
        ActionKind::kWebhook, ActionKind::kSendEmail, ActionKind::kSendSms});
  Record(0, DeliveryState::kDelivered, "");
  Record(1, DeliveryState::kWaiting, "webhooks");
  Record(2, DeliveryState::kStarted, "");
  Record(3, DeliveryState::kDelivered, "webhooks");
  EXPECT_EQ(Left(0, mails_), "act_2 started, act_5");
  EXPECT_EQ(Left(0, webhooks_), "act_1 waiting, act_4");
}

TEST_F(MovedActionsTest, WhatFailedIsLeftAlsoBehindTheCursor) {
  Emit({ActionKind::kSendEmail, ActionKind::kWebhook, ActionKind::kWebhook, ActionKind::kWebhook});
  Record(0, DeliveryState::kFailed, "");
  Record(1, DeliveryState::kFailed, "webhooks");
  Record(2, DeliveryState::kDelivered, "webhooks");
  EXPECT_EQ(Left(3, mails_), "act_0 failed");
  EXPECT_EQ(Left(3, webhooks_), "act_1 failed, act_3");
}

// The gateway that it was tried through may not be configured where it goes to.
TEST_F(MovedActionsTest, WhatWasTriedBelongsToWhoTriedIt) {
  Emit({ActionKind::kSendSms, ActionKind::kSendSms});
  Record(0, DeliveryState::kWaiting, "webhooks");
  EXPECT_EQ(Left(0, webhooks_), "act_0 waiting");
  EXPECT_EQ(Left(0, mails_), "");
}

}  // namespace
}  // namespace sojourn::cli
