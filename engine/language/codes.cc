#include "engine/language/codes.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "engine/expr/expr.h"
#include "engine/language/diagnostic.h"

namespace sojourn::language {
namespace {

struct Row {
  Code code;
  std::string_view title;
};

constexpr Row kRows[] = {
    {Code::kUnreadableFile, "a file cannot be read"},
    {Code::kFileTooLarge, "a file is too large"},
    {Code::kWrongFileName, "a file has a name that is not read"},
    {Code::kBadCharacters, "a file is not UTF-8 text"},
    {Code::kBadYaml, "a file is not valid YAML"},
    {Code::kEmptyFile, "a file is empty"},
    {Code::kSeveralDocuments, "a file holds more than one document"},
    {Code::kDuplicateKey, "a key stands twice"},
    {Code::kTag, "a YAML tag"},
    {Code::kNestedTooDeep, "nesting too deep"},
    {Code::kAliasesTooLarge, "aliases expand to too much"},
    {Code::kUnknownKind, "a file of no known kind"},
    {Code::kBadFrontMatter, "a template without front matter"},
    {Code::kBadLiquid, "a mistake in Liquid"},
    {Code::kLinkOutside, "a link out of the rules directory"},
    {Code::kBadAlias, "an alias without an anchor"},
    {Code::kBadKey, "a key that is no text"},
    {Code::kUnknownKey, "an unknown key"},
    {Code::kMissingKey, "a key is missing"},
    {Code::kWrongKindOfValue, "a value of the wrong kind"},
    {Code::kConflictingKeys, "keys that do not go together"},
    {Code::kNotAChoice, "a value that is not one of those allowed"},
    {Code::kBadNumber, "a number that is not allowed"},
    {Code::kBadDuration, "not a duration"},
    {Code::kBadTimeOfDay, "not a time of day"},
    {Code::kBadTimestamp, "not a timestamp"},
    {Code::kNotKebabCase, "a name that is not kebab-case"},
    {Code::kNotSnakeCase, "a name that is not snake_case"},
    {Code::kBadEventName, "not an event's name"},
    {Code::kBadDate, "not a date"},
    {Code::kUnknownTimeZone, "an unknown time zone"},
    {Code::kEmptyList, "an empty list"},
    {Code::kBadPercent, "not a percentage"},
    {Code::kUnknownType, "an unknown type"},
    {Code::kBadUrl, "a URL that is not allowed"},
    {Code::kDeclaredTwice, "a name is declared twice"},
    {Code::kUnknownEvent, "an unknown event"},
    {Code::kUnknownProperty, "an unknown property"},
    {Code::kUnknownTrait, "an unknown trait"},
    {Code::kUnknownSegment, "an unknown segment"},
    {Code::kUnknownTemplate, "an unknown template"},
    {Code::kUnknownPool, "an unknown coupon pool"},
    {Code::kUnknownTopic, "an unknown consent topic"},
    {Code::kUnknownSender, "an unknown sender"},
    {Code::kUnknownStep, "an unknown step"},
    {Code::kReservedName, "a reserved name"},
    {Code::kUnknownTemplateName, "an unknown name in a template"},
    {Code::kUnknownJourney, "an unknown journey"},
    {Code::kExitOnGoalWithoutGoal, "exit_on names a goal that does not exist"},
    {Code::kCapOnTransactional, "a cap on a transactional topic"},
    {Code::kWrongChannel, "a send with a template of another channel"},
    {Code::kPercentSum, "percents that do not add up to 100"},
    {Code::kRepeatWithoutWait, "a repeat that can run without waiting"},
    {Code::kDuplicateStep, "a step id or test name stands twice"},
    {Code::kTooManySteps, "too many steps"},
    {Code::kMoveNeedsIds, "a step where runs can rest needs an id"},
    {Code::kSegmentCycle, "segments that depend on each other"},
    {Code::kRunKeyType, "one_run_per of a type that is no key"},
    {Code::kWrongType, "a value of a type that does not fit"},
    {Code::kOtherwiseNotLast, "otherwise is not last"},
    {Code::kNotADate, "a trait that is no date"},
    {Code::kEmptyInterval, "an interval of no length"},
    {Code::kThenBesideAnyOf, "then beside any_of"},
    {Code::kBadCodes, "a coupon pool without usable codes"},
    {Code::kEmptyTemplate, "a template without content"},
    {Code::kBadMailbox, "no mail address"},
    {Code::kUnreachableStep, "a step that no run can reach"},
    {Code::kUnusedSegment, "a segment that nothing uses"},
    {Code::kUnusedTemplate, "a template that nothing sends"},
    {Code::kMailTwice, "two mails without a wait between them"},
    {Code::kGoalNeverMet, "a goal that can never be met"},
    {Code::kGoalWithoutExit, "sends that go on after the goal"},
    {Code::kEventAfterWait, "event after a wait_until"},
    {Code::kNotIndexed, "a where that is judged for every such event"},
    {Code::kNoTest, "a journey without a test"},
    {Code::kNoPostalAddress, "marketing mail without a postal address"},
    {Code::kNoCouponBefore, "a template reads a coupon that no step allots"},
    {Code::kSharedCode, "two coupon pools with the same code"},
};

}  // namespace

std::string CodeText(Code code) { return fmt::format("J{:03}", static_cast<int>(code)); }

const std::vector<DiagnosticKind>& DiagnosticTable() {
  static const std::vector<DiagnosticKind>* const table = [] {
    static std::vector<std::string> texts;
    for (const Row& row : kRows) texts.push_back(CodeText(row.code));
    auto* kinds = new std::vector<DiagnosticKind>();
    for (const expr::IssueKind& issue : expr::IssueTable()) {
      kinds->push_back({issue.code, issue.title});
    }
    for (size_t i = 0; i < std::size(kRows); ++i) kinds->push_back({texts[i], kRows[i].title});
    std::sort(kinds->begin(), kinds->end(),
              [](const DiagnosticKind& a, const DiagnosticKind& b) { return a.code < b.code; });
    return kinds;
  }();
  return *table;
}

}  // namespace sojourn::language
