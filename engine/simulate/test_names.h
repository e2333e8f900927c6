// What is wrong with the names of a test file: those of journeys, templates, paths and the like,
// which nothing can have that is not in the rules. Internal to this folder.
//
// Threads: one owner. Everything that it is made with outlives it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/language/bundle.h"
#include "engine/language/source.h"
#include "engine/language/yaml.h"
#include "engine/simulate/test_file.h"

namespace sojourn::simulate {

class ExpectedNames {
 public:
  // `running`: the journeys of the file, which may still grow.
  ExpectedNames(const language::Bundle& bundle, const std::vector<std::string>& running,
                language::Reporter* reporter)
      : bundle_(bundle), running_(running), reporter_(reporter) {}

  void CheckJourney(const language::Node& name);
  // The key is TEST or JOURNEY.TEST; of several tests called TEST one must have the path.
  void CheckForced(const language::Node& key, const language::Node& path);
  void CheckHoldout(const language::Node& held_out);
  // `named` is the value of the key that tells the kind.
  void CheckExpectation(const language::Node& node, const language::Node& named,
                        const Expectation& expectation);

 private:
  void Error(language::Code code, const language::Node& node, std::string message,
             std::string hint = "");
  void CheckName(const language::Node& node, const std::vector<std::string>& known,
                 std::string_view noun, language::Code code);
  void CheckRunning(const language::Node& journey);
  void CheckTemplate(const language::Node& name, ExpectationKind kind);
  void CheckUrl(const language::Node& url);
  void CheckReason(const language::Node& reason, const std::vector<std::string>& known);
  void CheckPattern(const language::Node& pattern);
  std::vector<std::string> ExitReasons() const;

  const language::Bundle& bundle_;
  const std::vector<std::string>& running_;
  language::Reporter* const reporter_;
};

}  // namespace sojourn::simulate
