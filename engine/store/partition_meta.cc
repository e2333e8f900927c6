#include "engine/store/partition_meta.h"

#include <fmt/format.h>

#include "engine/base/check.h"
#include "engine/store/byte_codec.h"

namespace sojourn::store {
namespace {

// Bits of the flag byte. Part of the format (FORMAT.md).
constexpr uint8_t kImportOpen = 1;
constexpr uint8_t kTimersIncomplete = 2;
constexpr uint8_t kAllFlags = 3;

// The fewest bytes of an item.
constexpr size_t kInputBytes = 3;
constexpr size_t kSweepBytes = 3;
constexpr size_t kNamedTextBytes = 2;
constexpr size_t kPoolUseBytes = 2;
constexpr size_t kMarkBytes = 1;

void WriteTexts(const std::vector<NamedText>& texts, ByteWriter* out) {
  out->Varint(texts.size());
  for (const NamedText& text : texts) {
    out->Text(text.name);
    out->Text(text.value);
  }
}

void ReadTexts(ByteReader* in, std::vector<NamedText>* texts) {
  texts->resize(in->Count(kNamedTextBytes));
  for (NamedText& text : *texts) {
    text.name = in->Text();
    text.value = in->Text();
  }
}

Timestamp ReadTime(ByteReader* in) { return Timestamp(in->Signed()); }

Partition ReadPartition(ByteReader* in) {
  const int64_t number = in->Signed();
  if (number < INT32_MIN || number > INT32_MAX) in->Fail();
  return Partition(in->ok() ? static_cast<int32_t>(number) : 0);
}

void ReadInputs(ByteReader* in, std::vector<InputPosition>* inputs) {
  inputs->resize(in->Count(kInputBytes));
  for (InputPosition& input : *inputs) {
    input.topic = in->Text();
    input.partition = ReadPartition(in);
    input.next_offset = Offset(in->Signed());
  }
}

void ReadSweeps(ByteReader* in, std::vector<SweepCursor>* sweeps) {
  sweeps->resize(in->Count(kSweepBytes));
  for (SweepCursor& sweep : *sweeps) {
    sweep.name = in->Text();
    sweep.occurrence = ReadTime(in);
    sweep.after_person = in->Text();
  }
}

// Marks stand as the differences from one to the next.
void WritePoolUses(const std::vector<PoolUse>& uses, ByteWriter* out) {
  out->Varint(uses.size());
  for (const PoolUse& use : uses) {
    out->Text(use.pool);
    out->Varint(use.taken.size());
    uint32_t previous = 0;
    for (const uint32_t mark : use.taken) {
      out->Varint(mark - previous);
      previous = mark;
    }
  }
}

void ReadPoolUses(ByteReader* in, std::vector<PoolUse>* uses) {
  uses->resize(in->Count(kPoolUseBytes));
  for (PoolUse& use : *uses) {
    use.pool = in->Text();
    use.taken.resize(in->Count(kMarkBytes));
    uint64_t mark = 0;
    for (size_t i = 0; i < use.taken.size(); ++i) {
      const uint32_t difference = in->Varint32();
      mark += difference;
      if (mark > UINT32_MAX || (i > 0 && difference == 0)) in->Fail();
      use.taken[i] = static_cast<uint32_t>(mark);
    }
  }
}

void ReadCountedPoolUses(ByteReader* in, std::vector<CountedPoolUse>* uses) {
  uses->resize(in->Count(kPoolUseBytes));
  for (CountedPoolUse& use : *uses) {
    use.pool = in->Text();
    use.taken = in->Varint32();
  }
}

}  // namespace

std::string EncodePartitionMeta(const PartitionMeta& meta) {
  SOJOURN_CHECK(!meta.counted_coupons);
  std::string bytes;
  ByteWriter out(&bytes);
  out.Byte(kPartitionMetaVersion);
  out.Byte(static_cast<uint8_t>((meta.import_open ? kImportOpen : 0) |
                                (meta.timers_incomplete ? kTimersIncomplete : 0)));
  out.Fixed(meta.bundle, 4);
  out.Signed(meta.clock.milliseconds());
  out.Signed(meta.watermark.milliseconds());
  out.Signed(meta.written_at.milliseconds());
  out.Signed(meta.changelog_next_offset.value());
  out.Varint(meta.persons);
  out.Signed(meta.timer_cursor.time.milliseconds());
  out.Text(meta.timer_cursor.person);
  out.Varint(meta.inputs.size());
  for (const InputPosition& input : meta.inputs) {
    out.Text(input.topic);
    out.Signed(input.partition.value());
    out.Signed(input.next_offset.value());
  }
  out.Varint(meta.sweeps.size());
  for (const SweepCursor& sweep : meta.sweeps) {
    out.Text(sweep.name);
    out.Signed(sweep.occurrence.milliseconds());
    out.Text(sweep.after_person);
  }
  WritePoolUses(meta.coupons_taken, &out);
  WriteTexts(meta.key_fingerprints, &out);
  WriteTexts(meta.identities, &out);
  out.Finish();
  return bytes;
}

Result<PartitionMeta> DecodePartitionMeta(std::string_view bytes) {
  ByteReader in(bytes);
  const uint8_t version = in.Byte();
  if (version > kPartitionMetaVersion) {
    return FailedPrecondition(fmt::format(
        "a partition's meta record has version {}, this binary knows up to {}; use a newer sojourn",
        version, kPartitionMetaVersion));
  }
  const uint8_t flags = in.Byte();
  if (version == 0 || (flags & ~kAllFlags) != 0) in.Fail();
  PartitionMeta meta;
  meta.import_open = (flags & kImportOpen) != 0;
  meta.timers_incomplete = (flags & kTimersIncomplete) != 0;
  meta.bundle = static_cast<uint32_t>(in.Fixed(4));
  meta.clock = ReadTime(&in);
  meta.watermark = ReadTime(&in);
  meta.written_at = ReadTime(&in);
  meta.changelog_next_offset = Offset(in.Signed());
  meta.persons = in.Varint();
  meta.timer_cursor.time = ReadTime(&in);
  meta.timer_cursor.person = in.Text();
  ReadInputs(&in, &meta.inputs);
  ReadSweeps(&in, &meta.sweeps);
  if (version == 1) {
    ReadCountedPoolUses(&in, &meta.counted_coupons.emplace());
  } else {
    ReadPoolUses(&in, &meta.coupons_taken);
  }
  ReadTexts(&in, &meta.key_fingerprints);
  ReadTexts(&in, &meta.identities);
  if (!in.ok() || !in.at_end()) return DataLoss("a partition's meta record is damaged");
  return meta;
}

}  // namespace sojourn::store
