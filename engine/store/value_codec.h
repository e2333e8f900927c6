// Values inside records. Inside the store only; FORMAT.md has the grammar.
//
// Threads: pure functions.
#pragma once

#include "engine/base/arena.h"
#include "engine/base/time.h"
#include "engine/model/value.h"
#include "engine/store/byte_codec.h"

namespace sojourn::store {

// Times are written as differences to `base`. False where the value is nested deeper than
// kMaxStoredNesting; what was written is then useless.
bool WriteValue(const model::Value& value, Timestamp base, ByteWriter* writer);

// Texts point into the reader's bytes, lists and maps live in `arena`.
model::Value ReadValue(ByteReader* reader, Timestamp base, Arena* arena);

}  // namespace sojourn::store
