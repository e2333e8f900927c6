#include "engine/store/person_record.h"

#include <cstdlib>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/base/hash.h"
#include "engine/base/limits.h"

namespace sojourn::store {
namespace {

using model::Person;
using model::Value;

// ---- a text of everything in a person, to compare by ----

std::string Text(const Value& value) {
  return fmt::format("{}:{}", model::KindName(value.kind()), DebugString(value));
}

std::string Text(const model::EventSnapshot& event) {
  return fmt::format("[{} {} {} {} {}]", event.name, event.id, event.segment,
                     event.time.milliseconds(), Text(event.properties));
}

std::string Text(const model::Counter& c) {
  std::string text =
      fmt::format("counter {} {} {} {} {} {} {} {} {}", c.id, c.count, c.first_time.milliseconds(),
                  c.last_time.milliseconds(), Text(c.first_value), Text(c.last_value), Text(c.sum),
                  Text(c.minimum), Text(c.maximum));
  for (const auto& s : c.samples) {
    text += fmt::format(" ({} {})", s.time.milliseconds(), Text(s.value));
  }
  return text + "\n";
}

std::string Text(const model::Run& r) {
  std::string text =
      fmt::format("run {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}", r.journey, r.revision,
                  Text(r.run_key), r.entry, r.position, static_cast<int>(r.rest), r.goal_reached,
                  r.event_is_trigger, r.entered_at.milliseconds(), r.deadline.milliseconds(),
                  r.flip_at.milliseconds(), Text(r.trigger), Text(r.event), r.coupon_pool,
                  r.coupon_code, r.coupon_expires_at.milliseconds());
  for (const auto& taken : r.paths) text += fmt::format(" {}={}", taken.test, taken.path);
  for (const auto pass : r.passes) text += fmt::format(" {}", pass);
  return text + "\n";
}

std::string Text(const model::JourneyMemory& j) {
  std::string text = fmt::format("journey {} {}", j.journey, j.entries);
  for (const auto& e : j.last_entries) {
    text += fmt::format(" ({} {})", e.key_hash, e.entered_at.milliseconds());
  }
  return text + "\n";
}

std::string Text(const Person& p) {
  std::string text =
      fmt::format("{} {} {} {} {} {} {}\n", p.known, p.bundle, p.clock.milliseconds(),
                  p.first_seen_at.milliseconds(), p.last_seen_at.milliseconds(),
                  p.next_deadline.milliseconds(), p.complained);
  for (const auto& t : p.traits) text += fmt::format("trait {} {}\n", t.name, Text(t.value));
  for (const auto& c : p.consent) text += fmt::format("consent {} {}\n", c.topic, c.opted_in);
  for (const auto& r : p.recent_ids) {
    text += fmt::format("recent {} {}\n", r.hash, r.time.milliseconds());
  }
  for (const auto& c : p.counters) text += Text(c);
  for (const auto& b : p.backfills) {
    text += fmt::format("backfill {} {}", b.begun.milliseconds(), Text(b.since));
    for (const Offset offset : b.taken) text += fmt::format("taken {}\n", offset.value());
  }
  for (const auto& m : p.memberships) {
    text += fmt::format("segment {} {} {}\n", m.segment, m.member, m.flip_at.milliseconds());
  }
  for (const auto& r : p.runs) text += Text(r);
  for (const auto& r : p.ended_runs) {
    text += fmt::format("ended {} {} {} {} {} {} {} {} {}", r.journey, r.revision, Text(r.run_key),
                        r.entry, r.entered_at.milliseconds(), Text(r.trigger), r.coupon_pool,
                        r.coupon_code, r.coupon_expires_at.milliseconds());
    for (const auto& taken : r.paths) text += fmt::format(" {}={}", taken.test, taken.path);
    text += "\n";
  }
  for (const auto& j : p.journeys) text += Text(j);
  for (const auto& s : p.sent) text += fmt::format("sent {} {}\n", s.time.milliseconds(), s.topic);
  for (const auto& b : p.bounced) text += fmt::format("bounced {}\n", b);
  for (const auto& e : p.planned_entries) {
    text += fmt::format("entry {} {} {}\n", e.journey, e.at.milliseconds(), e.segment);
  }
  for (const auto& d : p.planned_dates) {
    text += fmt::format("date {} {} {} {}\n", d.journey, d.trigger, d.at.milliseconds(),
                        d.last_judged.milliseconds());
  }
  return text;
}

// ---- persons of all shapes ----

class PersonMaker {
 public:
  PersonMaker(uint64_t seed, Person* person) : random_(seed), person_(person) {}

