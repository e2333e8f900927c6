// An event as the engine sees it, whatever format it arrived in.
//
// Views: every text and value points into the memory of the batch it was decoded from and dies with
// it. Times are milliseconds.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/model/value.h"

namespace sojourn::model {

// Names of events that the engine itself knows (journey-language: built-in events).
inline constexpr std::string_view kIdentify = "Identify";
inline constexpr std::string_view kUnsubscribed = "Unsubscribed";
inline constexpr std::string_view kSubscribed = "Subscribed";
inline constexpr std::string_view kEmailDelivered = "Email Delivered";
inline constexpr std::string_view kEmailOpened = "Email Opened";
inline constexpr std::string_view kEmailLinkClicked = "Email Link Clicked";
inline constexpr std::string_view kEmailBounced = "Email Bounced";
inline constexpr std::string_view kEmailMarkedAsSpam = "Email Marked as Spam";
// Made by the engine itself when an order names a code that the person was given (engine/step).
inline constexpr std::string_view kCouponRedeemed = "Coupon Redeemed";
inline constexpr std::string_view kPersonErased = "Person Erased";
inline constexpr std::string_view kPersonMerged = "Person Merged";
// What the Segment calls page, screen and group are named.
inline constexpr std::string_view kPageViewed = "Page Viewed";
inline constexpr std::string_view kScreenViewed = "Screen Viewed";
inline constexpr std::string_view kGroupJoined = "Group Joined";
// Segment's alias: recorded in the person's history; the previous id merges (engine/step/merge.h).
inline constexpr std::string_view kAlias = "Alias";

// What the project's own records of a backfill are named.
inline constexpr std::string_view kBackfillName = "Backfill";

// An anonymous person's id is this and the anonymous id; a known person's id may not begin so.
inline constexpr std::string_view kAnonymousPrefix = "a:";

enum class EventType : uint8_t {
  kTrack,     // any named event, built-in ones included
  kIdentify,  // `properties` are traits; the name is "Identify"
  // The project's own records, never accepted from outside:
  kEnroll,       // `name` = journey; property "at" (int, ms) = the moment of entry
  kImportBegin,  // from here the wall clock is not followed in this partition
  kImportEnd,
  // See engine/step/backfill.h; the name of both is kBackfillName.
  kBackfillBegin,
  kBackfill,
  // See engine/step/merge.h; the name of all is kPersonMerged.
  kMergeAsked,
  kMergedState,
  kMergeUndone,
  kMergeRefused,
};

// Where a record came from.
struct Origin {
  std::string_view topic;  // Kafka's, or "events" for the embedded log
  Partition partition;
  Offset offset;
};

// Where a record stood before the product copied it.
struct EventOrigin {
  Origin place;
  Timestamp log_time;
};

struct Event {
  EventType type = EventType::kTrack;
  bool historical = false;        // updates the person silently, starts and ends nothing
  std::string_view id;            // empty: never taken for a repetition
  std::string_view person;        // 1 to kMaxPersonIdBytes bytes
  std::string_view anonymous_id;  // may be empty
  std::string_view name;          // free text, at most 100 characters
  // The event's own; later than the log time counts as the log time. Min(): none was given, which
  // a decoded event never has.
  Timestamp time = Timestamp::Min();
  Timestamp received_at = Timestamp::Min();  // Min(): unknown
  Value properties;                          // kMap with string keys, or null for none
  Value traits;  // kMap or null: traits that came along with an event that is no identify
  // Of events that the product itself wrote or copied.
  const EventOrigin* original = nullptr;  // null: this is the first place
  uint32_t redirects = 0;                 // how often it was sent on to the id that another became
  std::string_view person_record;         // kMergedState: what the other id was (engine/store)
};

}  // namespace sojourn::model
