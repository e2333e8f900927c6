// Keeps every person below kMaxPersonRecordBytes: a step whose result would exceed it is undone.
//
// To undo needs the person as they were. Large persons are therefore encoded before each step. The
// others outgrow the limit in one step only in the strangest of cases: then After(), or the
// encoding for the commit, finds out too late, and the whole interval is to be rolled back and made
// again with SetCareful(true), which encodes everybody before and after.
//
// Threads: one owner.
#pragma once

#include <string>

#include "engine/base/status.h"
#include "engine/model/person.h"

namespace sojourn::runtime {

class SizeGuard {
 public:
  void SetCareful(bool careful) { careful_ = careful; }

  // Call before a step. Afterwards: whether it can be refused.
  Status Before(model::Person* person);
  bool has_backup() const { return has_backup_; }

  enum class Verdict {
    kFits,
    kRefused,  // the person is again as they were at Before; what else the step did is not undone
    kRedo,     // too large, and nothing to go back to
  };
  // Call after the step.
  Result<Verdict> After(model::Person* person);

 private:
  bool careful_ = false;
  bool has_backup_ = false;
  std::string backup_;  // the encoded person; empty: not known
  std::string scratch_;
};

}  // namespace sojourn::runtime
