// A deliverer's log against a real broker; see broker_fixture.h.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "connectors/kafka/deliveries_fixture.h"
#include "engine/base/hash.h"
#include "engine/model/event_codec.h"

namespace sojourn::kafka {
namespace {

// ---- one member --------------------------------------------------------------------------------

TEST_F(BrokerDeliveriesTest, ANewGroupBeginsAtTheBeginning) {
  MakeTopics();
  AppendActions(kP1, 3);
  const auto deliverer = MakeDeliverer();
  ASSERT_TRUE(deliverer->PollUntilOpen()) << deliverer->status.message();
  EXPECT_EQ(deliverer->opened.at(kP1).cursor, Offset(0));
  EXPECT_TRUE(deliverer->opened.at(kP1).records.empty());
  const auto actions = deliverer->Read(kP1, 0, 3);
  ASSERT_EQ(actions.size(), 3u);
  EXPECT_EQ(actions[2].place, (ActionPlace{kP1, Offset(2)}));
  EXPECT_EQ(actions[2].action.id, "act_2");
  EXPECT_GT(actions[2].bytes, 100u);
}

TEST_F(BrokerDeliveriesTest, ProtobufActionsAreRead) {
  config.action_format = model::ActionFormat::kProtobuf;
  MakeTopics();
  std::string value;
  model::EncodeAction(ActionOf("ana", "act_7"), &value);
  Append(ActionsTopic(config), "ana", value, kP0);
  const auto deliverer = MakeDeliverer();
  ASSERT_TRUE(deliverer->PollUntilOpen());
  EXPECT_EQ(deliverer->Read(kP0, 0, 1).at(0).action.id, "act_7");
}

TEST_F(BrokerDeliveriesTest, ACommitIsSeenAsAWhole) {
  MakeTopics();
  AppendActions(kP0, 2);
  const auto deliverer = MakeDeliverer();
  ASSERT_TRUE(deliverer->PollUntilOpen());
  deliver::DeliveryEvent event;
  event.id = "dlv_1";
  event.name = "Email Delivered";
  event.person = "ana";
  event.properties = {{"template", "hello"}, {"journey", "win-back"}};
  event.time = Timestamp(1'700'000'000'000);
  ASSERT_OK(deliverer->Commit(
      {RecordOf(kP0, 0, DeliveryState::kDelivered), RecordOf(kP0, 1, DeliveryState::kStarted)},
      {{kP0, Offset(1)}}, {event}));
  EXPECT_EQ(States(kP0), "0 delivered, 1 started");
  EXPECT_EQ(GroupOffset(kP0).offset, Offset(1));
  EXPECT_EQ(GroupOffset(kP1).offset, Offset(0));  // of every open partition

  const Partition home(PartitionOfKey("ana", 2));
  const auto records = ReadCommitted(EventsTopic(config), home);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].first, "ana");
  model::EventDecoder decoder;
  Arena arena;
  const auto decoded = decoder.Decode(model::EventFormat::kProtobuf, records[0].second,
                                      Timestamp(1'700'000'000'500), &arena);
  ASSERT_OK(decoded.status());
  EXPECT_EQ(decoded->id, "dlv_1");
  EXPECT_EQ(decoded->name, "Email Delivered");
  EXPECT_EQ(decoded->person, "ana");
  EXPECT_EQ(decoded->properties.Find("template")->text(), "hello");
}

