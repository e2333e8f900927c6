#include "engine/store/person_record.h"

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/store/person_layout.h"
#include "engine/store/value_codec.h"

namespace sojourn::store {
namespace {

using model::Counter;
using model::EventSnapshot;
using model::Person;
using model::Value;

// Writes one record. Most times are near the person's clock, so they stand as differences to it, or
// to the time before them in the same list.
class PersonWriter {
 public:
  PersonWriter(const Person& person, std::string* bytes)
      : person_(person), clock_(person.clock), out_(bytes) {}

  bool Write() {
    Header();
    Traits();
    Consent();
    RecentIds();
    Counters();
    Memberships();
    Runs();
    EndedRuns();
    Journeys();
    Sent();
    Bounced();
    PlannedEntries();
    PlannedDates();
    EndedRunResults();
    Backfills();
    MergedIds();
    MovedTo();
    Coupons();
    out_.Finish();
    return ok_;
  }

 private:
  void Header() {
    out_.Byte(kPersonRecordVersion);
    const bool never_seen =
        person_.first_seen_at == Timestamp::Min() && person_.last_seen_at == Timestamp::Min();
    out_.Byte(static_cast<uint8_t>((person_.known ? kFlagKnown : 0) |
                                   (person_.complained ? kFlagComplained : 0) |
                                   (never_seen ? kFlagNeverSeen : 0)));
    out_.Fixed(person_.bundle, 4);
    out_.Fixed(static_cast<uint64_t>(clock_.milliseconds()), 8);
    out_.Fixed(static_cast<uint64_t>(person_.next_deadline.milliseconds()), 8);
    if (never_seen) return;
    Time(person_.first_seen_at);
    Time(person_.last_seen_at);
  }

  // False where there is nothing to write.
  template <typename Items>
  bool Begin(Section section, const Items& items) {
    if (items.empty()) return false;
    out_.Byte(static_cast<uint8_t>(section));
    out_.Varint(items.size());
    return true;
  }

  void Time(Timestamp time) { out_.Time(time, clock_); }
  void Hash(uint64_t hash) { out_.Fixed(hash, 8); }
  void Write(const Value& value) { ok_ = WriteValue(value, clock_, &out_) && ok_; }
  void WriteUnlessNull(const Value& value) {
    if (!value.is_null()) Write(value);
  }

  void Traits() {
    if (!Begin(Section::kTraits, person_.traits)) return;
    for (const model::Trait& trait : person_.traits) {
      out_.Text(trait.name);
      Write(trait.value);
    }
  }

  void Consent() {
    if (!Begin(Section::kConsent, person_.consent)) return;
    for (const model::ConsentChoice& choice : person_.consent) {
      out_.Text(choice.topic);
      out_.Byte(choice.opted_in ? 1 : 0);
    }
  }

  void RecentIds() {
    if (!Begin(Section::kRecentIds, person_.recent_ids)) return;
    Timestamp previous = clock_;
    for (const model::RecentEventId& recent : person_.recent_ids) {
      Hash(recent.hash);
      out_.Time(recent.time, previous);
      previous = recent.time;
    }
  }

  static uint32_t FieldsOf(const Counter& counter) {
    const auto has_value = [](const model::Sample& sample) { return !sample.value.is_null(); };
    uint32_t fields = 0;
    if (counter.count != 0) fields |= kCounterCount;
    if (counter.first_time != Timestamp::Max()) fields |= kCounterFirstTime;
    if (counter.last_time != Timestamp::Min()) fields |= kCounterLastTime;
    if (!counter.samples.empty()) fields |= kCounterSamples;
    if (std::any_of(counter.samples.begin(), counter.samples.end(), has_value)) {
      fields |= kCounterSampleValues;
    }
    if (!counter.sum.is_null()) fields |= kCounterSum;
    if (!counter.last_value.is_null()) fields |= kCounterLastValue;
    if (!counter.first_value.is_null()) fields |= kCounterFirstValue;
    if (!counter.minimum.is_null()) fields |= kCounterMinimum;
    if (!counter.maximum.is_null()) fields |= kCounterMaximum;
    return fields;
  }

  void Samples(const Counter& counter, bool with_values) {
    out_.Varint(counter.samples.size());
    Timestamp previous = clock_;
    for (const model::Sample& sample : counter.samples) {
      out_.Time(sample.time, previous);
      previous = sample.time;
      if (with_values) Write(sample.value);
    }
  }

  void Counters() {
    if (!Begin(Section::kCounters, person_.counters)) return;
    for (const Counter& counter : person_.counters) Write(counter);
  }

