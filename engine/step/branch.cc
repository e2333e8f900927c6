// Steps that choose the way: if and choose, A/B tests, repeats, exits.
#include <algorithm>

#include "engine/step/bucket.h"
#include "engine/step/walk.h"

namespace sojourn::step {
namespace {

using language::AbPath;
using language::AbTestStep;

const AbPath* FindPath(const AbTestStep& test, std::string_view name) {
  for (const AbPath& path : test.paths) {
    if (path.name == name) return &path;
  }
  return nullptr;
}

// The path that a test file forces; nullptr where it leaves the choice to the bucket.
const AbPath* ForcedPath(const Walk& walk, const AbTestStep& test) {
  const Overrides* overrides = walk.session.environment.overrides;
  if (overrides == nullptr) return nullptr;
  for (const std::string& key : {walk.journey->name + "." + test.test, test.test}) {
    const auto forced = overrides->paths.find(key);
    if (forced != overrides->paths.end()) return FindPath(test, forced->second);
  }
  return nullptr;
}

const AbPath* ChoosePath(const Walk& walk, const AbTestStep& test) {
  if (const AbPath* forced = ForcedPath(walk, test)) return forced;
  const int bucket =
      Bucket(BucketKind::kAbTest, walk.journey->name, test.test, walk.session.person.id);
  for (const AbPath& path : test.paths) {
    if (bucket < path.end_bucket) return &path;
  }
  return nullptr;
}

void RememberPath(Walk& walk, std::string_view test, std::string_view path) {
  Arena* arena = &walk.session.person.arena;
  for (model::PathTaken& taken : walk.run.paths) {
    if (taken.test == test) {
      taken.path = arena->Copy(path);
      return;
    }
  }
  walk.run.paths.Append(arena, {arena->Copy(test), arena->Copy(path)});
}

}  // namespace

Move Pass(Walk& walk, const language::BranchStep& branch) {
  const expr::Activation activation = walk.Activate();
  for (const language::BranchCase& branch_case : branch.cases) {
    if (walk.session.Judge(branch_case.when, walk.Here(), activation)) {
      return Move::To(branch_case.then);
    }
  }
  return Move::To(branch.otherwise);
}

Move Pass(Walk& walk, const AbTestStep& test) {
  const AbPath* path = ChoosePath(walk, test);
  if (path == nullptr) return Move::To(walk.step->next);
  RememberPath(walk, test.test, path->name);
  model::Fact& fact = walk.session.Note(model::FactKind::kPathTaken, walk.Here());
  fact.name = test.test;
  fact.reason = path->name;
  return Move::To(path->then);
}

// Run::passes holds one number for each repeat that the run is inside of. Arriving from outside,
// this repeat's is missing; arriving from the body's end, it is the last.
Move Pass(Walk& walk, const language::RepeatStep& repeat) {
  auto& passes = walk.run.passes;
  while (passes.size() < repeat.depth) passes.Append(&walk.session.person.arena, 1);
  while (passes.size() > repeat.depth + 1) passes.Erase(passes.size() - 1);
  const int passed = passes.size() > repeat.depth ? passes[repeat.depth] : 0;
  bool again = passed < repeat.times;
  if (again) again = walk.session.Judge(repeat.while_true, walk.Here(), walk.Activate());
  if (passed > 0) passes.Erase(passes.size() - 1);
  if (!again) return Move::To(walk.step->next);
  passes.Append(&walk.session.person.arena, static_cast<uint16_t>(passed + 1));
  return Move::To(repeat.body);
}

Move Pass(Walk&, const language::ExitStep& exit) { return Move::End(exit.reason); }

}  // namespace sojourn::step