  void Make() {
    Person& p = *person_;
    p.known = Chance(90);
    p.complained = Chance(10);
    p.bundle = static_cast<uint32_t>(random_());
    p.clock = Time();
    p.first_seen_at = Time();
    p.last_seen_at = Time();
    p.next_deadline = Time();
    Fill(&p.traits, [this](model::Trait* t) { *t = {Word(), AnyValue(0)}; });
    Fill(&p.consent, [this](model::ConsentChoice* c) { *c = {Word(), Chance(50)}; });
    Fill(&p.recent_ids, [this](model::RecentEventId* r) { *r = {random_(), Time()}; });
    Fill(&p.counters, [this](model::Counter* c) { MakeCounter(c); });
    Fill(&p.backfills, [this](model::CounterBackfill* b) {
      b->begun = Time();
      MakeCounter(&b->since);
      Fill(&b->taken, [this](Offset* offset) { *offset = Offset(Small()); });
    });
    Fill(&p.memberships, [this](model::Membership* m) { *m = {random_(), Chance(50), Time()}; });
    Fill(&p.runs, [this](model::Run* r) { MakeRun(r); });
    Fill(&p.ended_runs, [this](model::EndedRun* r) {
      *r = {random_(), random_(), AnyValue(0), Small(), Time(), Snapshot(), {}, {}, Time(), {}};
      if (Chance(50)) r->coupon_pool = Word();
      if (Chance(50)) r->coupon_code = Word();
      if (Chance(50)) r->coupon_expires_at = Timestamp::Max();
      Fill(&r->paths, [this](model::PathTaken* taken) { *taken = {Word(), Word()}; });
    });
    Fill(&p.journeys, [this](model::JourneyMemory* j) {
      j->journey = random_();
      j->entries = Small();
      const bool keyed = Chance(50);
      Fill(&j->last_entries, [&](model::RunKeyEntry* e) { *e = {keyed ? random_() : 0, Time()}; });
    });
    Fill(&p.sent, [this](model::SentMark* s) { *s = {Time(), Word()}; });
    Fill(&p.bounced, [this](std::string_view* b) { *b = Word(); });
    Fill(&p.planned_entries, [this](model::PlannedEntry* e) {
      *e = {random_(), Time(), Chance(50) ? random_() : 0};
    });
    Fill(&p.planned_dates, [this](model::PlannedDate* d) {
      *d = {random_(), Small(), Time(), Time()};
    });
  }

 private:
  bool Chance(int percent) { return static_cast<int>(random_() % 100) < percent; }
  uint32_t Small() { return static_cast<uint32_t>(random_() >> (32 + random_() % 32)); }

