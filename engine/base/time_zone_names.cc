#include "engine/base/time_zone_names.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace sojourn {

std::vector<std::string> TimeZoneNames() {
  const char* directory = std::getenv("TZDIR");
  std::ifstream table(std::string(directory == nullptr ? "/usr/share/zoneinfo" : directory) +
                      "/zone.tab");
  std::vector<std::string> names = {"UTC"};
  // Country, coordinates, name, comment, with tabs between them.
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::string country;
    std::string coordinates;
    std::string name;
    if (fields >> country >> coordinates >> name && country[0] != '#') names.push_back(name);
  }
  return names;
}

}  // namespace sojourn
