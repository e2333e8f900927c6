// Feeds files to a fuzz target: fuzz_TARGET FILE...
//
// Says how many it has fed; a file that shows a mistake ends the process, after its name was told.
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "tests/fuzz/target.h"

int main(int count, char** arguments) {
  for (int i = 1; i < count; ++i) {
    std::cerr << arguments[i] << std::endl;
    std::ifstream file(arguments[i], std::ios::binary);
    if (!file) {
      std::cerr << "cannot be read" << std::endl;
      return 1;
    }
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  }
  std::cout << count - 1 << " inputs" << std::endl;
  return 0;
}