TEST_F(BrokerDeliveriesTest, ARestartFindsTheRecordsFromTheCursorOn) {
  MakeTopics();
  AppendActions(kP0, 4);
  {
    const auto deliverer = MakeDeliverer();
    ASSERT_TRUE(deliverer->PollUntilOpen());
    ASSERT_EQ(deliverer->Read(kP0, 0, 4).size(), 4u);
    ASSERT_OK(deliverer->Commit({RecordOf(kP0, 0, DeliveryState::kStarted),
                                 RecordOf(kP0, 1, DeliveryState::kStarted),
                                 RecordOf(kP0, 3, DeliveryState::kStarted)}));
    ASSERT_OK(deliverer->Commit(
        {RecordOf(kP0, 0, DeliveryState::kDelivered), RecordOf(kP0, 3, DeliveryState::kRefused)},
        {{kP0, Offset(1)}}));
  }
  const auto deliverer = MakeDeliverer();
  ASSERT_TRUE(deliverer->PollUntilOpen());
  const deliver::OpenedPartition& opened = deliverer->opened.at(kP0);
  EXPECT_EQ(opened.cursor, Offset(1));
  ASSERT_EQ(opened.records.size(), 2u);
  EXPECT_EQ(opened.records.at(Offset(1)).state, DeliveryState::kStarted);
  EXPECT_EQ(opened.records.at(Offset(1)).action_id, "act_1");
  EXPECT_EQ(opened.records.at(Offset(3)).state, DeliveryState::kRefused);
  EXPECT_EQ(deliverer->Read(kP0, 1, 3).size(), 3u);
}

TEST_F(BrokerDeliveriesTest, RecordsAreFoundAlsoBehindTheCursor) {
  MakeTopics();
  AppendActions(kP0, 4);
  const auto deliverer = MakeDeliverer();
  ASSERT_TRUE(deliverer->PollUntilOpen());
  ASSERT_EQ(deliverer->Read(kP0, 0, 4).size(), 4u);
  ASSERT_OK(deliverer->Commit(
      {RecordOf(kP0, 0, DeliveryState::kFailed), RecordOf(kP0, 1, DeliveryState::kStarted)}));
  ASSERT_OK(deliverer->Commit(
      {RecordOf(kP0, 1, DeliveryState::kDelivered), RecordOf(kP0, 2, DeliveryState::kFailed)},
      {{kP0, Offset(3)}}));
  const auto found = deliverer->log.FindRecords(kP0, {Offset(0), Offset(1), Offset(3)});
  ASSERT_OK(found.status());
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ(found->at(Offset(0)).state, DeliveryState::kFailed);
  EXPECT_EQ(found->at(Offset(1)).state, DeliveryState::kDelivered);
  Append(DeliveriesTopic(config), "1", "no record", kP0);
  const auto damaged = deliverer->log.FindRecords(kP0, {Offset(0), Offset(1)});
  ASSERT_OK(damaged.status());
  EXPECT_EQ(damaged->size(), 1u);
  EXPECT_TRUE(damaged->contains(Offset(0)));
  EXPECT_TRUE(observer.Noted("taken as unknown"));
}

TEST_F(BrokerDeliveriesTest, ARestartReplaysOnlyWhatTheCursorNeeds) {
  MakeTopics();
  AppendActions(kP0, 50);
  {
    const auto deliverer = MakeDeliverer();
    ASSERT_TRUE(deliverer->PollUntilOpen());
    for (int64_t i = 0; i < 50; ++i) {
      const auto read = deliverer->log.Read(kP0, Offset(i), 1);
      ASSERT_OK(read.status());
      if (read->empty()) {
        ASSERT_OK(deliverer->log.Poll(Milliseconds(100), deliverer.get()));
        --i;
        continue;
      }
      ASSERT_OK(deliverer->Commit({RecordOf(kP0, i, DeliveryState::kStarted)}));
      const int64_t cursor = std::max<int64_t>(0, i - 3);
      ASSERT_OK(deliverer->Commit({RecordOf(kP0, i, DeliveryState::kDelivered)},
                                  {{kP0, Offset(cursor)}}));
    }
  }
  const auto note = DecodeCommitNote(GroupOffset(kP0).metadata);
  ASSERT_TRUE(note.has_value());
  EXPECT_GT(note->replay_from, Offset(100));  // of about 250, transactions' ends included
  const auto deliverer = MakeDeliverer();
  ASSERT_TRUE(deliverer->PollUntilOpen());
  EXPECT_EQ(deliverer->opened.at(kP0).cursor, Offset(46));
  ASSERT_EQ(deliverer->opened.at(kP0).records.size(), 4u);
  for (const auto& [offset, record] : deliverer->opened.at(kP0).records) {
    EXPECT_EQ(record.state, DeliveryState::kDelivered) << offset.value();
  }
}

