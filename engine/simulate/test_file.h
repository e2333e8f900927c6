// Unit tests of journeys, as marketers write them (*.test.yaml, journey-language section 9).
//
// Threads: plain data, one owner; values live in the file's arena. Errors: mistakes in the text are
// Diagnostics with positions; a file with an error is not run.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/arena.h"
#include "engine/base/time.h"
#include "engine/language/bundle.h"
#include "engine/language/diagnostic.h"
#include "engine/model/value.h"

namespace sojourn::simulate {

// One entry of `history` or `events`.
struct TestEvent {
  Timestamp at;    // log time
  Timestamp time;  // the event's own
  std::string id;  // unique unless the file gives one
  bool identify = false;
  std::string name;
  model::Value properties;  // kMap; traits where `identify`
};

enum class ExpectationKind {
  kSendEmail,
  kSendSms,
  kSendPush,
  kWebhook,
  kCoupon,
  kEnter,
  kExit,
  kGoal,
  kSkipped,
  kTrait,
  kInSegment,
  kNotInSegment,
  kPath,
  kNothingMore,
};

// Whether it stands for an action, so that the list must be complete in them.
bool IsAction(ExpectationKind kind);
// "send_email", ...: the key that names it in the file.
std::string_view ExpectationKindName(ExpectationKind kind);

struct Expectation {
  ExpectationKind kind = ExpectationKind::kSendEmail;
  Timestamp at;
  std::string name;                                          // template, URL, pool, reason, ...
  std::vector<std::pair<std::string, model::Value>> values;  // kTrait; `data` of actions
  std::vector<std::pair<std::string, std::string>> paths;    // kPath: test, path
  std::string journey;                                       // empty: any
  std::optional<std::string> subject;
  std::optional<std::string> body_contains;
  std::optional<std::string> code_matches;
  language::SourcePosition position;
};

struct TestCase {
  std::string name;
  Timestamp start;
  std::string person_id;
  std::vector<std::pair<std::string, model::Value>> traits;
  std::vector<TestEvent> history;  // sorted by `at`
  std::vector<TestEvent> events;   // likewise
  std::map<std::string, std::string> forced_paths;
  bool forced_holdout = false;
  std::optional<Timestamp> until;  // inclusive
  std::vector<Expectation> expectations;
  bool partial = false;
  language::SourcePosition position;
};

struct TestFile {
  std::string path;
  std::vector<std::string> journeys;
  std::vector<TestCase> tests;
  Arena arena;
};

// Null where the text has an error; the diagnostics are appended. Names of journeys, templates,
// pools and segments are looked up in `bundle`.
std::unique_ptr<TestFile> ParseTestFile(const std::string& path, std::string_view text,
                                        const language::Bundle& bundle,
                                        std::vector<language::Diagnostic>* diagnostics);

}  // namespace sojourn::simulate
