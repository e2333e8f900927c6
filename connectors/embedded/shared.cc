#include "connectors/embedded/shared.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace sojourn::embedded {

Status Shared::CheckRoom() const {
  SOJOURN_ASSIGN_OR_RETURN(const uint64_t free_bytes, directory->FreeBytes());
  // What stands in memory is going to be written to table files, too.
  const uint64_t in_memory_bytes = database->Sizes().write_buffer_bytes;
  const uint64_t needed_bytes =
      options.min_free_bytes + std::min(in_memory_bytes, UINT64_MAX - options.min_free_bytes);
  if (free_bytes >= needed_bytes) return Status::Ok();
  return ResourceExhausted(fmt::format(
      "the disk of the data directory {} is nearly full: it has {} MiB left and no events are "
      "taken below {} MiB; make room there, and it goes on by itself",
      options.directory, free_bytes >> 20, needed_bytes >> 20));
}

}  // namespace sojourn::embedded