TEST_F(BrokerDeliveriesTest, ForgottenOffsetsComeFromTheRecords) {
  MakeTopics();
  AppendActions(kP0, 3);
  {
    // What a group leaves behind whose offsets the broker forgot after their retention.
    const std::string topic = DeliveriesTopic(config);
    Append(topic, "0", deliver::EncodeDelivery(RecordOf(kP0, 0, DeliveryState::kDelivered)), kP0);
    Append(topic, "cursor", "1", kP0);
    Append(topic, "1", deliver::EncodeDelivery(RecordOf(kP0, 1, DeliveryState::kStarted)), kP0);
    Append(topic, "2", deliver::EncodeDelivery(RecordOf(kP0, 2, DeliveryState::kDelivered)), kP0);
  }
  const auto deliverer = MakeDeliverer();
  ASSERT_TRUE(deliverer->PollUntilOpen());
  EXPECT_EQ(deliverer->opened.at(kP0).cursor, Offset(1));
  EXPECT_EQ(deliverer->opened.at(kP0).records.size(), 2u);
}

TEST_F(BrokerDeliveriesTest, EarlierActionsAndUnreadableOnes) {
  MakeTopics();
  AppendActions(kP0, 3);
  Append(ActionsTopic(config), "ana", "no action", kP0);
  AppendActions(kP0, 2);
  const auto deliverer = MakeDeliverer();
  ASSERT_TRUE(deliverer->PollUntilOpen());
  const auto all = deliverer->Read(kP0, 0, 5);
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[3].place.offset, Offset(4));
  EXPECT_TRUE(observer.Noted("[0] 3: no action"));
  const auto earlier = deliverer->log.Read(kP0, Offset(1), 1);
  ASSERT_OK(earlier.status());
  ASSERT_EQ(earlier->size(), 1u);
  EXPECT_EQ(earlier->at(0).action.id, "act_1");
  // Reading goes on where it was.
  AppendActions(kP0, 1);
  EXPECT_EQ(deliverer->Read(kP0, 6, 1).at(0).action.id, "act_5");
}

