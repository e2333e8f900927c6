// A database for a while: what simulations keep of people.
//
// Threads: as of store::Database. Gone with the object, or found below the temporary directory as
// sojourn-simulate-* where the process was killed.
#pragma once

#include <memory>
#include <string>

#include "engine/base/status.h"
#include "engine/store/database.h"

namespace sojourn::cli {

class Scratch {
 public:
  static Result<std::unique_ptr<Scratch>> Make();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  store::Database* database() { return database_.get(); }

 private:
  Scratch() = default;

  std::string path_;
  std::unique_ptr<store::Database> database_;
};

}  // namespace sojourn::cli
