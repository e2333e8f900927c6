#include "engine/simulate/test_entry.h"

#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/base/suggest.h"

namespace sojourn::simulate {
namespace {

using language::Code;
using language::Node;
using language::Reporter;
using model::Value;

void Warn(Reporter* reporter, Code code, const Node& node, std::string message,
          std::string hint = "") {
  reporter->Warning(code, *node.file, node.range, std::move(message), std::move(hint));
}

void WarnAboutType(const Node& node, const Value& value, const expr::Type& type,
                   Reporter* reporter) {
  if (value.is_null() || expr::Coerce(value, type.kind)) return;
  Warn(reporter, Code::kWrongType, node,
       fmt::format("this is not of the type {}, so it is read as absent",
                   expr::TypeKindName(type.kind)));
}

void WarnAboutTrait(const Node::Entry& entry, const Value& value, const expr::Names& names,
                    Reporter* reporter) {
  const std::string& trait = entry.key->text;
  const std::optional<expr::Type> type = names.Trait(trait);
  if (type) return WarnAboutType(*entry.value, value, *type, reporter);
  Warn(reporter, Code::kUnknownTrait, *entry.key,
       fmt::format("no catalogue has the trait \"{}\"", trait),
       DidYouMean(trait, names.TraitNames()));
}

void WarnAboutProperty(const std::string& event, const Node::Entry& entry, const Value& value,
                       const expr::Names& names, Reporter* reporter) {
  const std::string& property = entry.key->text;
  const std::optional<expr::Type> type = names.EventProperty(event, property);
  if (type) return WarnAboutType(*entry.value, value, *type, reporter);
  Warn(reporter, Code::kUnknownProperty, *entry.key,
       fmt::format("the event \"{}\" has no property \"{}\"", event, property),
       DidYouMean(property, names.PropertyNames(event)));
}

void WarnAboutMissing(const Node& track, const TestEvent& event, const expr::Names& names,
                      Reporter* reporter) {
  for (const std::string& property : names.PropertyNames(event.name)) {
    const std::optional<expr::Type> type = names.EventProperty(event.name, property);
    const bool demanded = type && type->kind != expr::TypeKind::kDynamic && !type->optional;
    if (!demanded || event.properties.Find(property) != nullptr) continue;
    Warn(reporter, Code::kMissingKey, track,
         fmt::format("\"{}\" has the property \"{}\" in the catalogue, this has not", event.name,
                     property));
  }
}

}  // namespace

void WarnAboutEntry(const Node& node, const TestEvent& event, const expr::Names& names,
                    Reporter* reporter) {
  if (!names.HasCatalog()) return;
  const Node* values = node.Find(event.identify ? "identify" : "properties");
  const size_t count = values == nullptr ? 0 : values->entries.size();
  const Node* track = node.Find("track");
  if (track != nullptr && !names.HasEvent(event.name)) {
    return Warn(reporter, Code::kUnknownEvent, *track,
                fmt::format("no catalogue has the event \"{}\"", event.name),
                DidYouMean(event.name, names.EventNames()));
  }
  for (size_t i = 0; i < count; ++i) {
    const Value& value = event.properties.entries()[i].value;
    if (event.identify) {
      WarnAboutTrait(values->entries[i], value, names, reporter);
    } else {
      WarnAboutProperty(event.name, values->entries[i], value, names, reporter);
    }
  }
  if (track != nullptr) WarnAboutMissing(*track, event, names, reporter);
}

void WarnAboutTraits(const Node& person, const TestCase& test, const expr::Names& names,
                     Reporter* reporter) {
  if (!names.HasCatalog()) return;
  size_t next = 0;
  for (const Node::Entry& entry : person.entries) {
    if (entry.key->text == "id") continue;
    WarnAboutTrait(entry, test.traits[next++].second, names, reporter);
  }
}

}  // namespace sojourn::simulate
