#include "engine/language/json_schema.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "engine/base/json_text.h"
#include "engine/base/limits.h"

namespace sojourn::language {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kDraft = "http://json-schema.org/draft-07/schema#";
constexpr const char* kKebabPattern = "^[a-z0-9]+(-[a-z0-9]+)*$";
constexpr const char* kSnakePattern = "^[a-z][a-z0-9]*(_[a-z0-9]+)*$";
constexpr const char* kTimeOfDayPattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$";
constexpr const char* kTimestampPattern =
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?"
    "([Zz]|[+-][0-9]{2}:[0-9]{2})$";
constexpr const char* kCivilDatePattern = "^([0-9]{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$";
constexpr const char* kZonePattern = "^[A-Za-z0-9_+/-]+$";
constexpr const char* kDayOffsetPattern = "^[-+]?[0-9]{1,3} days?$";
constexpr const char* kPercentPattern = "^[0-9]{1,3}(\\.[0-9]{1,2})?$";
constexpr const char* kMonthDayPattern = "^([1-9]|[12][0-9]|3[01])$";
constexpr const char* kTypePattern = "^(bool|int|double|string|timestamp|date|list|map)\\??$";
constexpr const char* kMailboxPattern = R"(^(|.*<)[^@\s,;<>]+@[^@\s,;<>]+>?$)";
constexpr const char* kUrlPattern =
    "^(https://[^/?\\s]|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])([:/?]|$))";

// "1 day 12 hours": units fall, each at most once.
std::string DurationPattern() {
  std::string parts;
  for (const char* unit : {"week", "day", "hour", "minute", "second"}) {
    parts += fmt::format("(0*[1-9][0-9]* +{}s?( +|$))?", unit);
  }
  return "(?=[0-9])" + parts;
}

Json AnyScalar() { return Json::array({"string", "number", "boolean"}); }

// Text of a pattern that YAML may also read as a number or a truth value.
Json Name(const char* pattern) {
  return {{"type", Json::array({"string", "integer", "boolean"})}, {"pattern", pattern}};
}

Json Pattern(std::string pattern, std::initializer_list<const char*> examples) {
  Json json = {{"type", "string"}, {"pattern", std::move(pattern)}};
  json["examples"] = Json(std::vector<std::string>(examples.begin(), examples.end()));
  return json;
}

Json Expression() { return {{"type", AnyScalar()}, {"minLength", 1}}; }

Json OneOrMany(const Json& item) {
  return {{"anyOf", Json::array({item, {{"type", "array"}, {"minItems", 1}, {"items", item}}})}};
}

// Choices are text to the loader; `true` is a truth value to everybody else.
Json Choices(const Shape& shape) {
  Json values = Json::array();
  for (const std::string_view choice : shape.choices) {
    values.push_back(choice);
    if (choice == "true") values.push_back(true);
  }
  return {{"enum", std::move(values)}};
}

Json ScheduleDay() {
  const Json weekday = {{"enum", Json::array({"monday", "tuesday", "wednesday", "thursday",
                                              "friday", "saturday", "sunday"})}};
  const Json day = {{"type", Json::array({"integer", "string"})},
                    {"minimum", 1},
                    {"maximum", 31},
                    {"pattern", kMonthDayPattern}};
  return {{"anyOf", Json::array({weekday, day})}};
}

class SchemaWriter {
 public:
  // A reference to the definition of an object, which is written once.
  Json Reference(const Shape& shape) {
    const auto found = names_.find(&shape);
    if (found != names_.end()) return {{"$ref", "#/definitions/" + found->second}};
    const std::string name = FreshName(shape);
    names_.emplace(&shape, name);  // before what is below: shapes contain themselves
    order_.push_back(name);
    definitions_[name] = Object(shape);
    return {{"$ref", "#/definitions/" + name}};
  }

  Json Definitions() const {
    Json json = Json::object();
    for (const std::string& name : order_) json[name] = definitions_.at(name);
    return json;
  }

 private:
  // "a frequency cap" -> "frequency_cap"; a second one gets a number.
  std::string FreshName(const Shape& shape) {
    std::string name(ShapeNoun(shape));
    for (const std::string_view article : {"a ", "an "}) {
      if (name.starts_with(article)) name.erase(0, article.size());
    }
    for (char& c : name) c = c == ' ' ? '_' : c;
    const int number = ++uses_[name];
    return number == 1 ? name : fmt::format("{}_{}", name, number);
  }

  Json Object(const Shape& shape) {
    Json json = {{"title", ShapeNoun(shape)}, {"type", "object"}};
    if (shape.forms.empty()) {
      AddFields({&shape.fields}, nullptr, &json);
      return json;
    }
    Json forms = Json::array();
    for (const Form& form : shape.forms) {
      Json one = {{"title", form.naming.key}, {"description", form.naming.description}};
      AddFields({&shape.fields, &form.fields}, &form.naming, &one);
      forms.push_back(std::move(one));
    }
    json["anyOf"] = std::move(forms);
    return json;
  }

  void AddFields(const std::vector<const std::vector<Field>*>& groups, const Field* naming,
                 Json* json) {
    Json properties = Json::object();
    Json required = Json::array();
    const auto add = [&](const Field& field) {
      properties[std::string(field.key)] = Property(field);
      if (field.required) required.push_back(field.key);
    };
    if (naming != nullptr) add(*naming);
    for (const std::vector<Field>* group : groups) {
      for (const Field& field : *group) add(field);
    }
    (*json)["properties"] = std::move(properties);
    if (!required.empty()) (*json)["required"] = std::move(required);
    (*json)["additionalProperties"] = false;
  }

