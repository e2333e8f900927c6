// What a fuzz target is: a function over any bytes, which ends the process where something is
// wrong.
//
// libFuzzer calls it in the preset `fuzz`, replay.cc in the others. Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);
