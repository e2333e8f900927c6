#include "engine/language/load_context.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/duration_text.h"
#include "engine/base/hash.h"
#include "engine/base/suggest.h"

namespace sojourn::language {
namespace {

// In a list of conditions that all must hold, has() of one of them guards the others.
bool IsGuardedByList(const expr::Issue& issue, const Node& node, const Node* list) {
  if (list == nullptr || issue.severity != expr::Severity::kWarning) return false;
  const std::string guard =
      fmt::format("has({})", node.text.substr(issue.begin, issue.end - issue.begin));
  return std::any_of(list->items.begin(), list->items.end(),
                     [&](const Node* item) { return item->text == guard; });
}

void ReportIssues(const Node& node, const Node* list, const std::vector<expr::Issue>& issues,
                  LoadContext* context) {
  for (const expr::Issue& issue : issues) {
    if (IsGuardedByList(issue, node, list)) continue;
    const Severity severity =
        issue.severity == expr::Severity::kError ? Severity::kError : Severity::kWarning;
    context->reporter->Add(severity, issue.code, *node.file, node.RangeOf(issue.begin, issue.end),
                           issue.message, issue.hint);
  }
}

// `list`: the conditions that must hold together with this one; null for none.
ProgramPointer CompileBeside(const Node* node, const expr::Scope& scope, expr::TypeKind want,
                             LoadContext* context, const Node* list) {
  if (node == nullptr || node->broken || !node->is_scalar()) return nullptr;
  expr::CompileResult result =
      expr::Compile(node->text, scope, *context->catalog, want, &context->bundle->counters);
  ReportIssues(*node, list, result.issues, context);
  if (result.program != nullptr) {
    for (const std::string& segment : result.program->segments()) {
      context->used_segments.insert(segment);
    }
  }
  return result.program;
}

}  // namespace

ProgramPointer CompileExpression(const Node* node, const expr::Scope& scope, expr::TypeKind want,
                                 LoadContext* context) {
  return CompileBeside(node, scope, want, context, nullptr);
}

Conditions CompileConditions(const Node* node, const expr::Scope& scope, LoadContext* context) {
  Conditions conditions;
  if (node == nullptr) return conditions;
  const auto add = [&](const Node* item) {
    ProgramPointer program = CompileBeside(item, scope, expr::TypeKind::kBool, context, node);
    if (program != nullptr) conditions.push_back(std::move(program));
  };
  if (node->is_scalar()) add(node);
  for (const Node* item : node->items) add(item);
  return conditions;
}

expr::Scope SegmentScope() {
  expr::Scope scope;
  scope.now_only_compared = true;
  return scope;
}

bool KnowsEvent(const Node* node, LoadContext* context) {
  if (node == nullptr || context->catalog->HasEvent(node->text)) return true;
  context->reporter->Error(Code::kUnknownEvent, *node->file, node->range,
                           fmt::format("no catalogue has the event \"{}\"", node->text),
                           DidYouMean(node->text, context->catalog->EventNames()));
  return false;
}

bool KnowsSegment(const Node* node, LoadContext* context) {
  if (node == nullptr) return true;
  context->used_segments.insert(node->text);
  if (context->catalog->HasSegment(node->text)) return true;
  context->reporter->Error(Code::kUnknownSegment, *node->file, node->range,
                           fmt::format("there is no segment \"{}\"", node->text),
                           DidYouMean(node->text, context->catalog->SegmentNames()));
  return false;
}

bool KnowsTopic(const Node* node, LoadContext* context) {
  if (node == nullptr || context->company_unreadable) return true;
  if (context->catalog->HasConsentTopic(node->text)) return true;
  std::string hint = DidYouMean(node->text, context->catalog->ConsentTopicNames());
  if (hint.empty()) hint = "topics are listed in company.yaml";
  context->reporter->Error(Code::kUnknownTopic, *node->file, node->range,
                           fmt::format("there is no consent topic \"{}\"", node->text),
                           std::move(hint));
  return false;
}

bool IsMisspelt(const Node& mapping, std::string_view key) {
  const std::vector<std::string> meant = {std::string(key)};
  return mapping.FindKey(key) == nullptr &&
         std::any_of(mapping.entries.begin(), mapping.entries.end(), [&](const Node::Entry& entry) {
           return !NearestName(entry.key->text, meant).empty();
         });
}

std::string TextAt(const Node& node, std::string_view key) {
  const Node* value = node.Find(key);
  return value == nullptr ? "" : value->text;
}

std::optional<Duration> DurationAt(const Node& node, std::string_view key) {
  const Node* value = node.Find(key);
  if (value == nullptr) return std::nullopt;
  return ParseDuration(value->text, DurationStyle::kLong);
}

TimeOfDay TimeOfDayAt(const Node& node, std::string_view key) {
  return ParseTimeOfDay(TextAt(node, key)).value_or(TimeOfDay{});
}

std::optional<QuietHours> QuietHoursFrom(const Node& node, LoadContext* context) {
  if (!node.is_mapping()) return std::nullopt;
  const Node* to = node.Find("to");
  if (to == nullptr || node.Find("from") == nullptr) return std::nullopt;
  QuietHours hours;
  hours.from = TimeOfDayAt(node, "from");
  hours.to = TimeOfDayAt(node, "to");
  if (TextAt(node, "then") == "skip") hours.then = QuietThen::kSkip;
  if (hours.from == hours.to) {
    context->reporter->Error(Code::kEmptyInterval, *to->file, to->range,
                             fmt::format("quiet hours from {} to {} end when they begin",
                                         TextAt(node, "from"), to->text),
                             "leave quiet_hours out, or write none in a journey");
  }
  return hours;
}

std::string RevisionOf(std::string_view content) {
  const Sha256Digest digest = Sha256(content);
  return Hex(digest.data(), 8);
}

}  // namespace sojourn::language
