#include "engine/cli/template_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <variant>

#include "engine/base/json_text.h"
#include "engine/base/limits.h"
#include "engine/base/regular_file.h"
#include "engine/base/rfc3339.h"
#include "engine/base/suggest.h"
#include "engine/cli/printable.h"
#include "engine/cli/yaml_file.h"
#include "engine/language/yaml_value.h"
#include "engine/model/json_reader.h"
#include "engine/model/json_writer.h"

namespace sojourn::cli {
namespace {

using expr::TypeKind;
using language::Shape;
using language::ShapeKind;
using nlohmann::json;

constexpr size_t kMaxValuesFileBytes = size_t{16} * 1024 * 1024;
constexpr Duration kSampleExpiry = Days(14);
constexpr std::array<std::string_view, 6> kRoots = {"person", "event",  "trigger",
                                                    "data",   "coupon", "ab_test"};

const Shape& AnythingShape() {
  static const Shape shape = {.kind = ShapeKind::kAnything, .noun = "value"};
  return shape;
}

const Shape& ValueMapShape() {
  static const Shape shape = {.kind = ShapeKind::kMap,
                              .noun = "map of names to values",
                              .item = AnythingShape,
                              .key = language::TextShape,
                              .may_be_empty = true};
  return shape;
}

const Shape& ValuesShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "file of values",
      .fields = {{"person", ValueMapShape, false, "the person's traits"},
                 {"event", ValueMapShape, false, "properties of the event at hand"},
                 {"trigger", ValueMapShape, false, "properties of the event that began the run"},
                 {"data", ValueMapShape, false, "the send step's data"},
                 {"coupon", ValueMapShape, false, "code and expires_at"},
                 {"ab_test", ValueMapShape, false, "the paths taken, by test"}}};
  return shape;
}

// Of a text that one of the functions here has made or checked.
json Parsed(const std::string& values) {
  json parsed = ParseJson(values);
  return parsed.is_object() ? parsed : json::object();
}

Result<std::string> CheckJson(const std::string& path, std::string text) {
  Arena arena;
  const auto values = model::JsonReader().Read(text, kMaxStoredNesting, &arena);
  if (!values.ok()) {
    return InvalidArgument(fmt::format("{}: {}", path, values.status().message()));
  }
  const std::vector<std::string> roots(kRoots.begin(), kRoots.end());
  const json parsed = Parsed(text);
  if (values->kind() != model::ValueKind::kMap) {
    return InvalidArgument(path + ": write an object such as {\"person\": {...}, \"event\": ...}");
  }
  for (const auto& [root, value] : parsed.items()) {
    if (std::find(roots.begin(), roots.end(), root) == roots.end()) {
      const std::string hint = DidYouMean(root, roots);
      return InvalidArgument(
          fmt::format("{}: unknown key \"{}\" ({})", path, Printable(root),
                      hint.empty() ? fmt::format("known are {}", fmt::join(roots, ", ")) : hint));
    }
    if (!value.is_object()) {
      return InvalidArgument(
          fmt::format("{}: {} is no object of names and values", path, Printable(root)));
    }
  }
  return text;
}

// The path without its root, name by name.
std::vector<std::string> NamesOf(std::string_view path) {
  std::vector<std::string> names;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    names.emplace_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

// ---- samples -------------------------------------------------------------------------------

json SampleOf(std::string_view name, TypeKind type, Timestamp now) {
  switch (type) {
    case TypeKind::kBool:
      return true;
    case TypeKind::kInt:
    case TypeKind::kUint:
      return 3;
    case TypeKind::kDouble:
      return 49.5;
    case TypeKind::kTimestamp:
      return FormatRfc3339(now);
    case TypeKind::kDate:
      return FormatRfc3339(now).substr(0, 10);
    case TypeKind::kList:
      return json::array({fmt::format("[{} 1]", name), fmt::format("[{} 2]", name)});
    default:
      return fmt::format("[{}]", name);
  }
}

class Samples {
 public:
  Samples(const language::Bundle& bundle, const std::vector<TemplateSend>& sends, Timestamp now)
      : names_(*bundle.names), now_(now) {
    for (const TemplateSend& send : sends) {
      for (const language::Trigger& trigger : send.journey->triggers) {
        if (!trigger.event.empty()) events_.push_back(trigger.event);
      }
    }
    sent_for_ = events_.empty() ? "" : events_.front();
    for (std::string& event : names_.EventNames()) events_.push_back(std::move(event));
  }

  json Of(const std::string& root, const std::string& name) const {
    if (root == "person") return OfPerson(name);
    if (root == "event" || root == "trigger") return OfEvent(name);
    if (root == "coupon") {
      return name == "expires_at" ? json(FormatRfc3339(now_ + kSampleExpiry)) : json("SAMPLE-CODE");
    }
    return SampleOf(name, TypeKind::kString, now_);
  }

 private:
  json OfPerson(const std::string& name) const {
    if (name == "id") return "sample-person";
    if (name == "email") return "sample@recipient.example";
    if (name == "first_seen_at" || name == "last_seen_at") return FormatRfc3339(now_);
    const auto type = names_.Trait(name);
    return SampleOf(name, type ? type->kind : TypeKind::kString, now_);
  }

  json OfEvent(const std::string& name) const {
    for (const std::string& event : events_) {
      if (const auto type = names_.EventProperty(event, name)) {
        return SampleOf(name, type->kind, now_);
      }
    }
    if (name == "name" && !sent_for_.empty()) return sent_for_;
    return SampleOf(name, name == "time" ? TypeKind::kTimestamp : TypeKind::kString, now_);
  }

  const expr::Names& names_;
  const Timestamp now_;
  std::vector<std::string> events_;  // those that begin the journeys first
  std::string sent_for_;
};

}  // namespace

