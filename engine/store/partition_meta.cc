#include "engine/store/partition_meta.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "engine/base/check.h"
#include "engine/store/byte_codec.h"

namespace sojourn::store {
namespace {

// Bits of the flag byte. Part of the format (FORMAT.md).
constexpr uint8_t kImportOpen = 1;
constexpr uint8_t kTimersIncomplete = 2;
constexpr uint8_t kCodesWithoutRows = 4;  // since version 3
constexpr uint8_t kAllFlags = 7;

constexpr uint8_t kCountedVersion = 1;

// The fewest bytes of an item.
constexpr size_t kInputBytes = 3;
constexpr size_t kSweepBytes = 3;
constexpr size_t kNamedTextBytes = 2;
constexpr size_t kPoolUseBytes = 2;
constexpr size_t kMarkBytes = 1;
constexpr size_t kSourceBytes = 13;
constexpr size_t kHashBytes = 8;

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

void WriteSource(const model::CouponSource& source, ByteWriter* out) {
  out->Text(source.journey);
  out->Text(source.path);
  out->Varint(source.allotted);
  out->Varint(source.redeemed);
  out->Varint(source.expired);
  out->Fixed(std::bit_cast<uint64_t>(source.total), 8);
}

void WritePoolUses(const std::vector<PoolUse>& uses, ByteWriter* out) {
  out->Varint(uses.size());
  for (const PoolUse& use : uses) {
    out->Text(use.pool);
    out->Varint(use.taken);
    out->Varint(use.sources.size());
    for (const model::CouponSource& source : use.sources) WriteSource(source, out);
  }
}

void ReadPoolUses(ByteReader* in, std::vector<PoolUse>* uses) {
  uses->resize(in->Count(kPoolUseBytes));
  for (PoolUse& use : *uses) {
    use.pool = in->Text();
    use.taken = in->Varint();
    use.sources.resize(in->Count(kSourceBytes));
    for (model::CouponSource& source : use.sources) {
      source.journey = in->Text();
      source.path = in->Text();
      source.allotted = in->Varint();
      source.redeemed = in->Varint();
      source.expired = in->Varint();
      source.total = std::bit_cast<double>(in->Fixed(8));
    }
  }
}

// Version 2: the upper halves of the codes' hashes, each as the difference to the one before it.
// They become hashes whose lower half is 0, which stand for every code with that upper half.
void ReadMarkedPoolUses(ByteReader* in, PartitionMeta* meta) {
  meta->coupons.resize(in->Count(kPoolUseBytes));
  for (PoolUse& use : meta->coupons) {
    use.pool = in->Text();
    std::vector<uint64_t> codes(in->Count(kMarkBytes));
    uint64_t mark = 0;
    for (size_t i = 0; i < codes.size(); ++i) {
      const uint32_t difference = in->Varint32();
      mark += difference;
      if (mark > UINT32_MAX || (i > 0 && difference == 0)) in->Fail();
      codes[i] = mark << 32;
    }
    use.taken = codes.size();
    for (CodeChunk& chunk : ChunksOf(use.pool, codes, 0)) {
      meta->code_chunks.push_back(std::move(chunk));
    }
  }
  meta->codes_without_rows = !meta->code_chunks.empty();
}

void WriteCountedPoolUses(const std::vector<CountedPoolUse>& uses, ByteWriter* out) {
  out->Varint(uses.size());
  for (const CountedPoolUse& use : uses) {
    out->Text(use.pool);
    out->Varint(use.taken);
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

std::string EncodeCodes(const std::vector<uint64_t>& hashes) {
  std::string bytes;
  ByteWriter out(&bytes);
  for (const uint64_t hash : hashes) out.Fixed(hash, kHashBytes);
  out.Finish();
  return bytes;
}

Result<std::vector<uint64_t>> DecodeCodes(std::string_view bytes) {
  const size_t count = bytes.size() / kHashBytes;
  if (count == 0 || count > kCodesPerChunk || bytes.size() % kHashBytes != 0) {
    return DataLoss("a row of given coupon codes is damaged");
  }
  ByteReader in(bytes);
  std::vector<uint64_t> hashes(count);
  for (uint64_t& hash : hashes) hash = in.Fixed(kHashBytes);
  return hashes;
}

std::vector<CodeChunk> ChunksOf(const std::string& pool, std::span<const uint64_t> codes,
                                size_t from) {
  std::vector<CodeChunk> chunks;
  for (size_t index = from / kCodesPerChunk; index * kCodesPerChunk < codes.size(); ++index) {
    const size_t begin = index * kCodesPerChunk;
    const auto part = codes.subspan(begin, std::min(kCodesPerChunk, codes.size() - begin));
    chunks.push_back({pool, static_cast<uint32_t>(index), {part.begin(), part.end()}});
  }
  return chunks;
}

std::string EncodePartitionMeta(const PartitionMeta& meta) {
  SOJOURN_CHECK(!meta.counted_coupons || meta.coupons.empty());
  std::string bytes;
  ByteWriter out(&bytes);
  out.Byte(meta.counted_coupons ? kCountedVersion : kPartitionMetaVersion);
  out.Byte(static_cast<uint8_t>((meta.import_open ? kImportOpen : 0) |
                                (meta.timers_incomplete ? kTimersIncomplete : 0) |
                                (meta.codes_without_rows ? kCodesWithoutRows : 0)));
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
  if (meta.counted_coupons) {
    WriteCountedPoolUses(*meta.counted_coupons, &out);
  } else {
    WritePoolUses(meta.coupons, &out);
  }
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
  meta.codes_without_rows = (flags & kCodesWithoutRows) != 0;
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
  if (version == kCountedVersion) {
    ReadCountedPoolUses(&in, &meta.counted_coupons.emplace());
  } else if (version == 2) {
    ReadMarkedPoolUses(&in, &meta);
  } else {
    ReadPoolUses(&in, &meta.coupons);
  }
  ReadTexts(&in, &meta.key_fingerprints);
  ReadTexts(&in, &meta.identities);
  if (!in.ok() || !in.at_end()) return DataLoss("a partition's meta record is damaged");
  return meta;
}

}  // namespace sojourn::store
