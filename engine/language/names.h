// What the catalogue, the company and the segments declare, as expressions ask for it.
//
// Threads: immutable once filled. Built-in events (Identify, Email Opened, ...) need no entry.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/expr/expr.h"

namespace sojourn::language {

class Catalog : public expr::Names {
 public:
  using Properties = std::map<std::string, expr::Type, std::less<>>;

  Catalog();

  // Filling. The first declaration of a name stays; false where there already was one.
  void DeclareCatalog() { has_catalog_ = true; }
  bool AddEvent(const std::string& event, Properties properties);
  // The event may have any property: what a catalogue says of them cannot be read.
  void OpenEvent(const std::string& event) { events_[event].open = true; }
  bool AddTrait(const std::string& trait, expr::Type type);
  void AddSegment(const std::string& segment) { segments_.insert(segment); }
  void AddConsentTopic(const std::string& topic) { topics_.insert(topic); }
  // Some catalogue file could not be read, so nothing can be called unknown.
  void ForgetCatalog() { unreadable_ = true; }

  bool HasCatalog() const override { return has_catalog_ && !unreadable_; }
  bool HasEvent(std::string_view event) const override;
  // For an event that is not known at all, and where there is no catalogue, everything is dynamic:
  // the event's own name is where that mistake is reported.
  std::optional<expr::Type> EventProperty(std::string_view event,
                                          std::string_view property) const override;
  std::optional<expr::Type> Trait(std::string_view trait) const override;
  bool HasSegment(std::string_view segment) const override;
  bool HasConsentTopic(std::string_view topic) const override;
  std::vector<std::string> EventNames() const override;
  std::vector<std::string> PropertyNames(std::string_view event) const override;
  std::vector<std::string> TraitNames() const override;
  std::vector<std::string> SegmentNames() const override;
  std::vector<std::string> ConsentTopicNames() const override;

  // "id", "first_seen_at", ...: what `person` has besides traits.
  static bool IsPersonBuiltIn(std::string_view name);
  static bool IsBuiltInEvent(std::string_view event);

 private:
  struct Event {
    Properties properties;
    bool open = false;      // may have any further property
    bool declared = false;  // by a catalogue
  };

  bool has_catalog_ = false;
  bool unreadable_ = false;
  std::map<std::string, Event, std::less<>> events_;
  std::map<std::string, expr::Type, std::less<>> traits_;
  std::set<std::string, std::less<>> segments_;
  std::set<std::string, std::less<>> topics_;
};

}  // namespace sojourn::language