  void Write(const Counter& counter) {
    const uint32_t fields = FieldsOf(counter);
    Hash(counter.id);
    out_.Varint(fields);
    if (fields & kCounterCount) out_.Signed(counter.count);
    if (fields & kCounterFirstTime) Time(counter.first_time);
    if (fields & kCounterLastTime) Time(counter.last_time);
    if (fields & kCounterSamples) Samples(counter, (fields & kCounterSampleValues) != 0);
    WriteUnlessNull(counter.sum);
    WriteUnlessNull(counter.last_value);
    WriteUnlessNull(counter.first_value);
    WriteUnlessNull(counter.minimum);
    WriteUnlessNull(counter.maximum);
  }

  void Backfills() {
    if (!Begin(Section::kBackfills, person_.backfills)) return;
    for (const model::CounterBackfill& backfill : person_.backfills) {
      Time(backfill.begun);
      Write(backfill.since);
      out_.Varint(backfill.taken.size());
      for (const Offset offset : backfill.taken) {
        out_.Varint(static_cast<uint64_t>(offset.value()));
      }
    }
  }

  void Memberships() {
    if (!Begin(Section::kMemberships, person_.memberships)) return;
    for (const model::Membership& membership : person_.memberships) {
      const bool flips = membership.flip_at != Timestamp::Max();
      Hash(membership.segment);
      out_.Byte(static_cast<uint8_t>((membership.member ? kMembershipMember : 0) |
                                     (flips ? kMembershipFlip : 0)));
      if (flips) Time(membership.flip_at);
    }
  }

  void Snapshot(const EventSnapshot& snapshot) {
    out_.Byte(static_cast<uint8_t>((snapshot.id.empty() ? 0 : kSnapshotId) |
                                   (snapshot.segment.empty() ? 0 : kSnapshotSegment) |
                                   (snapshot.properties.is_null() ? 0 : kSnapshotProperties)));
    out_.Text(snapshot.name);
    Time(snapshot.time);
    if (!snapshot.id.empty()) out_.Text(snapshot.id);
    if (!snapshot.segment.empty()) out_.Text(snapshot.segment);
    WriteUnlessNull(snapshot.properties);
  }

  static bool IsEmpty(const EventSnapshot& snapshot) {
    return snapshot.name.empty() && snapshot.id.empty() && snapshot.segment.empty() &&
           snapshot.time == Timestamp() && snapshot.properties.is_null();
  }

  // What a run has come to: of runs and of ended ones.
  template <typename AnyRun>
  static uint32_t ResultFieldsOf(const AnyRun& run) {
    uint32_t fields = 0;
    if (!run.coupon_pool.empty() || !run.coupon_code.empty()) fields |= kRunCoupon;
    if (run.coupon_expires_at != Timestamp::Max()) fields |= kRunCouponExpires;
    if (!run.paths.empty()) fields |= kRunPaths;
    return fields;
  }

  static uint32_t FieldsOf(const model::Run& run) {
    auto fields = static_cast<uint32_t>(run.rest) | ResultFieldsOf(run);
    if (run.goal_reached) fields |= kRunGoalReached;
    if (run.deadline != Timestamp::Max()) fields |= kRunDeadline;
    if (!run.run_key.is_null()) fields |= kRunKey;
    if (run.flip_at != Timestamp::Max()) fields |= kRunFlip;
    if (!run.event_is_trigger) fields |= kRunOwnEvent;
    if (!run.passes.empty()) fields |= kRunPasses;
    if (!IsEmpty(run.event)) fields |= kRunEventKept;
    return fields;
  }

  template <typename AnyRun>
  void Results(const AnyRun& run, uint32_t fields) {
    if (fields & kRunCoupon) {
      out_.Text(run.coupon_pool);
      out_.Text(run.coupon_code);
    }
    if (fields & kRunCouponExpires) Time(run.coupon_expires_at);
    if (fields & kRunPaths) {
      out_.Varint(run.paths.size());
      for (const model::PathTaken& taken : run.paths) {
        out_.Text(taken.test);
        out_.Text(taken.path);
      }
    }
  }

  void Runs() {
    if (!Begin(Section::kRuns, person_.runs)) return;
    for (const model::Run& run : person_.runs) {
      const uint32_t fields = FieldsOf(run);
      Hash(run.journey);
      Hash(run.revision);
      out_.Varint(fields);
      out_.Varint(run.entry);
      out_.Varint(run.position);
      Time(run.entered_at);
      if (fields & kRunDeadline) Time(run.deadline);
      WriteUnlessNull(run.run_key);
      if (fields & kRunFlip) Time(run.flip_at);
      Snapshot(run.trigger);
      if (fields & kRunEventKept) Snapshot(run.event);
      Results(run, fields);
      if (fields & kRunPasses) {
        out_.Varint(run.passes.size());
        for (const uint16_t pass : run.passes) out_.Varint(pass);
      }
    }
  }

  void EndedRuns() {
    if (!Begin(Section::kEndedRuns, person_.ended_runs)) return;
    for (const model::EndedRun& run : person_.ended_runs) {
      Hash(run.journey);
      Hash(run.revision);
      out_.Varint(run.entry);
      Time(run.entered_at);
      Write(run.run_key);
      Snapshot(run.trigger);
    }
  }

