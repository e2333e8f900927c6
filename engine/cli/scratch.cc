#include "engine/cli/scratch.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "engine/store/rocks_database.h"

namespace sojourn::cli {

Result<std::unique_ptr<Scratch>> Scratch::Make() {
  const std::string parent = std::filesystem::temp_directory_path().string();
  std::string path = parent + "/sojourn-simulate-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    return Unavailable(fmt::format("cannot make a directory in {}: {}; TMPDIR names another one",
                                   parent, std::strerror(errno)));
  }
  std::unique_ptr<Scratch> scratch(new Scratch());
  scratch->path_ = path;
  SOJOURN_ASSIGN_OR_RETURN(scratch->database_,
                           store::OpenRocksDatabase({.directory = path + "/people"}));
  return scratch;
}

Scratch::~Scratch() {
  database_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace sojourn::cli
