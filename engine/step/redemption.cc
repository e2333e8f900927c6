#include "engine/step/redemption.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <tuple>

#include "engine/base/limits.h"
#include "engine/model/coupon_bytes.h"

namespace sojourn::step {
namespace {

using model::HeldCoupon;
using model::Value;
using model::ValueKind;

// "TEST.PATH, TEST.PATH"
std::string PathText(const model::Run& run) {
  std::string text;
  for (const model::PathTaken& taken : run.paths) {
    if (!text.empty()) text += ", ";
    text.append(taken.test).append(".").append(taken.path);
  }
  return text;
}

size_t CountedBytes(const PartitionState& partition) {
  size_t bytes = 0;
  for (const auto& [pool, use] : partition.pools) bytes += model::MostBytes(pool, use.sources);
  return bytes;
}

// By journey and path; what exceeds the limits is counted under no name.
model::CouponSource& SourceOf(PartitionState* partition, std::string_view pool,
                              const model::CouponSource& name) {
  PoolUse* const use = FindOrAddPool(partition, pool);
  if (use == nullptr) return SourceOf(partition, kOtherPools, {});
  auto& sources = use->sources;
  const auto at =
      std::ranges::lower_bound(sources, std::tie(name.journey, name.path), std::less(),
                               [](const auto& it) { return std::tie(it.journey, it.path); });
  if (at != sources.end() && at->journey == name.journey && at->path == name.path) return *at;
  const bool is_rest = name.journey.empty();
  const bool fits = sources.size() < kMaxCouponSources &&
                    CountedBytes(*partition) + model::MostBytes(name) <= kMaxCouponUseBytes;
  if (!is_rest && !fits) return SourceOf(partition, pool, {});
  return *sources.insert(at, name);
}

std::string_view Trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// As shops compare codes: without regard to case.
bool IsSameCode(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// The newest with this code that is not redeemed yet, else the newest with it.
HeldCoupon* FindHeld(model::Person* person, std::string_view code) {
  HeldCoupon* found = nullptr;
  for (HeldCoupon& held : person->coupons) {
    if (!IsSameCode(held.code, code)) continue;
    const bool is_open = held.redeemed_at == Timestamp::Max();
    if (found == nullptr || is_open || found->redeemed_at != Timestamp::Max()) found = &held;
  }
  return found;
}

double NumberOf(const Value* value) {
  if (value == nullptr) return 0;
  if (value->kind() == ValueKind::kInt) return static_cast<double>(value->int_value());
  const double number = value->kind() == ValueKind::kDouble ? value->double_value() : 0;
  return std::isfinite(number) ? number : 0;
}

model::Fact& NoteRedeemed(Session& session, std::string_view outcome, std::string_view code) {
  model::Fact& fact = session.Note(model::FactKind::kCouponRedeemed);
  fact.reason = outcome;
  fact.detail = session.output.arena.Copy(code.substr(0, kMaxCouponCodeBytes));
  return fact;
}

struct Redemption {
  const HeldCoupon* held = nullptr;
  const Value* order_id = nullptr;  // null: none
  const Value* total = nullptr;
  bool expired = false;
  bool again = false;
};

void EnqueueRedeemed(Session& session, const Redemption& redemption) {
  constexpr size_t kMaxProperties = 9;
  const HeldCoupon& held = *redemption.held;
  Arena* arena = &session.output.arena;
  auto* entries = arena->AllocateArray<model::MapEntry>(kMaxProperties);
  uint32_t count = 0;
  const auto add = [&](std::string_view name, const Value& value) {
    entries[count++] = {Value::String(name), value};
  };
  const auto add_text = [&](std::string_view name, std::string_view text) {
    if (!text.empty()) add(name, Value::String(arena->Copy(text)));
  };
  add("again", Value::Bool(redemption.again));
  add_text("code", held.code);
  add("expired", Value::Bool(redemption.expired));
  add_text("journey", held.journey);
  if (redemption.order_id != nullptr) add("order_id", model::DeepCopy(*redemption.order_id, arena));
  add_text("path", held.path);
  add_text("pool", held.pool);
  add_text("step", held.step);
  if (redemption.total != nullptr) add("total", Value::Double(NumberOf(redemption.total)));
  Item made;
  made.has_event = true;
  made.event = {model::kCouponRedeemed, {}, session.now, Value::Map(entries, count)};
  made.cause = session.item->cause;
  session.Enqueue(std::move(made));
}

void Redeem(Session& session, const expr::EventView& event, std::string_view code) {
  HeldCoupon* held = FindHeld(&session.person, Trimmed(code));
  if (held == nullptr) {
    NoteRedeemed(session, "unknown", Trimmed(code));
    return;
  }
  const language::CouponRedemption& names = session.rules.current().company.coupon_redemption;
  const Redemption redemption{held, event.properties.Find(names.order_id),
                              event.properties.Find(names.total), session.now >= held->expires_at,
                              held->redeemed_at != Timestamp::Max()};
  const std::string_view outcome = redemption.again     ? "again"
                                   : redemption.expired ? "expired"
                                                        : "redeemed";
  if (!redemption.again) {
    held->redeemed_at = session.now;
    model::CouponSource& source = SourceOf(session.environment.partition, held->pool,
                                           {std::string(held->journey), std::string(held->path)});
    ++(redemption.expired ? source.expired : source.redeemed);
    if (!redemption.expired) source.total += NumberOf(redemption.total);
  }
  model::Fact& fact = NoteRedeemed(session, outcome, held->code);
  Arena* arena = &session.output.arena;
  fact.name = arena->Copy(held->pool);
  fact.journey = arena->Copy(held->journey);
  fact.step = arena->Copy(held->step);
  EnqueueRedeemed(session, redemption);
}

}  // namespace

PoolUse* FindOrAddPool(PartitionState* partition, std::string_view pool) {
  auto& pools = partition->pools;
  const auto found = pools.find(pool);
  if (found != pools.end()) return &found->second;
  const size_t bytes = CountedBytes(*partition) + model::MostBytes(pool, {});
  if (pool != kOtherPools && bytes > kMaxCouponUseBytes) return nullptr;
  return &pools[std::string(pool)];
}

void RememberCoupon(Walk& walk) {
  model::Person& person = walk.session.person;
  Arena* arena = &person.arena;
  const std::string path = PathText(walk.run);
  ++SourceOf(walk.session.environment.partition, walk.run.coupon_pool, {walk.journey->name, path})
        .allotted;
  if (person.coupons.size() >= kMaxHeldCoupons) person.coupons.EraseFront(1);
  HeldCoupon held;
  held.pool = walk.run.coupon_pool;
  held.code = walk.run.coupon_code;
  held.journey = arena->Copy(walk.journey->name);
  held.step = arena->Copy(walk.step->id);
  held.path = arena->Copy(path);
  held.allotted_at = walk.session.now;
  held.expires_at = walk.run.coupon_expires_at;
  person.coupons.Append(arena, held);
}

void RedeemCoupons(Session& session, const expr::EventView& event) {
  const language::CouponRedemption& names = session.rules.current().company.coupon_redemption;
  if (event.name != names.event) return;
  const Value* codes = event.properties.Find(names.property);
  if (codes == nullptr) return;
  if (codes->kind() == ValueKind::kString) {
    if (!Trimmed(codes->text()).empty()) Redeem(session, event, codes->text());
    return;
  }
  if (codes->kind() != ValueKind::kList) return;
  const auto count = std::min<size_t>(codes->size(), kMaxRedeemedPerEvent);
  for (uint32_t i = 0; i < count; ++i) {
    const Value& code = codes->items()[i];
    if (code.kind() == ValueKind::kString) Redeem(session, event, code.text());
  }
}

}  // namespace sojourn::step
