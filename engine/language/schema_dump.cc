// The schema table as text.
#include <fmt/format.h>

#include <set>

#include "engine/language/schema.h"

namespace sojourn::language {
namespace {

class SchemaDumper {
 public:
  std::string Dump() {
    for (const FileKind& kind : FileKinds()) Add(kind.shape());
    Add(TemplateShape());
    return std::move(text_);
  }

 private:
  void Add(const Shape& shape) {
    if (!seen_.insert(&shape).second) return;
    std::vector<const Shape*> below;
    if (shape.kind == ShapeKind::kObject) {
      text_ += fmt::format("{}\n", ShapeNoun(shape));
      for (const Field& field : shape.fields) AddField(field, "  ", &below);
      for (const Form& form : shape.forms) {
        AddField(form.naming, "  form ", &below);
        for (const Field& field : form.fields) AddField(field, "    ", &below);
      }
    }
    for (const ShapeFunction part : {shape.scalar, shape.item, shape.key}) {
      if (part != nullptr) below.push_back(&part());
    }
    for (const Shape* one : below) Add(*one);
  }

  void AddField(const Field& field, std::string_view indent, std::vector<const Shape*>* below) {
    const Shape& shape = field.shape();
    below->push_back(&shape);
    text_ += fmt::format("{}{}{}: {} - {}\n", indent, field.key, field.required ? "" : "?",
                         Describe(shape), field.description);
  }

  static std::string Describe(const Shape& shape) {
    switch (shape.kind) {
      case ShapeKind::kChoice:
        return fmt::format("{}", fmt::join(shape.choices, "|"));
      case ShapeKind::kInteger:
        return fmt::format("{}..{}", shape.minimum, shape.maximum);
      case ShapeKind::kList:
        return "[" + Describe(shape.item()) + "]";
      case ShapeKind::kMap:
        return fmt::format("{{{}: {}}}", Describe(shape.key()), Describe(shape.item()));
      case ShapeKind::kOneOrMany:
        return fmt::format("{} or [{}]", Describe(shape.item()), Describe(shape.item()));
      case ShapeKind::kScalarOr:
        return fmt::format("{} or {}", Describe(shape.scalar()), Describe(shape.item()));
      default:
        return std::string(ShapeNoun(shape));
    }
  }

  std::set<const Shape*> seen_;
  std::string text_;
};

}  // namespace

std::string DumpSchema() { return SchemaDumper().Dump(); }

}  // namespace sojourn::language