  void EndedRunResults() {
    const auto& runs = person_.ended_runs;
    const auto count = std::count_if(runs.begin(), runs.end(), [](const model::EndedRun& run) {
      return ResultFieldsOf(run) != 0;
    });
    if (count == 0) return;
    out_.Byte(static_cast<uint8_t>(Section::kEndedRunResults));
    out_.Varint(static_cast<uint64_t>(count));
    for (uint32_t i = 0; i < runs.size(); ++i) {
      const uint32_t fields = ResultFieldsOf(runs[i]);
      if (fields == 0) continue;
      out_.Varint(i);
      out_.Varint(fields);
      Results(runs[i], fields);
    }
  }

  // Journeys without one_run_per have one entry with the key hash 0: that is not spelt out.
  void Journeys() {
    if (!Begin(Section::kJourneys, person_.journeys)) return;
    const auto has_key = [](const model::RunKeyEntry& entry) { return entry.key_hash != 0; };
    for (const model::JourneyMemory& journey : person_.journeys) {
      const auto& entries = journey.last_entries;
      const bool keyed = std::any_of(entries.begin(), entries.end(), has_key);
      Hash(journey.journey);
      out_.Varint(journey.entries);
      out_.Varint(uint64_t{entries.size()} << 1 | (keyed ? 1 : 0));
      Timestamp previous = clock_;
      for (const model::RunKeyEntry& entry : entries) {
        out_.Time(entry.entered_at, previous);
        previous = entry.entered_at;
        if (keyed) Hash(entry.key_hash);
      }
    }
  }

  void Sent() {
    if (!Begin(Section::kSent, person_.sent)) return;
    Timestamp previous = clock_;
    for (const model::SentMark& mark : person_.sent) {
      out_.Time(mark.time, previous);
      previous = mark.time;
      out_.Text(mark.topic);
    }
  }

  void Bounced() {
    if (!Begin(Section::kBounced, person_.bounced)) return;
    for (const std::string_view address : person_.bounced) out_.Text(address);
  }

  void PlannedEntries() {
    if (!Begin(Section::kPlannedEntries, person_.planned_entries)) return;
    for (const model::PlannedEntry& entry : person_.planned_entries) {
      Hash(entry.journey);
      Time(entry.at);
      out_.Byte(entry.segment != 0 ? 1 : 0);
      if (entry.segment != 0) Hash(entry.segment);
    }
  }

  void PlannedDates() {
    if (!Begin(Section::kPlannedDates, person_.planned_dates)) return;
    for (const model::PlannedDate& date : person_.planned_dates) {
      const bool planned = date.at != Timestamp::Max();
      const bool judged = date.last_judged != Timestamp::Min();
      Hash(date.journey);
      out_.Varint(date.trigger);
      out_.Byte(static_cast<uint8_t>((planned ? kDateAt : 0) | (judged ? kDateLastJudged : 0)));
      if (planned) Time(date.at);
      if (judged) Time(date.last_judged);
    }
  }

  void MergedIds() {
    if (!Begin(Section::kMergedIds, person_.merged_ids)) return;
    for (const std::string_view id : person_.merged_ids) out_.Text(id);
  }

  void MovedTo() {
    if (person_.moved_to.empty()) return;
    out_.Byte(static_cast<uint8_t>(Section::kMovedTo));
    out_.Text(person_.moved_to);
  }

  void Coupons() {
    if (!Begin(Section::kCoupons, person_.coupons)) return;
    for (const model::HeldCoupon& coupon : person_.coupons) {
      const bool expires = coupon.expires_at != Timestamp::Max();
      const bool redeemed = coupon.redeemed_at != Timestamp::Max();
      out_.Byte(static_cast<uint8_t>((coupon.path.empty() ? 0 : kCouponPath) |
                                     (expires ? kCouponExpiry : 0) |
                                     (redeemed ? kCouponRedemption : 0)));
      out_.Text(coupon.pool);
      out_.Text(coupon.code);
      out_.Text(coupon.journey);
      out_.Text(coupon.step);
      Time(coupon.allotted_at);
      if (!coupon.path.empty()) out_.Text(coupon.path);
      if (expires) Time(coupon.expires_at);
      if (redeemed) Time(coupon.redeemed_at);
    }
  }

  const Person& person_;
  const Timestamp clock_;
  ByteWriter out_;
  bool ok_ = true;
};

}  // namespace

Status EncodePerson(const Person& person, std::string* bytes) {
  if (PersonWriter(person, bytes).Write()) return Status::Ok();
  return ResourceExhausted("a value of the person is nested deeper than " +
                           std::to_string(kMaxStoredNesting) + " lists or maps");
}

}  // namespace sojourn::store