  Json Property(const Field& field) {
    const Shape& shape = field.shape();
    Json json = {{"title", ShapeNoun(shape)}, {"description", field.description}};
    Json value = Value(shape);
    if (value.contains("$ref")) {  // what stands beside a reference is not read
      json["allOf"] = Json::array({std::move(value)});
    } else {
      json.update(value);
    }
    return json;
  }

  Json Value(const Shape& shape) {
    switch (shape.kind) {
      case ShapeKind::kObject:
        return Reference(shape);
      case ShapeKind::kList: {
        Json json = {{"type", "array"}};
        if (!shape.may_be_empty) json["minItems"] = 1;
        json["items"] = Value(shape.item());
        return json;
      }
      case ShapeKind::kMap:
        return {{"type", "object"},
                {"propertyNames", Key(shape.key())},
                {"additionalProperties", Value(shape.item())}};
      case ShapeKind::kScalarOr:
        return {{"anyOf", Json::array({Value(shape.scalar()), Value(shape.item())})}};
      case ShapeKind::kOneOrMany:
        return OneOrMany(Value(shape.item()));
      case ShapeKind::kConditions:
        return OneOrMany(Expression());
      default:
        return Leaf(shape);
    }
  }

  // Keys are always text.
  Json Key(const Shape& shape) {
    Json json = Leaf(shape);
    json.erase("type");
    return json;
  }

  static Json Leaf(const Shape& shape) {
    switch (shape.kind) {
      case ShapeKind::kAnything:
        return Json::object();
      case ShapeKind::kKebabName:
        return Name(kKebabPattern);
      case ShapeKind::kSnakeName:
        return Name(kSnakePattern);
      case ShapeKind::kEventName:
        return {{"type", AnyScalar()}, {"minLength", 1}, {"maxLength", kMaxEventNameCharacters}};
      case ShapeKind::kExpression:
        return Expression();
      case ShapeKind::kInteger:
        return {{"type", "integer"}, {"minimum", shape.minimum}, {"maximum", shape.maximum}};
      case ShapeKind::kPercent:
        return {{"type", Json::array({"number", "string"})},
                {"minimum", 0},
                {"maximum", 100},
                {"pattern", kPercentPattern}};
      case ShapeKind::kBoolean:
        return {{"type", "boolean"}};
      case ShapeKind::kChoice:
        return Choices(shape);
      case ShapeKind::kScheduleDay:
        return ScheduleDay();
      default:
        return TextLeaf(shape);
    }
  }

  static Json TextLeaf(const Shape& shape) {
    switch (shape.kind) {
      case ShapeKind::kDuration:
        return Pattern("^" + DurationPattern() + "$", {"2 days", "1 day 12 hours"});
      case ShapeKind::kReentry:
        return Pattern("^(always|never|after " + DurationPattern() + ")$",
                       {"always", "never", "after 180 days"});
      case ShapeKind::kTimeOfDay:
        return Pattern(kTimeOfDayPattern, {"09:00"});
      case ShapeKind::kTimestamp:
        return Pattern(kTimestampPattern, {"2026-03-02T09:00:00Z"});
      case ShapeKind::kDayOffset:
        return Pattern(kDayOffsetPattern, {"-3 days"});
      case ShapeKind::kCivilDate:
        return Pattern(kCivilDatePattern, {"12-24", "2026-12-01"});
      case ShapeKind::kTypeName:
        return Pattern(kTypePattern, {"string", "double?"});
      case ShapeKind::kUrl:
        return Pattern(kUrlPattern, {"https://shop.example/hook"});
      case ShapeKind::kMailbox:
        return Pattern(kMailboxPattern, {"Example Shop <hello@shop.example>"});
      case ShapeKind::kTimeZone:
        return Pattern(kZonePattern, {"Europe/Berlin"});
      case ShapeKind::kJourneyZone:
        return Pattern(kZonePattern, {"company", "person", "Europe/Berlin"});
      default:
        return {{"type", AnyScalar()}};
    }
  }

  std::map<const Shape*, std::string> names_;
  std::map<std::string, int> uses_;
  std::map<std::string, Json> definitions_;
  std::vector<std::string> order_;
};

std::string Dump(const Json& json) { return DumpJson(json, 2) + "\n"; }

}  // namespace

std::string JsonSchema(const std::vector<SchemaKind>& kinds) {
  SchemaWriter writer;
  Json properties = Json::object();
  Json by_key = Json::array();
  Json any = Json::array();
  for (const SchemaKind& kind : kinds) {
    const Json has_key = {{"required", Json::array({kind.first_key})}};
    for (const Field& field : kind.shape().fields) {
      if (field.key != kind.first_key) continue;
      properties[std::string(field.key)] = {{"title", ShapeNoun(kind.shape())},
                                            {"description", field.description}};
    }
    by_key.push_back({{"if", has_key}, {"then", writer.Reference(kind.shape())}});
    any.push_back(has_key);
  }
  return Dump({{"$schema", kDraft},
               {"title", "Sojourn rules"},
               {"description", "A file of a rules directory; its first key says what it is."},
               {"type", "object"},
               {"properties", std::move(properties)},
               {"anyOf", std::move(any)},
               {"allOf", std::move(by_key)},
               {"definitions", writer.Definitions()}});
}

std::string JsonSchema(const SchemaKind& kind) {
  SchemaWriter writer;
  Json reference = writer.Reference(kind.shape());
  return Dump({{"$schema", kDraft},
               {"title", fmt::format("Sojourn rules: {}", kind.name)},
               {"allOf", Json::array({std::move(reference)})},
               {"definitions", writer.Definitions()}});
}

}  // namespace sojourn::language
