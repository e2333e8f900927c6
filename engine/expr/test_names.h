// A small shop's catalogue for the tests of this folder.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/expr/expr.h"

namespace sojourn::expr {

class TestNames : public Names {
 public:
  explicit TestNames(bool catalog = true) : catalog_(catalog) {}

  bool HasCatalog() const override { return catalog_; }
  bool HasEvent(std::string_view event) const override {
    return catalog_ && events_.count(std::string(event)) > 0;
  }
  std::optional<Type> EventProperty(std::string_view event,
                                    std::string_view property) const override {
    const auto found = events_.find(std::string(event));
    if (found == events_.end()) return std::nullopt;
    return Find(found->second, property);
  }
  std::optional<Type> Trait(std::string_view trait) const override { return Find(traits_, trait); }
  bool HasSegment(std::string_view segment) const override { return segment == "vip"; }
  bool HasConsentTopic(std::string_view topic) const override { return topic == "marketing"; }
  std::vector<std::string> EventNames() const override {
    std::vector<std::string> names;
    for (const auto& [name, properties] : events_) names.push_back(name);
    return names;
  }
  std::vector<std::string> PropertyNames(std::string_view event) const override {
    const auto found = events_.find(std::string(event));
    return found == events_.end() ? std::vector<std::string>() : Keys(found->second);
  }
  std::vector<std::string> TraitNames() const override { return Keys(traits_); }
  std::vector<std::string> SegmentNames() const override { return {"vip"}; }
  std::vector<std::string> ConsentTopicNames() const override { return {"marketing"}; }

 private:
  using Types = std::map<std::string, Type>;

  static std::optional<Type> Find(const Types& types, std::string_view name) {
    const auto found = types.find(std::string(name));
    return found == types.end() ? std::nullopt : std::optional(found->second);
  }
  static std::vector<std::string> Keys(const Types& types) {
    std::vector<std::string> keys;
    for (const auto& [name, type] : types) keys.push_back(name);
    return keys;
  }

  bool catalog_;
  std::map<std::string, Types> events_ = {
      {"Order Completed",
       {{"order_id", {TypeKind::kString}},
        {"total", {TypeKind::kDouble}},
        {"coupon", {TypeKind::kString, true}},
        {"items", {TypeKind::kList, true}},
        {"shipped_at", {TypeKind::kTimestamp, true}}}},
      {"Product Viewed", {{"price", {TypeKind::kDouble}}, {"order_id", {TypeKind::kInt}}}}};
  Types traits_ = {{"email", {TypeKind::kString}},
                   {"points", {TypeKind::kInt, true}},
                   {"birthday", {TypeKind::kDate, true}},
                   {"tier", {TypeKind::kString, true}}};
};

}  // namespace sojourn::expr