TEST_F(BrokerDeliveriesTest, WakeEndsAPoll) {
  MakeTopics();
  const auto deliverer = MakeDeliverer();
  ASSERT_TRUE(deliverer->PollUntilOpen());
  ASSERT_OK(deliverer->log.Poll(Milliseconds(1), deliverer.get()));
  const auto begin = std::chrono::steady_clock::now();
  std::thread waker([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    deliverer->log.Wake();
  });
  ASSERT_OK(deliverer->log.Poll(Seconds(20), deliverer.get()));
  waker.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

// ---- several deliverers -------------------------------------------------------------------------

DeliveryRecord WebhookOf(int64_t offset, DeliveryState state) {
  DeliveryRecord record = RecordOf(kP0, offset, state);
  record.channel = kWebhookReader.channel;
  return record;
}

TEST_F(BrokerDeliveriesTest, MailsAndWebhooksKeepApartInOneTopic) {
  MakeTopics();
  AppendActions(kP0, 4);
  {
    const auto mails = MakeDeliverer();
    const auto webhooks = MakeDeliverer("1", kWebhookReader);
    ASSERT_TRUE(mails->PollUntilOpen()) << mails->status.message();
    ASSERT_TRUE(webhooks->PollUntilOpen()) << webhooks->status.message();
    ASSERT_EQ(mails->Read(kP0, 0, 4).size(), 4u);
    ASSERT_EQ(webhooks->Read(kP0, 0, 4).size(), 4u);
    // In turns: neither takes the other's producer or place in a group.
    ASSERT_OK(mails->Commit({RecordOf(kP0, 0, DeliveryState::kStarted)}));
    ASSERT_OK(webhooks->Commit({WebhookOf(1, DeliveryState::kWaiting)}, {{kP0, Offset(1)}}));
    ASSERT_OK(mails->Commit(
        {RecordOf(kP0, 0, DeliveryState::kDelivered), RecordOf(kP0, 2, DeliveryState::kStarted)},
        {{kP0, Offset(2)}}));
    ASSERT_OK(webhooks->Commit({WebhookOf(3, DeliveryState::kDelivered)}));
  }
  EXPECT_EQ(GroupOffset(kP0).offset, Offset(2));
  EXPECT_EQ(GroupOffset(kP0, kWebhookReader).offset, Offset(1));
  EXPECT_FALSE(observer.Noted("rebuilt"));
  const auto mails = MakeDeliverer();
  const auto webhooks = MakeDeliverer("1", kWebhookReader);
  ASSERT_TRUE(mails->PollUntilOpen()) << mails->status.message();
  ASSERT_TRUE(webhooks->PollUntilOpen()) << webhooks->status.message();
  const deliver::OpenedPartition& of_mails = mails->opened.at(kP0);
  EXPECT_EQ(of_mails.cursor, Offset(2));
  ASSERT_EQ(of_mails.records.size(), 1u);
  EXPECT_EQ(of_mails.records.at(Offset(2)).state, DeliveryState::kStarted);
  const deliver::OpenedPartition& of_webhooks = webhooks->opened.at(kP0);
  EXPECT_EQ(of_webhooks.cursor, Offset(1));
  ASSERT_EQ(of_webhooks.records.size(), 2u);
  EXPECT_EQ(of_webhooks.records.at(Offset(1)).state, DeliveryState::kWaiting);
  EXPECT_EQ(of_webhooks.records.at(Offset(3)).state, DeliveryState::kDelivered);
}

TEST_F(BrokerDeliveriesTest, ForgottenOffsetsOfWebhooksComeFromTheirOwnCursor) {
  MakeTopics();
  AppendActions(kP0, 4);
  const std::string topic = DeliveriesTopic(config);
  Append(topic, "cursor webhooks", "1", kP0);
  Append(topic, "1", deliver::EncodeDelivery(WebhookOf(1, DeliveryState::kWaiting)), kP0);
  Append(topic, "2", deliver::EncodeDelivery(RecordOf(kP0, 2, DeliveryState::kStarted)), kP0);
  Append(topic, "cursor", "3", kP0);
  const auto webhooks = MakeDeliverer("1", kWebhookReader);
  ASSERT_TRUE(webhooks->PollUntilOpen()) << webhooks->status.message();
  EXPECT_EQ(webhooks->opened.at(kP0).cursor, Offset(1));
  ASSERT_EQ(webhooks->opened.at(kP0).records.size(), 1u);
  EXPECT_EQ(webhooks->opened.at(kP0).records.at(Offset(1)).state, DeliveryState::kWaiting);
}

TEST_F(BrokerDeliveriesTest, AReaderBeginsWhereItsStartIs) {
  MakeTopics();
  AppendActions(kP0, 3);
  AppendActions(kP1, 3);
  const std::vector<Offset> starts = {Offset(2), Offset(40)};
  {
    const auto webhooks = MakeDeliverer("1", kWebhookReader, starts);
    ASSERT_TRUE(webhooks->PollUntilOpen()) << webhooks->status.message();
    EXPECT_EQ(webhooks->opened.at(kP0).cursor, Offset(2));
    EXPECT_EQ(webhooks->opened.at(kP1).cursor, Offset(0)) << "it is of an earlier topic";
    EXPECT_EQ(webhooks->Read(kP0, 2, 1).at(0).place.offset, Offset(2));
    ASSERT_OK(webhooks->Commit({}, {{kP0, Offset(3)}}));
  }
  const auto webhooks = MakeDeliverer("1", kWebhookReader, starts);
  ASSERT_TRUE(webhooks->PollUntilOpen()) << webhooks->status.message();
  EXPECT_EQ(webhooks->opened.at(kP0).cursor, Offset(3)) << "what was committed counts more";
}

// ---- commits without an answer, and transactions left behind -----------------------------------

TEST_F(BrokerDeliveriesTest, AnUncertainCommitIsFoundOut) {
  MakeTopics();
  config.commit_timeout = Milliseconds(1);  // hardly a broker answers as fast as that
  const auto deliverer = MakeDeliverer();
  ASSERT_TRUE(deliverer->PollUntilOpen());
  std::string expected;
  for (int64_t i = 0; i < 20 || (UncertainCommits() < 5 && i < 1000); ++i) {
    ASSERT_NO_FATAL_FAILURE(CommitAndCompare(deliverer.get(), i, &expected));
  }
  EXPECT_GE(UncertainCommits(), 5);
  EXPECT_EQ(deliverer->changes, (std::vector<std::string>{"opened 0", "opened 1"}));
}

// Somebody ends our transactions all the time: now and then just as the commit is asked for.
TEST_F(BrokerDeliveriesTest, AnUncertainCommitThatDidNothingIsFoundOut) {
  MakeTopics();
  const auto deliverer = MakeDeliverer();
  ASSERT_TRUE(deliverer->PollUntilOpen());
  std::atomic<bool> stop = false;
  NotingObserver quiet;
  std::thread thief([&] {
    for (int i = 0; !stop; ++i) {
      TransactionalProducer taking(config, config.app + "-1-mail", &quiet);
      (void)taking.Settle(Seconds(5));
      std::this_thread::sleep_for(std::chrono::milliseconds(i * 7 % 23));
    }
  });
  std::string expected;
  int nothing = 0;
  for (int64_t i = 0; nothing == 0 && i < 1000 && !HasFatalFailure(); ++i) {
    const auto before = UncertainCommits();
    const std::string written = expected;
    CommitAndCompare(deliverer.get(), i, &expected);
    if (UncertainCommits() > before && expected == written) ++nothing;
  }
  stop = true;
  thief.join();
  EXPECT_GT(nothing, 0);
}

TEST_F(BrokerDeliveriesTest, ATransactionInFlightIsNeverSeen) {
  MakeTopics();
  AppendActions(kP0, 2);
  const std::string topic = DeliveriesTopic(config);
  const std::string started = deliver::EncodeDelivery(RecordOf(kP0, 0, DeliveryState::kStarted));
  // A process that was killed in the middle, of our name and of another one.
  for (const char* instance : {"1", "2"}) {
    TransactionalProducer killed(config, fmt::format("{}-{}-mail", config.app, instance),
                                 &observer);
    ASSERT_OK(killed.Settle(Seconds(20)));
    ASSERT_OK(killed.Begin());
    ASSERT_OK(killed.Produce({topic, kP0, "0", started, {}}).status());
    std::this_thread::sleep_for(std::chrono::milliseconds(300));  // sent, not committed
    killed.Drop(Unavailable("killed"));
  }
  const auto deliverer = MakeDeliverer();
  ASSERT_TRUE(deliverer->PollUntilOpen()) << deliverer->status.message();
  EXPECT_TRUE(deliverer->opened.at(kP0).records.empty());
  ASSERT_OK(deliverer->CommitPatiently({RecordOf(kP0, 1, DeliveryState::kStarted)}));
  EXPECT_EQ(States(kP0), "1 started");
}

// ---- the group ---------------------------------------------------------------------------------

TEST_F(BrokerDeliveriesTest, AZombieOfTheSameNameWritesNothing) {
  MakeTopics();
  AppendActions(kP0, 2);
  const auto zombie = MakeDeliverer();
  ASSERT_TRUE(zombie->PollUntilOpen());
  ASSERT_OK(zombie->Commit({RecordOf(kP0, 0, DeliveryState::kStarted)}));
  const auto successor = MakeDeliverer();
  ASSERT_TRUE(successor->PollUntilOpen());
  ASSERT_OK(successor->CommitPatiently({RecordOf(kP0, 0, DeliveryState::kUnknown)}));
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(zombie->Commit({RecordOf(kP0, 1, DeliveryState::kStarted)}).ok());
  }
  EXPECT_EQ(States(kP0), "0 started, 0 unknown");
}

