#include "engine/simulate/test_entry.h"

#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/base/suggest.h"
#include "engine/model/event.h"

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

// A name that the rules do not have may stand there to show that it does nothing; where it is
// nearly one that they have, it is misspelt, and the entry would say nothing.
void Refuse(Reporter* reporter, Code code, const Node& node, std::string message,
            std::string hint) {
  const language::Severity severity =
      hint.empty() ? language::Severity::kWarning : language::Severity::kError;
  reporter->Add(severity, CodeText(code), *node.file, node.range, std::move(message),
                std::move(hint));
}

void WarnAboutType(const Node& node, const Value& value, const expr::Type& type,
                   Reporter* reporter) {
  if (value.is_null() || expr::Coerce(value, type.kind)) return;
  Warn(reporter, Code::kWrongType, node,
       fmt::format("\"{}\" is not of the type {}, so it is read as absent", node.text,
                   expr::TypeKindName(type.kind)));
}

// Its type; nullopt, and told, where no catalogue has it.
std::optional<expr::Type> KnownTrait(const Node& name, const expr::Names& names,
                                     Reporter* reporter) {
  const std::optional<expr::Type> type = names.Trait(name.text);
  if (!type) {
    Refuse(reporter, Code::kUnknownTrait, name,
           fmt::format("no catalogue has the trait \"{}\"", name.text),
           DidYouMean(name.text, names.TraitNames()));
  }
  return type;
}

void CheckTrait(const Node::Entry& entry, const Value& value, const expr::Names& names,
                Reporter* reporter) {
  if (value.is_null()) return;  // it deletes the trait, whether there is one or not
  const std::optional<expr::Type> type = KnownTrait(*entry.key, names, reporter);
  if (type) WarnAboutType(*entry.value, value, *type, reporter);
}

void CheckProperty(const std::string& event, const Node::Entry& entry, const Value& value,
                   const expr::Names& names, Reporter* reporter) {
  const std::string& property = entry.key->text;
  const std::optional<expr::Type> type = names.EventProperty(event, property);
  if (type) return WarnAboutType(*entry.value, value, *type, reporter);
  Refuse(reporter, Code::kUnknownProperty, *entry.key,
         fmt::format("the event \"{}\" has no property \"{}\"", event, property),
         DidYouMean(property, names.PropertyNames(event)));
}

// Whether a property that the catalogue does not have, which has been told, seems to mean this one.
bool IsMeant(const std::string& property, const Node& properties, const TestEvent& event,
             const expr::Names& names) {
  for (const Node::Entry& entry : properties.entries) {
    const std::string& name = entry.key->text;
    if (!names.EventProperty(event.name, name) && !NearestName(name, {property}).empty()) {
      return true;
    }
  }
  return false;
}

void WarnAboutMissing(const Node& track, const Node* properties, const TestEvent& event,
                      const expr::Names& names, Reporter* reporter) {
  for (const std::string& property : names.PropertyNames(event.name)) {
    const std::optional<expr::Type> type = names.EventProperty(event.name, property);
    const bool demanded = type && type->kind != expr::TypeKind::kDynamic && !type->optional;
    if (!demanded || event.properties.Find(property) != nullptr) continue;
    if (properties != nullptr && IsMeant(property, *properties, event, names)) continue;
    Warn(reporter, Code::kMissingKey, track,
         fmt::format("\"{}\" has the property \"{}\" in the catalogue, this has not", event.name,
                     property));
  }
}

}  // namespace

void CheckEntry(const Node& node, const TestEvent& event, const expr::Names& names,
                Reporter* reporter) {
  const Node* track = node.Find("track");
  if (track != nullptr && event.name == model::kPersonMerged) {
    Warn(reporter, Code::kUnknownEvent, *track,
         "a test file cannot express \"Person Merged\": nothing is merged by it");
  }
  if (!names.HasCatalog()) return;
  const Node* values = node.Find(event.identify ? "identify" : "properties");
  const size_t count = values == nullptr ? 0 : values->entries.size();
  if (track != nullptr && !names.HasEvent(event.name)) {
    return Refuse(reporter, Code::kUnknownEvent, *track,
                  fmt::format("no catalogue has the event \"{}\"", event.name),
                  DidYouMean(event.name, names.EventNames()));
  }
  for (size_t i = 0; i < count; ++i) {
    const Value& value = event.properties.entries()[i].value;
    if (event.identify) {
      CheckTrait(values->entries[i], value, names, reporter);
    } else {
      CheckProperty(event.name, values->entries[i], value, names, reporter);
    }
  }
  if (track != nullptr) WarnAboutMissing(*track, values, event, names, reporter);
}

void CheckTraits(const Node& person, const TestCase& test, const expr::Names& names,
                 Reporter* reporter) {
  if (!names.HasCatalog()) return;
  size_t next = 0;
  for (const Node::Entry& entry : person.entries) {
    if (entry.key->text == "id") continue;
    CheckTrait(entry, test.traits[next++].second, names, reporter);
  }
}

void CheckExpectedTraits(const Node& traits, const expr::Names& names, Reporter* reporter) {
  if (!names.HasCatalog()) return;
  for (const Node::Entry& entry : traits.entries) KnownTrait(*entry.key, names, reporter);
}

}  // namespace sojourn::simulate
