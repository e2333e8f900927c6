// Every named limit of the product, in one place. Each has a test at its edge.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/base/time.h"

namespace sojourn {

// Identity and events.
inline constexpr size_t kMaxPersonIdBytes = 256;
inline constexpr size_t kMaxEventIdBytes = 256;
inline constexpr size_t kMaxEventNameBytes = 400;  // 100 characters of up to 4 bytes
inline constexpr size_t kMaxEventNameCharacters = 100;
inline constexpr size_t kMaxEventBytes = 256 * 1024;
inline constexpr size_t kMaxOwnEventBytes = 1024 * 1024;  // of those that merges lead to
inline constexpr int kMaxEventNesting = 32;
inline constexpr int kMaxStoredNesting = 128;  // lists and maps in a person's record

// One person.
inline constexpr size_t kMaxPersonRecordBytes = 512 * 1024;
inline constexpr size_t kMaxActiveRunsPerPerson = 64;
inline constexpr size_t kMaxEndedRunsPerPerson = 64;  // kept for goals after the end
inline constexpr size_t kMaxRecentEventIds = 64;      // for dropping repetitions
inline constexpr Duration kRecentEventIdAge = Hours(24);
inline constexpr size_t kMaxBouncedAddresses = 64;    // the newest
inline constexpr size_t kMaxPlannedEntries = 64;      // entries by hand still to come
inline constexpr size_t kMaxRunKeysPerJourney = 256;  // remembered for reentry
inline constexpr size_t kMaxHeldCoupons = 32;         // the newest, for their redemption
inline constexpr size_t kMaxRedeemedPerEvent = 8;     // codes looked at in one order
inline constexpr size_t kMaxMergedIds = 256;          // that one person asks to merge
inline constexpr uint32_t kMaxRedirects = 8;          // of one event, from id to id
inline constexpr size_t kMaxCounterSamples = 1000;    // per windowed counter
inline constexpr int64_t kMaxEverCount = 1'000'000;
inline constexpr Duration kMaxBackfillAge = Days(7);  // of what was begun and not ended

// One input.
inline constexpr int kMaxStepsPerWalk = 256;
inline constexpr size_t kMaxQueuedPerInput = 256;
inline constexpr int kMaxQueueDepth = 8;

// Rules.
inline constexpr size_t kMaxStepsPerJourney = 1000;
inline constexpr int kMaxRepeatTimes = 100;
inline constexpr size_t kMaxRuleFileBytes = 1024 * 1024;
inline constexpr size_t kMaxTakenCodes = 4'000'000;  // remembered by a partition, of all its pools
inline constexpr size_t kMaxCouponSources = 1000;    // journeys and paths counted apart, of a pool
inline constexpr size_t kMaxCouponCodeBytes = 255;
inline constexpr size_t kMaxCouponFileBytes = 64 * 1024 * 1024;
inline constexpr size_t kMaxAliasExpansionBytes = 1024 * 1024;
inline constexpr size_t kMaxDiagnostics = 1000;
inline constexpr size_t kMaxShownLineBytes = 1000;  // of a line below a diagnostic
inline constexpr int kMaxYamlNesting = 64;
inline constexpr size_t kMaxExpressionBytes = 16 * 1024;
inline constexpr int kMaxExpressionNesting = 64;
inline constexpr size_t kMaxExpressionPatterns = 32;         // constant ones of matches()
inline constexpr int64_t kMaxPatternBytes = 1024 * 1024;     // one pattern of matches(), compiled
inline constexpr int64_t kMaxExpressionLoopSteps = 100'000;  // of all loops in one evaluation
inline constexpr int64_t kMaxExpressionWork =
    64 * 1024 * 1024;                                   // of one evaluation, see expr/work.h
inline constexpr int64_t kMaxConstantWork = 64 * 1024;  // of a constant computed while compiling
inline constexpr size_t kMaxExpressionTextBytes = 1024 * 1024;  // a text made by an expression
inline constexpr int kMaxFormatPrecision = 100;                 // digits of "%.Nf".format()
inline constexpr Duration kMaxDuration = Days(3653);            // 10 years
inline constexpr int kBuckets = 10'000;

// Liquid: parsing, then one rendering.
inline constexpr size_t kMaxLiquidBytes = 1024 * 1024;
inline constexpr int kMaxLiquidNesting = 64;        // of tags; of brackets in a value
inline constexpr size_t kMaxLiquidPartials = 1000;  // placed in one template, also by partials
inline constexpr int kMaxLiquidPartialDepth = 16;
inline constexpr uint64_t kMaxLiquidSteps = 1'000'000;  // nodes, rounds of loops, list items
inline constexpr size_t kMaxLiquidOutputBytes = 4 * 1024 * 1024;
inline constexpr size_t kMaxLiquidStringBytes = 4 * 1024 * 1024;  // a text made by a filter
inline constexpr size_t kMaxLiquidWorkBytes = 64 * 1024 * 1024;   // read or made by filters

// Clock.
inline constexpr Duration kMaxLogTimeAhead = Seconds(5);
inline constexpr Duration kDefaultWatermarkSlack = Milliseconds(200);

}  // namespace sojourn
