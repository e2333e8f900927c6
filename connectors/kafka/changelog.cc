#include "connectors/kafka/changelog.h"

#include <fmt/format.h>

#include <random>

namespace sojourn::kafka {

std::string NewIncarnation() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

}  // namespace sojourn::kafka
