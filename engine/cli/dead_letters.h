// Dead letters between commands and the process that owns a data directory, and for people.
//
// Threads: any. Errors: kDataLoss for bytes that are no letters.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/runtime/ports.h"

namespace sojourn::cli {

std::string EncodeLetters(std::span<const runtime::DeadLetter> letters);
Result<std::vector<runtime::DeadLetter>> DecodeLetters(std::string_view bytes);

// One JSON object; bytes that are no UTF-8 are replaced.
std::string LetterToJson(const runtime::DeadLetter& letter);

}  // namespace sojourn::cli