// Polls both until `done`.
bool PollBoth(TestDeliverer* one, TestDeliverer* two, const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::thread other([&] { (void)two->PollUntil([polls = 0]() mutable { return ++polls > 2; }); });
    (void)one->PollUntil([polls = 0]() mutable { return ++polls > 2; });
    other.join();
  }
  return true;
}

TEST_F(BrokerDeliveriesTest, WhatStaysIsNeverClosed) {
  MakeTopics();
  AppendActions(kP0, 3);
  AppendActions(kP1, 3);
  const auto first = MakeDeliverer("1");
  ASSERT_TRUE(first->PollUntilOpen());
  ASSERT_OK(first->Commit(
      {RecordOf(kP0, 0, DeliveryState::kStarted), RecordOf(kP1, 0, DeliveryState::kStarted)}));
  ASSERT_EQ(first->Read(kP0, 0, 3).size(), 3u);
  ASSERT_EQ(first->Read(kP1, 0, 3).size(), 3u);
  const auto second = MakeDeliverer("2");
  ASSERT_TRUE(PollBoth(first.get(), second.get(),
                       [&] { return first->opened.size() == 1 && second->opened.size() == 1; }));
  const Partition kept = first->opened.begin()->first;
  const Partition given = second->opened.begin()->first;
  ASSERT_NE(kept, given);
  EXPECT_EQ(first->changes, (std::vector<std::string>{"opened 0", "opened 1",
                                                      fmt::format("closed {}", given.value())}));
  // The new owner knows what was begun.
  EXPECT_EQ(second->opened.at(given).records.at(Offset(0)).state, DeliveryState::kStarted);

  // Nothing of what was given away is written, not even with something of what stays.
  EXPECT_EQ(first
                ->CommitPatiently({RecordOf(kept, 0, DeliveryState::kDelivered),
                                   RecordOf(given, 0, DeliveryState::kDelivered)})
                .code(),
            StatusCode::kAborted);
  EXPECT_EQ(States(kept), "0 started");
  // A mail that was under way comes to its end where its partition stayed, and reading goes on.
  ASSERT_OK(first->CommitPatiently({RecordOf(kept, 0, DeliveryState::kDelivered)}));
  AppendActions(kept, 1);
  EXPECT_EQ(first->Read(kept, 3, 1).at(0).place.offset, Offset(3));
  EXPECT_EQ(States(given), "0 started");
}

