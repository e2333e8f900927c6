// The databases of one process, one per partition, each lent to one worker at a time.
//
// A partition may come to one worker while another has not yet heard that it lost it; the second
// waits until the first has let go.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/store/database.h"

namespace sojourn::kafka {

class StateDatabases {
 public:
  using Opener = std::function<Result<std::unique_ptr<store::Database>>(Partition)>;
  using Destroyer = std::function<Status(Partition)>;

  // `open` makes a database where there is none; `destroy` deletes what it made.
  StateDatabases(Opener open, Destroyer destroy);

  // Lives until Release or Wipe. `borrower` is any address that is the worker's own; a second
  // Acquire of the same borrower gives the same database. kUnavailable: another one has it still.
  // Otherwise the opener's errors.
  Result<store::Database*> Acquire(Partition partition, const void* borrower);
  // A new, empty database in place of the one that `borrower` has or could not open.
  Result<store::Database*> Wipe(Partition partition, const void* borrower);
  // Closes the database. Harmless where `borrower` does not have it.
  void Release(Partition partition, const void* borrower);

 private:
  struct Loan {
    const void* borrower = nullptr;
    std::unique_ptr<store::Database> database;
  };
  Result<store::Database*> OpenLocked(Partition partition, const void* borrower);

  const Opener open_;
  const Destroyer destroy_;
  std::mutex mutex_;
  std::map<Partition, Loan> loans_;  // guarded by mutex_
};

}  // namespace sojourn::kafka
