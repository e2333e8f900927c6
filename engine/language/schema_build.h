// Short ways to write down a Shape. Only the schema tables include this.
#pragma once

#include <utility>
#include <vector>

#include "engine/language/schema.h"

namespace sojourn::language {

inline Shape Leaf(ShapeKind kind, std::string_view noun = "") {
  Shape shape;
  shape.kind = kind;
  shape.noun = noun;
  return shape;
}

inline Shape Choice(std::vector<std::string_view> choices) {
  Shape shape = Leaf(ShapeKind::kChoice);
  shape.choices = std::move(choices);
  return shape;
}

inline Shape Integer(int64_t minimum, int64_t maximum) {
  Shape shape = Leaf(ShapeKind::kInteger);
  shape.minimum = minimum;
  shape.maximum = maximum;
  return shape;
}

inline Shape Object(std::string_view noun, std::vector<Field> fields,
                    std::vector<Form> forms = {}) {
  Shape shape = Leaf(ShapeKind::kObject, noun);
  shape.fields = std::move(fields);
  shape.forms = std::move(forms);
  return shape;
}

inline Shape ListOf(ShapeFunction item, std::string_view noun, bool may_be_empty = false) {
  Shape shape = Leaf(ShapeKind::kList, noun);
  shape.item = item;
  shape.may_be_empty = may_be_empty;
  return shape;
}

inline Shape MapOf(ShapeFunction key, ShapeFunction item, std::string_view noun = "") {
  Shape shape = Leaf(ShapeKind::kMap, noun);
  shape.key = key;
  shape.item = item;
  return shape;
}

inline Shape OneOrMany(ShapeFunction item) {
  Shape shape = Leaf(ShapeKind::kOneOrMany);
  shape.item = item;
  return shape;
}

inline Shape ScalarOr(ShapeFunction scalar, ShapeFunction other) {
  Shape shape = Leaf(ShapeKind::kScalarOr);
  shape.scalar = scalar;
  shape.item = other;
  return shape;
}

}  // namespace sojourn::language
