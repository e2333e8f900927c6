#include "engine/store/person_record.h"

#include <fmt/format.h>

#include "engine/store/person_layout.h"
#include "engine/store/value_codec.h"

namespace sojourn::store {
namespace {

using model::Counter;
using model::EventSnapshot;
using model::Person;

// Reads what PersonWriter wrote. Errors are sticky in the reader and looked at once per section.
class PersonReader {
 public:
  // `record` lives in the person's arena and begins behind the fixed header.
  PersonReader(uint8_t version, std::string_view record, Person* person)
      : version_(version),
        in_(record),
        person_(person),
        arena_(&person->arena),
        clock_(person->clock) {}

  bool Read(uint8_t flags) {
    if ((flags & kFlagNeverSeen) == 0) {
      person_->first_seen_at = Time();
      person_->last_seen_at = Time();
    }
    // Before version 3 the start of 1970 meant "never".
    if (version_ < 3 && person_->first_seen_at == Timestamp()) {
      person_->first_seen_at = person_->last_seen_at = Timestamp::Min();
    }
    int previous = 0;
    while (in_.ok() && !in_.at_end()) {
      const int section = in_.Byte();
      if (section <= previous || !ReadSection(static_cast<Section>(section))) in_.Fail();
      previous = section;
    }
    return in_.ok();
  }

 private:
  bool ReadSection(Section section) {
    switch (section) {
      case Section::kTraits:
        Traits();
        return true;
      case Section::kConsent:
        Consent();
        return true;
      case Section::kRecentIds:
        RecentIds();
        return true;
      case Section::kCounters:
        Counters();
        return true;
      case Section::kMemberships:
        Memberships();
        return true;
      case Section::kRuns:
        Runs();
        return true;
      case Section::kEndedRuns:
        EndedRuns();
        return true;
      case Section::kJourneys:
        Journeys();
        return true;
      case Section::kSent:
        Sent();
        return true;
      case Section::kBounced:
        Bounced();
        return true;
      case Section::kPlannedEntries:
        PlannedEntries();
        return true;
      case Section::kPlannedDates:
        PlannedDates();
        return true;
      case Section::kEndedRunResults:
        EndedRunResults();
        return true;
      case Section::kBackfills:
        Backfills();
        return true;
      case Section::kMergedIds:
        SectionItems(kMergedIdBytes, &person_->merged_ids,
                     [this](std::string_view* id) { *id = in_.Text(); });
        return true;
      case Section::kMovedTo:
        person_->moved_to = in_.Text();
        if (person_->moved_to.empty()) in_.Fail();
        return true;
      case Section::kCoupons:
        Coupons();
        return true;
    }
    return false;
  }

  // Reads `count` items, each by read(&item).
  template <typename Item, typename Read>
  void Items(uint32_t count, ArenaVector<Item>* items, Read read) {
    if (count == 0) return;
    items->Reserve(arena_, count);
    for (uint32_t i = 0; i < count && in_.ok(); ++i) read(&items->Append(arena_, Item()));
  }
  // A section: its count, at least 1, and its items.
  template <typename Item, typename Read>
  void SectionItems(size_t item_bytes, ArenaVector<Item>* items, Read read) {
    const uint32_t count = in_.Count(item_bytes);
    if (count == 0) in_.Fail();
    Items(count, items, read);
  }

  Timestamp Time() { return in_.Time(clock_); }
  uint64_t Hash() { return in_.Fixed(8); }
  model::Value Value() { return ReadValue(&in_, clock_, arena_); }

  // The bits of a mask, none of them unknown.
  uint32_t Fields(uint32_t all) {
    const uint32_t fields = in_.Varint32();
    if ((fields & ~all) != 0) in_.Fail();
    return in_.ok() ? fields : 0;
  }

  void Traits() {
    SectionItems(kTraitBytes, &person_->traits, [this](model::Trait* trait) {
      trait->name = in_.Text();
      trait->value = Value();
    });
  }

  void Consent() {
    SectionItems(kConsentBytes, &person_->consent, [this](model::ConsentChoice* choice) {
      choice->topic = in_.Text();
      choice->opted_in = Fields(1) != 0;
    });
  }

  void RecentIds() {
    Timestamp previous = clock_;
    SectionItems(kRecentIdBytes, &person_->recent_ids, [&](model::RecentEventId* recent) {
      recent->hash = Hash();
      recent->time = previous = in_.Time(previous);
    });
  }

