// The pure core: one person and one input in, the changed person, actions and facts out.
//
// No clock, randomness, I/O, logging or metrics inside: the same person, rules and input give the
// same result, byte for byte, however often they are run. Order within an input is journey-language
// section 6.3.
//
// Threads: everything given is owned by the caller for the call; the environment's rules are shared
// and immutable. A person given to a failed commit must be dropped by the caller and decoded anew.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/arena.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/language/bundle.h"
#include "engine/model/action.h"
#include "engine/model/coupon_use.h"
#include "engine/model/event.h"
#include "engine/model/fact.h"
#include "engine/model/person.h"
#include "engine/model/suppression.h"
#include "engine/model/taken_codes.h"

namespace sojourn::step {

// Configured keys; a change is noticed by fingerprint elsewhere.
struct Secrets {
  std::string coupon_key;                         // of generated codes
  std::array<uint64_t, 2> event_id_key = {0, 0};  // of recent event ids
};

// The part of a list that a partition may give.
struct PoolShare {
  size_t codes = 0;
  size_t left = 0;  // of them, not taken
};

// How far a list has been searched: what stands before is taken or another partition's. Only saves
// time and may be forgotten.
struct PoolSearch {
  uint64_t list = 0;  // language::CouponPool::list; 0: none yet
  size_t next = 0;
  PoolShare share;
};

// What a partition knows of one pool. It goes by the codes, not by their places in the list:
// whatever becomes of the list, no code is given twice, and new ones are found.
struct PoolUse {
  model::TakenCodes taken;                   // of listed codes
  std::vector<model::CouponSource> sources;  // by journey and path
  PoolSearch search;                         // of the list asked for last
};

// What the partition, not the person, remembers between steps; committed with the partition's meta.
// A listed code belongs to one partition, by its hash.
struct PartitionState {
  Partition partition;
  int32_t partition_count = 1;
  std::map<std::string, PoolUse, std::less<>> pools;  // by name
  // Listed pools give no code: which ones were given is not known.
  bool lists_held = false;
};

// What is counted of pools beyond kMaxCouponUseBytes. No pool's name has a bracket.
inline constexpr std::string_view kOtherPools = "(other)";

// Codes of listed pools by the ids of the actions that gave them.
using GivenCodes = std::map<std::string, std::string>;

// Decisions that a test forces instead of letting buckets decide.
struct Overrides {
  std::map<std::string, std::string> paths;  // "TEST" or "JOURNEY.TEST" -> path
  bool holdout = false;  // true: everyone is held out where a percentage is above 0
};

struct Environment {
  const language::RuleSet* rules = nullptr;
  const Secrets* secrets = nullptr;
  PartitionState* partition = nullptr;
  const Overrides* overrides = nullptr;  // tests only; then nobody is held out unless forced
  bool tracing = false;                  // all facts, with their details
  // Listed codes as they were given, for repeating one person's past without the others'; what is
  // not in it was refused. Null: from the partition's share.
  const GivenCodes* given_codes = nullptr;
};

struct EventInput {
  const model::Event* event = nullptr;
  model::Origin origin;
  Timestamp log_time;  // of the record; the logical time is max(log_time, person->clock)
  // By input of the partition, the first record that was not taken in before this one: what a
  // backfill remembers. Empty where nobody knows.
  std::span<const Offset> taken = {};
  // kMergedState: the event's person_record, decoded; it is used up.
  model::Person* merged = nullptr;
};

// An address that gets no mail from now on, whoever it belongs to: it bounced, or its owner
// complained. Unlike what the person's record remembers, this outlives their erasure.
struct SuppressedAddress {
  std::string_view address;  // as it was given
  model::SuppressionReason reason = model::SuppressionReason::kBounced;
  Timestamp since;  // logical
};

// An event of the product's own that follows for somebody, as a rule another person.
struct OwnEvent {
  model::Event event;  // points into the output's arena and into the event that led to it
  // kMergedState: what is to be the event's person_record.
  std::unique_ptr<model::Person> state;
};

struct StepOutput {
  std::vector<model::Action> actions;
  std::vector<model::Fact> facts;
  std::vector<SuppressedAddress> suppressed;  // in the order they arose; one may come again
  std::vector<OwnEvent> events;               // in the order they arose
  Arena arena;  // owns the facts' and addresses' details; scratch of evaluation

  void Clear();
};

// Applies one event. The caller has fired every timer of the person that is due before the event's
// logical time, and those due at it run later (journey-language 6.2).
void ApplyEvent(const Environment& environment, const EventInput& input, model::Person* person,
                StepOutput* output);

// Fires the next of the person's timers that is due at or before `until`, as one input; false where
// none is. Call until false. `person->next_deadline` tells what is due.
bool FireNextTimer(const Environment& environment, Timestamp until, model::Person* person,
                   StepOutput* output);

// Brings a person who was last judged by another bundle up to the current rules, silently: segment
// memberships, dates, moved or ended runs; `at` is the person's logical time for it. Actions never
// result; facts may (exits `removed`). Members who enter a new journey with `existing: enter` do so
// by a timer that is due at `at`; a journey is new to them if the first bundle that had it is newer
// than person->bundle.
void UpgradePerson(const Environment& environment, Timestamp at, model::Person* person,
                   StepOutput* output);

// The partition's share of a listed pool. The first call for a list looks at all of it.
PoolShare ShareOf(const language::CouponPool& pool, PartitionState* partition);

// Makes up what is taken from what earlier versions remembered: how many codes each partition had
// given out of those whose index in `bundle`'s list, modulo partition_count, is the partition.
// `counts` is by pool name. What another partition may have given counts as taken.
void AdoptCountedCoupons(const language::Bundle& bundle,
                         const std::map<std::string, uint32_t>& counts, PartitionState* partition);

// Recomputes person->next_deadline from everything that is due.
void RecomputeDeadline(model::Person* person);

}  // namespace sojourn::step
