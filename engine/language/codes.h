// The codes of this module's diagnostics; their titles stand in codes.cc. A code once released
// keeps its number and meaning.
#pragma once

#include <cstdint>
#include <string>

namespace sojourn::language {

enum class Code : uint16_t {
  // Files and YAML.
  kUnreadableFile = 1,
  kFileTooLarge = 2,
  kWrongFileName = 3,
  kBadCharacters = 4,
  kBadYaml = 5,
  kEmptyFile = 6,
  kSeveralDocuments = 7,
  kDuplicateKey = 8,
  kTag = 9,
  kNestedTooDeep = 10,
  kAliasesTooLarge = 11,
  kUnknownKind = 12,
  kBadFrontMatter = 13,
  kBadLiquid = 14,
  kLinkOutside = 15,
  kBadAlias = 16,
  kBadKey = 17,
  // Shape: keys and values.
  kUnknownKey = 20,
  kMissingKey = 21,
  kWrongKindOfValue = 22,
  kConflictingKeys = 23,
  kNotAChoice = 24,
  kBadNumber = 25,
  kBadDuration = 26,
  kBadTimeOfDay = 27,
  kBadTimestamp = 28,
  kNotKebabCase = 29,
  kNotSnakeCase = 30,
  kBadEventName = 31,
  kBadDate = 32,
  kUnknownTimeZone = 33,
  kEmptyList = 34,
  kBadPercent = 35,
  kUnknownType = 36,
  kBadUrl = 37,
  // Names.
  kDeclaredTwice = 40,
  kUnknownEvent = 41,
  kUnknownProperty = 42,
  kUnknownTrait = 43,
  kUnknownSegment = 44,
  kUnknownTemplate = 45,
  kUnknownPool = 46,
  kUnknownTopic = 47,
  kUnknownSender = 48,
  kUnknownStep = 49,
  kReservedName = 50,
  kUnknownTemplateName = 51,
  kUnknownJourney = 52,  // in test files
  // Meaning.
  kExitOnGoalWithoutGoal = 60,
  kCapOnTransactional = 61,
  kWrongChannel = 62,
  kPercentSum = 63,
  kRepeatWithoutWait = 64,
  kDuplicateStep = 65,
  kTooManySteps = 66,
  kMoveNeedsIds = 67,
  kSegmentCycle = 68,
  kRunKeyType = 69,
  kWrongType = 70,
  kOtherwiseNotLast = 71,
  kNotADate = 72,
  kEmptyInterval = 73,
  kThenBesideAnyOf = 75,
  kBadCodes = 76,
  kEmptyTemplate = 77,
  kBadMailbox = 78,
  // Warnings.
  kUnreachableStep = 101,
  kUnusedSegment = 102,
  kUnusedTemplate = 103,
  kMailTwice = 104,
  kGoalNeverMet = 105,
  kGoalWithoutExit = 106,
  kEventAfterWait = 107,
  kNotIndexed = 108,
  kNoTest = 109,
  kNoPostalAddress = 110,
  kNoCouponBefore = 111,
  kSharedCode = 112,
};

// "J012".
std::string CodeText(Code code);

}  // namespace sojourn::language