std::vector<TemplateSend> SendsOf(const language::Bundle& bundle, std::string_view template_name) {
  std::vector<TemplateSend> sends;
  for (const auto& journey : bundle.journeys) {
    for (const language::Step& step : journey->steps) {
      const auto* send = std::get_if<language::SendStep>(&step.action);
      if (send != nullptr && send->template_name == template_name) {
        sends.push_back({journey.get(), send});
      }
    }
  }
  return sends;
}

Result<std::string> ReadValuesFile(const std::string& path) {
  auto text = ReadRegularFile(path, kMaxValuesFileBytes);
  if (!text.ok()) return InvalidArgument(path + " " + text.status().message());
  if (path.ends_with(".json")) return CheckJson(path, *std::move(text));
  SOJOURN_ASSIGN_OR_RETURN(const YamlFile yaml, ParseYaml(path, *std::move(text), ValuesShape()));
  Arena arena;
  model::JsonWriter writer;
  writer.Write(language::ValueOf(yaml.root(), &arena));
  return writer.Take();
}

std::string SampleValues(const language::Bundle& bundle, const language::Template& rule,
                         const std::vector<TemplateSend>& sends, Timestamp now) {
  const Samples samples(bundle, sends, now);
  json values = json::object();
  for (const std::string& path : rule.reads) {
    std::vector<std::string> names = NamesOf(path);
    if (std::find(kRoots.begin(), kRoots.end(), names[0]) == kRoots.end()) continue;
    // Liquid's own members of texts and lists.
    const std::string& last = names.back();
    if (names.size() > 2 && (last == "size" || last == "first" || last == "last")) names.pop_back();
    json* place = &values[names[0]];
    if (place->is_null()) *place = json::object();
    for (size_t i = 1; i + 1 < names.size(); ++i) {
      place = &(*place)[names[i]];
      if (!place->is_object()) *place = json::object();
    }
    if (names.size() < 2 || place->contains(names.back())) continue;
    (*place)[names.back()] = names.size() == 2 ? samples.Of(names[0], names[1])
                                               : SampleOf(names.back(), TypeKind::kString, now);
  }
  return DumpJson(values);
}

std::string MergeValues(const std::string& values, const std::string& over) {
  json merged = Parsed(values);
  merged.update(Parsed(over));
  return DumpJson(merged);
}

std::string WithLanguage(const std::string& values, const std::string& language) {
  json changed = Parsed(values);
  changed["person"]["language"] = language;
  return DumpJson(changed);
}

std::string TextIn(const std::string& values, const std::string& root, const std::string& name) {
  const json parsed = Parsed(values);
  const json::json_pointer place = json::json_pointer() / root / name;
  if (!parsed.contains(place) || !parsed[place].is_string()) return "";
  return parsed[place].get<std::string>();
}

std::vector<ReadValue> ReadValues(const language::Template& rule, const std::string& values) {
  const json parsed = Parsed(values);
  std::vector<ReadValue> reads;
  for (const std::string& path : rule.reads) {
    const std::vector<std::string> names = NamesOf(path);
    if (std::find(kRoots.begin(), kRoots.end(), names[0]) == kRoots.end()) continue;
    const json* at = &parsed;
    for (const std::string& name : names) {
      // Behind a list or a text Liquid knows more names (size, first) than data has.
      if (!at->is_object()) break;
      const auto found = at->find(name);
      static const json kNothing;
      at = found == at->end() ? &kNothing : &*found;
      if (at->is_null()) break;
    }
    reads.push_back({path, at->is_null() ? "" : DumpJson(*at)});
  }
  return reads;
}

}  // namespace sojourn::cli