  void Samples(Counter* counter, bool with_values) {
    Timestamp previous = clock_;
    Items(in_.Count(kSampleBytes), &counter->samples, [&](model::Sample* sample) {
      sample->time = previous = in_.Time(previous);
      if (with_values) sample->value = Value();
    });
  }

  void Counters() {
    SectionItems(kCounterBytes, &person_->counters,
                 [this](Counter* counter) { ReadCounter(counter); });
  }

  void ReadCounter(Counter* counter) {
    counter->id = Hash();
    const uint32_t fields = Fields(kCounterAll);
    if (fields & kCounterCount) counter->count = in_.Signed();
    if (fields & kCounterFirstTime) counter->first_time = Time();
    if (fields & kCounterLastTime) counter->last_time = Time();
    if (fields & kCounterSamples) Samples(counter, (fields & kCounterSampleValues) != 0);
    if (fields & kCounterSum) counter->sum = Value();
    if (fields & kCounterLastValue) counter->last_value = Value();
    if (fields & kCounterFirstValue) counter->first_value = Value();
    if (fields & kCounterMinimum) counter->minimum = Value();
    if (fields & kCounterMaximum) counter->maximum = Value();
  }

  void Backfills() {
    SectionItems(kBackfillBytes, &person_->backfills, [this](model::CounterBackfill* backfill) {
      backfill->begun = Time();
      ReadCounter(&backfill->since);
      if (version_ < 5) return;
      Items(in_.Count(1), &backfill->taken,
            [this](Offset* offset) { *offset = Offset(static_cast<int64_t>(in_.Varint())); });
    });
  }

  void Memberships() {
    SectionItems(kMembershipBytes, &person_->memberships, [this](model::Membership* membership) {
      membership->segment = Hash();
      const uint32_t fields = Fields(kMembershipAll);
      membership->member = (fields & kMembershipMember) != 0;
      if (fields & kMembershipFlip) membership->flip_at = Time();
    });
  }

  void Snapshot(EventSnapshot* snapshot) {
    const uint32_t fields = Fields(kSnapshotAll);
    snapshot->name = in_.Text();
    snapshot->time = Time();
    if (fields & kSnapshotId) snapshot->id = in_.Text();
    if (fields & kSnapshotSegment) snapshot->segment = in_.Text();
    if (fields & kSnapshotProperties) snapshot->properties = Value();
  }

  template <typename AnyRun>
  void Results(AnyRun* run, uint32_t fields) {
    if (fields & kRunCoupon) {
      run->coupon_pool = in_.Text();
      run->coupon_code = in_.Text();
    }
    if (fields & kRunCouponExpires) run->coupon_expires_at = Time();
    if (fields & kRunPaths) {
      Items(in_.Count(kPathBytes), &run->paths, [this](model::PathTaken* taken) {
        taken->test = in_.Text();
        taken->path = in_.Text();
      });
    }
  }

  void Runs() {
    SectionItems(kRunBytes, &person_->runs, [this](model::Run* run) {
      run->journey = Hash();
      run->revision = Hash();
      const uint32_t fields = Fields(kRunAll);
      if ((fields & kRunRestMask) > static_cast<uint32_t>(model::RestKind::kQuietHours)) in_.Fail();
      run->rest = static_cast<model::RestKind>(in_.ok() ? fields & kRunRestMask : 0);
      run->goal_reached = (fields & kRunGoalReached) != 0;
      run->event_is_trigger = (fields & kRunOwnEvent) == 0;
      run->entry = in_.Varint32();
      run->position = in_.Varint32();
      run->entered_at = Time();
      if (fields & kRunDeadline) run->deadline = Time();
      if (fields & kRunKey) run->run_key = Value();
      if (fields & kRunFlip) run->flip_at = Time();
      Snapshot(&run->trigger);
      if (fields & kRunEventKept) Snapshot(&run->event);
      Results(run, fields);
      if (fields & kRunPasses) {
        Items(in_.Count(kPassBytes), &run->passes, [this](uint16_t* pass) {
          const uint32_t number = in_.Varint32();
          if (number > UINT16_MAX) in_.Fail();
          *pass = static_cast<uint16_t>(number);
        });
      }
    });
  }

  void EndedRuns() {
    SectionItems(kEndedRunBytes, &person_->ended_runs, [this](model::EndedRun* run) {
      run->journey = Hash();
      run->revision = Hash();
      run->entry = in_.Varint32();
      run->entered_at = Time();
      run->run_key = Value();
      Snapshot(&run->trigger);
    });
  }

