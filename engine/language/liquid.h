// Finds what a Liquid text reads, and the mistakes in its tags. Rendering is a deliverer's work.
//
// Pure function; any bytes are fine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sojourn::language {

struct LiquidRead {
  std::string path;    // "person.first_name"; a root alone where the whole of it is used
  uint32_t begin = 0;  // bytes of the text
  uint32_t end = 0;
};

struct LiquidIssue {
  uint32_t begin = 0;
  uint32_t end = 0;
  std::string message;
  std::string hint;
};

struct LiquidScan {
  std::vector<LiquidRead> reads;  // in the order of the text; names assigned in it left out
  std::vector<LiquidIssue> issues;
};

LiquidScan ScanLiquid(std::string_view text);

}  // namespace sojourn::language