  Timestamp Time() {
    switch (random_() % 8) {
      case 0:
        return Timestamp::Max();
      case 1:
        return Timestamp::Min();
      case 2:
        return Timestamp();
      case 3:
        return Timestamp(static_cast<int64_t>(random_()));
      default:
        return Timestamp(1'770'000'000'000 + static_cast<int64_t>(random_() % 9'000'000'000));
    }
  }

  std::string_view Word() {
    std::string word(random_() % (Chance(5) ? 300 : 12), ' ');
    for (char& c : word) c = static_cast<char>(random_());
    return person_->arena.Copy(word);
  }

  template <typename Item, typename Make>
  void Fill(ArenaVector<Item>* items, Make make) {
    const uint64_t count = Chance(50) ? 0 : random_() % 6;
    for (uint64_t i = 0; i < count; ++i) {
      Item item;
      make(&item);
      items->Append(&person_->arena, item);
    }
  }

  double Double() {
    switch (random_() % 6) {
      case 0:
        return -0.0;
      case 1:
        return std::numeric_limits<double>::infinity();
      case 2:
        return 0.1 + 0.2;
      case 3:
        return std::bit_cast<double>(random_() & ~(uint64_t{1} << 52));
      default:
        return static_cast<double>(random_() % 100000) / 100;
    }
  }

  Value AnyValue(int depth) {
    const auto nanoseconds = static_cast<int32_t>(random_() % 1'000'000'000);
    switch (random_() % (depth < 3 ? 15 : 11)) {
      case 0:
        return Value::Null();
      case 1:
        return Value::Bool(Chance(50));
      case 2:
        return Value::Int(static_cast<int64_t>(random_()));
      case 3:
        return Value::Uint(random_());
      case 4:
        return Value::Double(Double());
      case 5:
        return Value::String(Word());
      case 6:
        return Value::Bytes(Word());
      case 7:
        return Value::Time(Time());
      case 8:
        return Value::PreciseTimestamp({static_cast<int64_t>(random_() >> 20), nanoseconds});
      case 9:
        return Value::PreciseSpan({static_cast<int64_t>(random_() >> 20), nanoseconds});
      case 10:
        return Chance(50) ? Value::Type(Word()) : Value::Error(Word());
      case 11:
        return Value::Optional(nullptr);
      case 12: {
        Value* item = person_->arena.AllocateArray<Value>(1);
        *item = AnyValue(depth + 1);
        return Value::Optional(item);
      }
      case 13: {
        const auto count = static_cast<uint32_t>(random_() % 4);
        Value* items = person_->arena.AllocateArray<Value>(count);
        for (uint32_t i = 0; i < count; ++i) items[i] = AnyValue(depth + 1);
        return Value::List(items, count);
      }
      default: {
        const auto count = static_cast<uint32_t>(random_() % 4);
        auto* entries = person_->arena.AllocateArray<model::MapEntry>(count);
        for (uint32_t i = 0; i < count; ++i) entries[i] = {AnyValue(3), AnyValue(depth + 1)};
        return Value::Map(entries, count);
      }
    }
  }

  model::EventSnapshot Snapshot() { return {Word(), Word(), Word(), Time(), AnyValue(0)}; }

  void MakeCounter(model::Counter* c) {
    c->id = random_();
    if (Chance(50)) c->count = static_cast<int64_t>(random_());
    if (Chance(50)) c->first_time = Time();
    if (Chance(50)) c->last_time = Time();
    if (Chance(30)) c->first_value = AnyValue(0);
    if (Chance(30)) c->last_value = AnyValue(0);
    if (Chance(30)) c->sum = AnyValue(0);
    if (Chance(30)) c->minimum = AnyValue(0);
    if (Chance(30)) c->maximum = AnyValue(0);
    const bool with_values = Chance(50);
    Fill(&c->samples, [&](model::Sample* s) {
      *s = {Time(), with_values ? AnyValue(0) : Value::Null()};
    });
  }

  void MakeRun(model::Run* r) {
    r->journey = random_();
    r->revision = random_();
    r->run_key = AnyValue(0);
    r->entry = Small();
    r->position = Small();
    r->rest = static_cast<model::RestKind>(random_() % 5);
    r->goal_reached = Chance(50);
    r->event_is_trigger = Chance(50);
    r->entered_at = Time();
    r->deadline = Time();
    r->flip_at = Time();
    r->trigger = Snapshot();
    if (Chance(50)) r->event = Snapshot();
    if (Chance(50)) {
      r->coupon_pool = Word();
      r->coupon_code = Word();
      r->coupon_expires_at = Time();
    }
    Fill(&r->paths, [this](model::PathTaken* p) { *p = {Word(), Word()}; });
    Fill(&r->passes, [this](uint16_t* p) { *p = static_cast<uint16_t>(random_()); });
  }

  std::mt19937_64 random_;
  Person* const person_;
};

std::string Encoded(const Person& person) {
  std::string bytes;
  const Status status = EncodePerson(person, &bytes);
  EXPECT_TRUE(status.ok()) << status.message();
  return bytes;
}

// ---- tests ----

TEST(PersonRecordTest, WhatIsEncodedComesBack) {
  Person decoded;  // reused throughout
  std::string bytes;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    Person person;
    PersonMaker(seed, &person).Make();
    ASSERT_TRUE(EncodePerson(person, &bytes).ok());
    std::string borrowed = bytes;
    const Status status = DecodePerson(borrowed, &decoded);
    borrowed.assign(borrowed.size(), '\xee');  // decoded must not look at it any more
    ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << status.message();
    ASSERT_EQ(Text(decoded), Text(person)) << "seed " << seed;
    EXPECT_EQ(Encoded(decoded), bytes) << "seed " << seed;
  }
}

TEST(PersonRecordTest, HeaderIsReadWithoutDecoding) {
  Person person;
  person.bundle = 0xfedcba98;
  person.clock = Timestamp(1'772'000'000'123);
  person.next_deadline = Timestamp(-5);
  const std::string bytes = Encoded(person);
  ASSERT_TRUE(CheckPersonRecord(bytes).ok());
  EXPECT_EQ(RecordBundle(bytes), 0xfedcba98u);
  EXPECT_EQ(RecordClock(bytes), person.clock);
  EXPECT_EQ(RecordNextDeadline(bytes), person.next_deadline);
}

TEST(PersonRecordTest, NewPersonComesBack) {
  Person person;
  Person decoded;
  ASSERT_TRUE(DecodePerson(Encoded(person), &decoded).ok());
  EXPECT_EQ(Text(decoded), Text(person));
}

TEST(PersonRecordTest, DecodingKeepsTheIdAndForgetsTheRest) {
  Person rich;
  PersonMaker(7, &rich).Make();
  Person person;
  person.id = "u1";
  ASSERT_TRUE(DecodePerson(Encoded(rich), &person).ok());
  ASSERT_TRUE(DecodePerson(Encoded(Person()), &person).ok());
  EXPECT_EQ(person.id, "u1");
  EXPECT_EQ(Text(person), Text(Person()));
}

TEST(PersonRecordTest, EveryCutIsRefused) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    Person person;
    PersonMaker(seed, &person).Make();
    const std::string bytes = Encoded(person);
    Person decoded;
    int whole = 0;  // a cut between two sections leaves a shorter record that is whole
    for (size_t size = 0; size < bytes.size(); ++size) {
      const std::string cut(bytes, 0, size);
      const Status status = DecodePerson(cut, &decoded);
      if (status.ok()) {
        ++whole;
      } else {
        EXPECT_EQ(status.code(), StatusCode::kDataLoss);
        EXPECT_EQ(Text(decoded), Text(Person()));
      }
    }
    EXPECT_LE(whole, 12);
  }
}

TEST(PersonRecordTest, AnyBytesAreSafe) {
  std::mt19937_64 random(42);
  Person decoded;
  int refused = 0;
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    Person person;
    PersonMaker(seed, &person).Make();
    std::string bytes = Encoded(person);
    const uint64_t flips = 1 + random() % 4;
    for (uint64_t i = 0; i < flips; ++i) {
      bytes[kPersonRecordHeaderBytes + random() % (bytes.size() - kPersonRecordHeaderBytes)] =
          static_cast<char>(random());
    }
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    const Status status = DecodePerson(bytes, &decoded);
    if (!status.ok()) {
      ++refused;
      EXPECT_EQ(status.code(), StatusCode::kDataLoss);
    } else {
      Text(decoded);  // every view is whole
    }
    EXPECT_LE(decoded.arena.reserved_bytes(), 1024 * 1024u);
  }
  EXPECT_GT(refused, 400);
  for (int i = 0; i < 4000; ++i) {
    std::string bytes(random() % 200, ' ');
    for (char& c : bytes) c = static_cast<char>(random());
    if (!bytes.empty()) bytes[0] = kPersonRecordVersion;
    if (bytes.size() > 1) bytes[1] = 1;
    (void)DecodePerson(bytes, &decoded);
    Text(decoded);
  }
}

std::string HeaderAnd(std::string_view rest) {
  return Encoded(Person()).substr(0, kPersonRecordHeaderBytes) + std::string(rest);
}

TEST(PersonRecordTest, HugeCountsAllocateNothing) {
  const std::string huge = "\xff\xff\xff\xff\x0f";
  for (char section = 1; section <= 17; ++section) {
    Person decoded;
    EXPECT_EQ(DecodePerson(HeaderAnd(section + huge), &decoded).code(), StatusCode::kDataLoss);
    EXPECT_LE(decoded.arena.reserved_bytes(), 1024u);
  }
}

TEST(PersonRecordTest, NestedCountsDoNotMultiply) {
  // One trait "": a list that claims nearly all bytes that are left, in it another, and so on.
  std::string nested("\x01\x01\x00", 3);
  for (int depth = 0; depth < 100; ++depth) nested += "\x0c\xb0\xea\x01";  // 30,000 items
  Person decoded;
  EXPECT_EQ(DecodePerson(HeaderAnd(nested + std::string(40'000, '\0')), &decoded).code(),
            StatusCode::kDataLoss);
  EXPECT_LE(decoded.arena.reserved_bytes(), 2 * 1024 * 1024u);
}

TEST(PersonRecordTest, SectionsMustRise) {
  const std::string bounced("\x0a\x01\x00", 3);
  const std::string consent("\x02\x01\x00\x01", 4);
  Person decoded;
  EXPECT_TRUE(DecodePerson(HeaderAnd(consent + bounced), &decoded).ok());
  EXPECT_FALSE(DecodePerson(HeaderAnd(bounced + consent), &decoded).ok());
  EXPECT_FALSE(DecodePerson(HeaderAnd(bounced + bounced), &decoded).ok());
  EXPECT_FALSE(DecodePerson(HeaderAnd("\x0e\x01"), &decoded).ok());
}

TEST(PersonRecordTest, NewerVersionIsNamed) {
  std::string bytes = Encoded(Person());
  bytes[0] = kPersonRecordVersion + 1;
  Person decoded;
  const Status status = DecodePerson(bytes, &decoded);
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(),
            "a person's record has version 8, this binary knows up to 7; use a newer sojourn");
}

TEST(PersonRecordTest, MergedIdsAndRedirectsAreKept) {
  Person person;
  person.known = true;
  person.merged_ids.Append(&person.arena, "a:x");
  person.merged_ids.Append(&person.arena, "old");
  Person decoded;
  ASSERT_TRUE(DecodePerson(Encoded(person), &decoded).ok());
  ASSERT_EQ(decoded.merged_ids.size(), 2u);
  EXPECT_EQ(decoded.merged_ids[1], "old");
  EXPECT_EQ(decoded.moved_to, "");
  Person moved;
  moved.known = true;
  moved.moved_to = "ana";
  ASSERT_TRUE(DecodePerson(Encoded(moved), &decoded).ok());
  EXPECT_EQ(decoded.moved_to, "ana");
}

TEST(PersonRecordTest, CouponsAreKept) {
  Person person;
  person.known = true;
  person.clock = Timestamp(1'772'442'000'000);
  person.coupons.Append(&person.arena, {"p", "SPRING-1", "j", "code", "", person.clock});
  person.coupons.Append(&person.arena,
                        {"q", "SPRING-2", "j", "code", "offer.mail, subject.short", person.clock,
                         person.clock + Days(2), person.clock + Hours(5)});
  Person decoded;
  ASSERT_TRUE(DecodePerson(Encoded(person), &decoded).ok());
  ASSERT_EQ(decoded.coupons.size(), 2u);
  EXPECT_EQ(decoded.coupons[0].code, "SPRING-1");
  EXPECT_EQ(decoded.coupons[0].path, "");
  EXPECT_EQ(decoded.coupons[0].expires_at, Timestamp::Max());
  EXPECT_EQ(decoded.coupons[0].redeemed_at, Timestamp::Max());
  const model::HeldCoupon& second = decoded.coupons[1];
  EXPECT_EQ(second.pool, "q");
  EXPECT_EQ(second.journey, "j");
  EXPECT_EQ(second.step, "code");
  EXPECT_EQ(second.path, "offer.mail, subject.short");
  EXPECT_EQ(second.allotted_at, person.clock);
  EXPECT_EQ(second.expires_at, person.clock + Days(2));
  EXPECT_EQ(second.redeemed_at, person.clock + Hours(5));
}

TEST(PersonRecordTest, OlderVersionsAreRead) {
  Person person;
  person.id = "u1";
  person.known = true;
  person.first_seen_at = person.last_seen_at = Timestamp(5);
  person.ended_runs.Append(&person.arena, model::EndedRun());
  std::string bytes = Encoded(person);
  bytes[0] = 1;  // nothing in it is newer
  Person decoded;
  ASSERT_TRUE(DecodePerson(bytes, &decoded).ok());
  EXPECT_EQ(Text(decoded), Text(person));
}

TEST(PersonRecordTest, BackfillsOfVersion4HaveNoOffsets) {
  Person person;
  person.known = true;
  person.backfills.Append(&person.arena, model::CounterBackfill());
  std::string bytes = Encoded(person);
  bytes[0] = 4;
  ASSERT_EQ(bytes.back(), '\0');  // how many offsets
  bytes.pop_back();
  Person decoded;
  ASSERT_TRUE(DecodePerson(bytes, &decoded).ok());
  EXPECT_EQ(Text(decoded), Text(person));
}

TEST(PersonRecordTest, NeverSeenIsNotTheStartOf1970) {
  for (const Timestamp seen : {Timestamp::Min(), Timestamp()}) {
    Person person;
    person.known = true;
    person.clock = Timestamp(1'772'442'000'000);
    person.first_seen_at = person.last_seen_at = seen;
    std::string bytes = Encoded(person);
    Person decoded;
    ASSERT_TRUE(DecodePerson(bytes, &decoded).ok());
    EXPECT_EQ(decoded.first_seen_at, seen);
    EXPECT_EQ(decoded.last_seen_at, seen);
    bytes[0] = 2;  // where the start of 1970 meant it
    ASSERT_TRUE(DecodePerson(bytes, &decoded).ok());
    EXPECT_EQ(decoded.first_seen_at, Timestamp::Min());
    EXPECT_EQ(decoded.last_seen_at, Timestamp::Min());
  }
}

TEST(PersonRecordTest, ResultsBelongToAnEndedRun) {
  Person person;
  model::EndedRun ended;
  ended.coupon_code = "X";
  person.ended_runs.Append(&person.arena, ended);
  std::string bytes = Encoded(person);
  Person decoded;
  ASSERT_TRUE(DecodePerson(bytes, &decoded).ok());
  EXPECT_EQ(decoded.ended_runs[0].coupon_code, "X");
  const size_t index = bytes.rfind(std::string("\x0d\x01\x00", 3)) + 2;
  bytes[index] = 1;
  EXPECT_EQ(DecodePerson(bytes, &decoded).code(), StatusCode::kDataLoss);
}

TEST(PersonRecordTest, NestingHasALimit) {
  Person person;
  Value value = Value::Int(1);
  for (int depth = 0; depth < kMaxStoredNesting; ++depth) {
    Value* item = person.arena.AllocateArray<Value>(1);
    *item = value;
    value = Value::List(item, 1);
  }
  person.traits.Append(&person.arena, {"deep", value});
  Person decoded;
  ASSERT_TRUE(DecodePerson(Encoded(person), &decoded).ok());
  EXPECT_TRUE(Identical(decoded.traits[0].value, value));
  person.traits[0].value = Value::List(&value, 1);
  std::string bytes;
  EXPECT_EQ(EncodePerson(person, &bytes).code(), StatusCode::kResourceExhausted);
}

// A person of workload W1 with five events behind them; with a cart in flight on demand.
void MakeShopper(bool with_run, Person* p) {
  Arena* arena = &p->arena;
  const Timestamp now(1'772'442'000'123);
  p->known = true;
  p->bundle = 1;
  p->clock = now;
  p->first_seen_at = now - Hours(19);
  p->last_seen_at = now;
  p->next_deadline = now + Hours(2);
  for (int i = 0; i < 5; ++i) {
    p->recent_ids.Append(arena, {StableHash64(std::to_string(i)), now - Hours(16 - 4 * i)});
  }
  model::Counter viewed;
  viewed.id = StableHash64("Product Viewed");
  for (int i = 0; i < 3; ++i) viewed.samples.Append(arena, {now - Hours(16 - 4 * i), Value()});
  model::Counter ordered;
  ordered.id = StableHash64("Order Completed");
  ordered.last_time = now - Hours(4);
  ordered.samples.Append(arena, {now - Hours(4), Value()});
  p->counters.Append(arena, viewed);
  p->counters.Append(arena, ordered);
  p->memberships.Append(arena, {StableHash64("lapsed"), false, now + Days(90)});
  if (!with_run) return;
  auto* properties = arena->AllocateArray<model::MapEntry>(2);
  properties[0] = {Value::String("order_id"), Value::String("o00012345")};
  properties[1] = {Value::String("value"), Value::Double(49.99)};
  model::Run run;
  run.journey = StableHash64("abandoned-cart");
  run.revision = StableHash64("revision");
  run.run_key = Value::String("o00012345");
  run.entry = 1;
  run.position = 1;
  run.entered_at = now;
  run.deadline = now + Hours(2);
  run.trigger = {"Checkout Started", "e000000012345", "", now, Value::Map(properties, 2)};
  p->runs.Append(arena, run);
  model::JourneyMemory cart;
  cart.journey = StableHash64("abandoned-cart");
  cart.entries = 1;
  p->journeys.Append(arena, cart);
}

// The budget of W1 is 250 bytes a person on average; at most every second has a cart in flight.
TEST(PersonRecordTest, ShoppersAreSmall) {
  Person quiet;
  Person busy;
  MakeShopper(false, &quiet);
  MakeShopper(true, &busy);
  EXPECT_LE(Encoded(quiet).size(), 160u);
  EXPECT_LE(Encoded(busy).size(), 270u);
  EXPECT_LE((Encoded(quiet).size() + Encoded(busy).size()) / 2, 250u);
}

// ---- FORMAT.md ----

std::string FormatDocument() {
  const char* const root = std::getenv("SOJOURN_SOURCE_DIR");
  std::ifstream file(std::string(root == nullptr ? "." : root) + "/engine/store/FORMAT.md");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The bytes of the worked example: in the block that begins with ```record, the hexadecimal pairs
// before each "|".
std::string BytesOfExample(const std::string& document) {
  std::string bytes;
  std::istringstream lines(document.substr(document.find("```record\n") + 10));
  for (std::string line; std::getline(lines, line) && line != "```";) {
    std::istringstream pairs(line.substr(0, line.find('|')));
    for (std::string pair; pairs >> pair;) {
      bytes.push_back(static_cast<char>(std::stoi(pair, nullptr, 16)));
    }
  }
  return bytes;
}

TEST(PersonRecordTest, WorkedExampleOfTheDocumentIsTrue) {
  const std::string document = FormatDocument();
  ASSERT_NE(document.find("```record\n"), std::string::npos);
  Person person;
  person.known = true;
  person.bundle = 3;
  person.clock = Timestamp(1'772'442'000'000);  // 2026-03-02T09:00:00Z
  person.first_seen_at = person.clock - Seconds(60);
  person.last_seen_at = person.clock;
  person.next_deadline = person.clock + Hours(2);
  person.SetTrait("tier", Value::String("gold"));
  person.recent_ids.Append(&person.arena, {0x0123456789abcdef, person.clock});
  model::Counter counter;
  counter.id = 0x1122334455667788;
  counter.count = 3;
  counter.sum = Value::Double(120.5);
  person.counters.Append(&person.arena, counter);
  EXPECT_EQ(Hex(BytesOfExample(document)), Hex(Encoded(person)));
}

}  // namespace
}  // namespace sojourn::store
