// The constants of a person's record that writer and reader share. Part of the format (FORMAT.md):
// never renumber. Inside the store only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sojourn::store {

// Bits of the header's flag byte.
inline constexpr uint8_t kFlagKnown = 1;
inline constexpr uint8_t kFlagComplained = 2;
inline constexpr uint8_t kFlagNeverSeen = 4;  // since version 3: first and last seen are left out
inline constexpr uint8_t kAllFlags = 7;

// Sections follow in rising order; an empty one is left out.
enum class Section : uint8_t {
  kTraits = 1,
  kConsent = 2,
  kRecentIds = 3,
  kCounters = 4,
  kMemberships = 5,
  kRuns = 6,
  kEndedRuns = 7,
  kJourneys = 8,
  kSent = 9,
  kBounced = 10,
  kPlannedEntries = 11,
  kPlannedDates = 12,
  kEndedRunResults = 13,  // since version 2
  kBackfills = 14,        // since version 4
  kMergedIds = 15,        // since version 6
  kMovedTo = 16,          // since version 6
  kCoupons = 17,          // since version 7
};

// Which fields of a counter follow.
enum CounterField : uint32_t {
  kCounterCount = 1 << 0,
  kCounterFirstTime = 1 << 1,
  kCounterLastTime = 1 << 2,
  kCounterSamples = 1 << 3,
  kCounterSampleValues = 1 << 4,
  kCounterSum = 1 << 5,
  kCounterLastValue = 1 << 6,
  kCounterFirstValue = 1 << 7,
  kCounterMinimum = 1 << 8,
  kCounterMaximum = 1 << 9,
  kCounterAll = (1 << 10) - 1,
};

enum MembershipField : uint8_t { kMembershipMember = 1, kMembershipFlip = 2, kMembershipAll = 3 };

// The lowest three bits are the RestKind.
enum RunField : uint32_t {
  kRunRestMask = 7,
  kRunGoalReached = 1 << 3,
  kRunDeadline = 1 << 4,
  kRunKey = 1 << 5,
  kRunFlip = 1 << 6,
  kRunOwnEvent = 1 << 7,  // the event consumed last is not the trigger
  kRunCoupon = 1 << 8,
  kRunCouponExpires = 1 << 9,
  kRunPaths = 1 << 10,
  kRunPasses = 1 << 11,
  kRunEventKept = 1 << 12,  // `event` holds something
  kRunAll = (1 << 13) - 1,
  kRunResults = kRunCoupon | kRunCouponExpires | kRunPaths,  // of ended runs, too
};

enum SnapshotField : uint8_t {
  kSnapshotId = 1,
  kSnapshotSegment = 2,
  kSnapshotProperties = 4,
  kSnapshotAll = 7,
};

enum CouponField : uint8_t {
  kCouponPath = 1,
  kCouponExpiry = 2,
  kCouponRedemption = 4,
  kCouponAll = 7,
};

enum PlannedDateField : uint8_t { kDateAt = 1, kDateLastJudged = 2, kDateAll = 3 };

// The fewest bytes that one item can take, without the items of counts and values inside it.
inline constexpr size_t kTraitBytes = 1;
inline constexpr size_t kConsentBytes = 2;
inline constexpr size_t kRecentIdBytes = 9;
inline constexpr size_t kCounterBytes = 9;
inline constexpr size_t kSampleBytes = 1;
inline constexpr size_t kMembershipBytes = 9;
inline constexpr size_t kRunBytes = 22;
inline constexpr size_t kPathBytes = 2;
inline constexpr size_t kPassBytes = 1;
inline constexpr size_t kEndedRunBytes = 21;
inline constexpr size_t kJourneyBytes = 10;
inline constexpr size_t kRunKeyEntryBytes = 1;
inline constexpr size_t kSentBytes = 2;
inline constexpr size_t kBouncedBytes = 1;
inline constexpr size_t kPlannedEntryBytes = 10;
inline constexpr size_t kPlannedDateBytes = 10;
inline constexpr size_t kEndedRunResultBytes = 2;
inline constexpr size_t kBackfillBytes = 10;
inline constexpr size_t kMergedIdBytes = 1;
inline constexpr size_t kHeldCouponBytes = 6;

}  // namespace sojourn::store