  void Journeys() {
    SectionItems(kJourneyBytes, &person_->journeys, [this](model::JourneyMemory* journey) {
      journey->journey = Hash();
      journey->entries = in_.Varint32();
      bool keyed = false;
      const uint32_t count = in_.CountWithFlag(kRunKeyEntryBytes, &keyed);
      Timestamp previous = clock_;
      Items(count, &journey->last_entries, [&](model::RunKeyEntry* entry) {
        entry->entered_at = previous = in_.Time(previous);
        if (keyed) entry->key_hash = Hash();
      });
    });
  }

  void Sent() {
    Timestamp previous = clock_;
    SectionItems(kSentBytes, &person_->sent, [&](model::SentMark* mark) {
      mark->time = previous = in_.Time(previous);
      mark->topic = in_.Text();
    });
  }

  void Bounced() {
    SectionItems(kBouncedBytes, &person_->bounced,
                 [this](std::string_view* address) { *address = in_.Text(); });
  }

  void PlannedEntries() {
    SectionItems(kPlannedEntryBytes, &person_->planned_entries, [this](model::PlannedEntry* entry) {
      entry->journey = Hash();
      entry->at = Time();
      if (Fields(1) != 0) entry->segment = Hash();
    });
  }

  void PlannedDates() {
    SectionItems(kPlannedDateBytes, &person_->planned_dates, [this](model::PlannedDate* date) {
      date->journey = Hash();
      date->trigger = in_.Varint32();
      const uint32_t fields = Fields(kDateAll);
      if (fields & kDateAt) date->at = Time();
      if (fields & kDateLastJudged) date->last_judged = Time();
    });
  }

  void EndedRunResults() {
    const uint32_t count = in_.Count(kEndedRunResultBytes);
    if (count == 0) in_.Fail();
    uint32_t next = 0;
    for (uint32_t i = 0; i < count && in_.ok(); ++i) {
      const uint32_t index = in_.Varint32();
      const uint32_t fields = Fields(kRunResults);
      if (index < next || index >= person_->ended_runs.size()) in_.Fail();
      if (in_.ok()) Results(&person_->ended_runs[index], fields);
      next = index + 1;
    }
  }

  void Coupons() {
    SectionItems(kHeldCouponBytes, &person_->coupons, [this](model::HeldCoupon* coupon) {
      const uint32_t fields = Fields(kCouponAll);
      coupon->pool = in_.Text();
      coupon->code = in_.Text();
      coupon->journey = in_.Text();
      coupon->step = in_.Text();
      coupon->allotted_at = Time();
      if (fields & kCouponPath) coupon->path = in_.Text();
      if (fields & kCouponExpiry) coupon->expires_at = Time();
      if (fields & kCouponRedemption) coupon->redeemed_at = Time();
    });
  }

  const uint8_t version_;
  ByteReader in_;
  Person* const person_;
  Arena* const arena_;
  const Timestamp clock_;
};

}  // namespace

Status CheckPersonRecord(std::string_view bytes) {
  if (bytes.empty() || bytes[0] == 0) return DataLoss("not a person's record");
  const auto version = static_cast<uint8_t>(bytes[0]);
  if (version > kPersonRecordVersion) {
    return FailedPrecondition(
        fmt::format("a person's record has version {}, this binary knows up to {}; use a newer "
                    "sojourn",
                    version, kPersonRecordVersion));
  }
  if (bytes.size() < kPersonRecordHeaderBytes) return DataLoss("a person's record is cut short");
  return Status::Ok();
}

Status DecodePerson(std::string_view bytes, Person* person) {
  person->Reset();
  SOJOURN_RETURN_IF_ERROR(CheckPersonRecord(bytes));
  const std::string_view record = person->arena.Copy(bytes);
  const auto flags = static_cast<uint8_t>(record[1]);
  person->known = (flags & kFlagKnown) != 0;
  person->complained = (flags & kFlagComplained) != 0;
  person->bundle = RecordBundle(record);
  person->clock = RecordClock(record);
  person->next_deadline = RecordNextDeadline(record);
  PersonReader reader(static_cast<uint8_t>(record[0]), record.substr(kPersonRecordHeaderBytes),
                      person);
  if ((flags & ~kAllFlags) == 0 && reader.Read(flags)) return Status::Ok();
  person->Reset();
  return DataLoss("a person's record is damaged");
}

}  // namespace sojourn::store