TEST_F(BrokerDeliveriesTest, WhatWasAwayIsClosedBeforeItIsOpenedAgain) {
  MakeTopics();
  AppendActions(kP0, 3);
  const auto first = MakeDeliverer();
  ASSERT_TRUE(first->PollUntilOpen());
  ASSERT_OK(first->Commit({RecordOf(kP0, 0, DeliveryState::kStarted)}));
  {
    const auto successor = MakeDeliverer();  // of the same name: the first is thrown out
    ASSERT_TRUE(successor->PollUntilOpen());
    ASSERT_OK(successor->CommitPatiently({RecordOf(kP0, 0, DeliveryState::kUnknown)}));
  }
  EXPECT_EQ(first->CommitPatiently({RecordOf(kP0, 0, DeliveryState::kDelivered)}).code(),
            StatusCode::kAborted);
  first->changes.clear();
  ASSERT_OK(first->log.Poll(Duration(0), first.get()));
  EXPECT_EQ(first->changes, (std::vector<std::string>{"closed 0", "closed 1"}));
  ASSERT_TRUE(first->PollUntilOpen());
  EXPECT_EQ(first->opened.at(kP0).records.at(Offset(0)).state, DeliveryState::kUnknown);
  EXPECT_EQ(States(kP0), "0 started, 0 unknown");
}

}  // namespace
}  // namespace sojourn::kafka
