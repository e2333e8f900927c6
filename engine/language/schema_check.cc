// Holds a tree of nodes against the schema table.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/suggest.h"
#include "engine/language/read.h"
#include "engine/language/schema.h"
#include "engine/language/schema_words.h"
#include "engine/language/values.h"

namespace sojourn::language {
namespace {

class ShapeChecker {
 public:
  explicit ShapeChecker(Reporter* reporter) : reporter_(reporter) {}

  bool Check(const Node& node, const Shape& shape) {
    const bool fine = CheckKind(node, shape);
    if (!fine && broken_here_) node.broken = true;
    broken_here_ = false;
    return fine;
  }

 private:
  bool CheckKind(const Node& node, const Shape& shape) {
    switch (shape.kind) {
      case ShapeKind::kAnything:
        return true;
      case ShapeKind::kObject:
        return CheckObject(node, shape);
      case ShapeKind::kList:
        return CheckList(node, shape);
      case ShapeKind::kMap:
        return CheckMap(node, shape);
      case ShapeKind::kScalarOr:
        return Check(node, node.is_scalar() ? shape.scalar() : shape.item());
      case ShapeKind::kConditions:
        return CheckOneOrMany(node, ExpressionShape());
      case ShapeKind::kOneOrMany:
        return CheckOneOrMany(node, shape.item());
      default:
        return CheckLeaf(node, shape);
    }
  }

  bool CheckLeaf(const Node& node, const Shape& shape) {
    if (!node.is_scalar()) return WrongKind(node, shape);
    if (node.is_null()) {
      return Refuse(node, Code::kWrongKindOfValue,
                    fmt::format("{} has no value, {} is needed", Called(), Noun(shape)));
    }
    if (node.text.empty() && shape.kind == ShapeKind::kExpression) {
      return Refuse(node, Code::kWrongKindOfValue,
                    fmt::format("{} is empty, an expression is needed", Called()));
    }
    ScalarProblem problem;
    if (CheckScalar(node, shape, &problem)) return true;
    const bool whole = problem.begin == problem.end;
    reporter_->Error(problem.code, *node.file,
                     whole ? node.range : node.RangeOf(problem.begin, problem.end),
                     std::move(problem.message), std::move(problem.hint));
    broken_here_ = true;
    return false;
  }

  bool CheckOneOrMany(const Node& node, const Shape& item) {
    if (!node.is_sequence()) return Check(node, item);
    if (node.items.empty()) return EmptyList(node);
    return CheckItems(node, item);
  }

  bool CheckList(const Node& node, const Shape& shape) {
    if (!node.is_sequence()) return WrongKind(node, shape);
    if (node.items.empty() && !shape.may_be_empty) return EmptyList(node);
    return CheckItems(node, shape.item());
  }

  bool EmptyList(const Node& node) {
    return Refuse(node, Code::kEmptyList, fmt::format("the list {} is empty", Called()));
  }

  bool CheckItems(const Node& node, const Shape& item) {
    bool fine = true;
    const Place outer = std::exchange(place_, {place_.key, true});
    for (const Node* child : node.items) fine = Check(*child, item) && fine;
    place_ = outer;
    return fine;
  }

  bool CheckValue(const Node::Entry& entry, const Shape& shape) {
    const Place outer = std::exchange(place_, {entry.key, false});
    const bool fine = Check(*entry.value, shape);
    place_ = outer;
    return fine;
  }

  bool CheckMap(const Node& node, const Shape& shape) {
    if (!node.is_mapping()) return WrongKind(node, shape);
    bool fine = true;
    const Node::Entry* before = nullptr;
    for (const Node::Entry& entry : node.entries) {
      if (IsTornExpression(node, entry, before)) {
        fine = false;
      } else {
        fine = (Check(*entry.key, shape.key()) & CheckValue(entry, shape.item())) && fine;
      }
      before = &entry;
    }
    return fine;
  }

  // `{where: count("A", days(3)) > 0}`: the comma ends the value in YAML. Reports it if so.
  bool IsTornExpression(const Node& node, const Node::Entry& entry, const Node::Entry* before) {
    const bool torn = node.is_flow() && before != nullptr && entry.value->is_null() &&
                      entry.key->text.find_first_of("()<>=&|\"'") != std::string::npos;
    if (!torn) return false;
    before->value->broken = true;
    entry.key->broken = true;
    entry.value->broken = true;
    Report(*entry.key, Code::kUnknownKey,
           fmt::format("a comma ends the value of \"{}\" here", before->key->text),
           "put the whole expression in single quotes");
    return true;
  }

  bool CheckObject(const Node& node, const Shape& shape) {
    if (!node.is_mapping()) return WrongKind(node, shape);
    bool fine = true;
    const Form* form = shape.forms.empty() ? nullptr : ChooseForm(node, shape, &fine);
    if (!shape.forms.empty() && form == nullptr) {
      broken_here_ = true;
      return false;
    }
    const Node::Entry* before = nullptr;
    for (const Node::Entry& entry : node.entries) {
      const Field* field = FindField(shape, form, entry.key->text);
      if (field != nullptr) {
        fine = CheckValue(entry, field->shape()) && fine;
      } else if (!IsNamingKey(shape, entry.key->text)) {
        UnknownKey(node, entry, before, shape, form);
        fine = false;
      }
      before = &entry;
    }
    const std::vector<std::string> misspelt = Misspelt(node, shape, form);
    bool complete = RequireFields(node, shape.fields, shape, misspelt);
    if (form != nullptr) complete = RequireFields(node, form->fields, shape, misspelt) && complete;
    broken_here_ = !complete;
    return fine && complete;
  }

  // The form whose naming key stands there; reports where it is none, or more than one.
  const Form* ChooseForm(const Node& node, const Shape& shape, bool* fine) {
    const Form* chosen = nullptr;
    for (const Node::Entry& entry : node.entries) {
      const auto found =
          std::find_if(shape.forms.begin(), shape.forms.end(),
                       [&](const Form& form) { return form.naming.key == entry.key->text; });
      if (found == shape.forms.end()) continue;
      if (chosen != nullptr) {
        *fine = false;
        Report(*entry.key, Code::kConflictingKeys,
               fmt::format("\"{}\" does not go together with \"{}\"", entry.key->text,
                           chosen->naming.key),
               fmt::format("{} has exactly one of them", Article(shape)));
        continue;
      }
      chosen = &*found;
    }
    if (chosen == nullptr) NoForm(node, shape);
    return chosen;
  }

  void NoForm(const Node& node, const Shape& shape) {
    std::vector<std::string> names;
    for (const Form& form : shape.forms) names.emplace_back(form.naming.key);
    const std::string listed = fmt::format("{}", fmt::join(names, ", "));
    const Node* stranger = nullptr;
    for (const Node::Entry& entry : node.entries) {
      if (FindField(shape, nullptr, entry.key->text) != nullptr) continue;
      const std::string hint = DidYouMean(entry.key->text, names);
      if (!hint.empty()) return UnknownName(*entry.key, shape, hint);
      if (stranger == nullptr) stranger = entry.key;
    }
    if (stranger == nullptr) {
      return Report(node, Code::kMissingKey,
                    fmt::format("{} needs one of: {}", Article(shape), listed));
    }
    const std::vector<std::string> wanted = FormsWith(shape, stranger->text);
    if (wanted.empty()) {
      return UnknownName(*stranger, shape, fmt::format("{} is one of: {}", Article(shape), listed));
    }
    const std::string one = wanted.size() == 1 ? fmt::format("the key \"{}\"", wanted.front())
                                               : fmt::format("one of: {}", fmt::join(wanted, ", "));
    Report(*stranger, Code::kMissingKey,
           fmt::format("{} with \"{}\" needs {}", Article(shape), stranger->text, one));
  }

  void UnknownName(const Node& key, const Shape& shape, std::string hint) {
    Report(key, Code::kUnknownKey,
           fmt::format("unknown key \"{}\" in {}", key.text, Article(shape)), std::move(hint));
  }

  // The naming keys of the forms that can have this key.
  static std::vector<std::string> FormsWith(const Shape& shape, std::string_view key) {
    std::vector<std::string> names;
    for (const Form& form : shape.forms) {
      if (FindField(shape, &form, key) != nullptr) names.emplace_back(form.naming.key);
    }
    return names;
  }

  void UnknownKey(const Node& node, const Node::Entry& entry, const Node::Entry* before,
                  const Shape& shape, const Form* form) {
    const std::string& key = entry.key->text;
    const std::vector<std::string> absent = AbsentKeys(node, shape, form);
    const std::string meant = Meant(key, absent);
    if (entry.value->is_null() && meant == FirstWord(key)) {
      return Report(*entry.key, Code::kUnknownKey,
                    fmt::format("\"{}\" needs a colon behind it", meant));
    }
    if (IsTornExpression(node, entry, before)) return;
    std::string hint = meant.empty() ? "" : fmt::format("did you mean \"{}\"?", meant);
    if (key == "<<") hint = "YAML merge keys are not read; write the keys out";
    const std::string wanted = hint.empty() ? WantedInstead(node, shape, form) : "";
    if (!wanted.empty()) hint = fmt::format("did you mean \"{}\", which is missing?", wanted);
    if (hint.empty()) hint = Listed(shape, form);
    Report(*entry.key, Code::kUnknownKey,
           fmt::format("unknown key \"{}\" in {}", key, Where(shape, form)), hint);
  }

  // The keys that could stand there and do not.
  static std::vector<std::string> AbsentKeys(const Node& node, const Shape& shape,
                                             const Form* form) {
    std::vector<std::string> absent;
    const auto add = [&](const std::vector<Field>& fields) {
      for (const Field& field : fields) {
        if (node.FindKey(field.key) == nullptr) absent.emplace_back(field.key);
      }
    };
    add(shape.fields);
    if (form != nullptr) add(form->fields);
    return absent;
  }

  // Of those, the ones that an unknown key there seems to mean; told with that key.
  static std::vector<std::string> Misspelt(const Node& node, const Shape& shape, const Form* form) {
    std::vector<std::string> misspelt;
    const std::vector<std::string> absent = AbsentKeys(node, shape, form);
    for (const Node::Entry& entry : node.entries) {
      const std::string& key = entry.key->text;
      if (FindField(shape, form, key) != nullptr || IsNamingKey(shape, key)) continue;
      misspelt.push_back(Meant(key, absent));
    }
    misspelt.push_back(WantedInstead(node, shape, form));
    return misspelt;
  }

  // The one required key that is missing where one unknown key stands that is like no other: it is
  // one mistake. Empty: none, or more than one of them.
  static std::string WantedInstead(const Node& node, const Shape& shape, const Form* form) {
    const std::vector<std::string> absent = AbsentKeys(node, shape, form);
    int strangers = 0;
    for (const Node::Entry& entry : node.entries) {
      const std::string& key = entry.key->text;
      if (FindField(shape, form, key) != nullptr || IsNamingKey(shape, key)) continue;
      if (!Meant(key, absent).empty()) return "";
      ++strangers;
    }
    std::vector<std::string_view> missing;
    const auto add = [&](const std::vector<Field>& fields) {
      for (const Field& field : fields) {
        if (field.required && node.FindKey(field.key) == nullptr) missing.push_back(field.key);
      }
    };
    add(shape.fields);
    if (form != nullptr) add(form->fields);
    return strangers == 1 && missing.size() == 1 ? std::string(missing.front()) : "";
  }

  static std::string Listed(const Shape& shape, const Form* form) {
    std::vector<std::string> known = AbsentKeys(Node(), shape, nullptr);
    if (form != nullptr) {
      known.emplace_back(form->naming.key);
      for (const Field& field : form->fields) known.emplace_back(field.key);
    }
    return fmt::format("{} has the keys: {}", Where(shape, form), fmt::join(known, ", "));
  }

  bool RequireFields(const Node& node, const std::vector<Field>& fields, const Shape& shape,
                     const std::vector<std::string>& misspelt) {
    bool complete = true;
    for (const Field& field : fields) {
      if (!field.required || node.FindKey(field.key) != nullptr) continue;
      complete = false;
      if (std::find(misspelt.begin(), misspelt.end(), field.key) != misspelt.end()) continue;
      Report(node, Code::kMissingKey,
             fmt::format("{} needs the key \"{}\"", Article(shape), field.key));
    }
    return complete;
  }

  static const Field* FindField(const Shape& shape, const Form* form, std::string_view key) {
    const auto in = [&](const std::vector<Field>& fields) -> const Field* {
      for (const Field& field : fields) {
        if (field.key == key) return &field;
      }
      return nullptr;
    };
    if (const Field* field = in(shape.fields)) return field;
    if (form == nullptr) return nullptr;
    return form->naming.key == key ? &form->naming : in(form->fields);
  }

  static bool IsNamingKey(const Shape& shape, std::string_view key) {
    return std::any_of(shape.forms.begin(), shape.forms.end(),
                       [&](const Form& form) { return form.naming.key == key; });
  }

  static std::string Article(const Shape& shape) { return std::string(ShapeNoun(shape)); }

  static std::string Where(const Shape& shape, const Form* form) {
    if (form == nullptr) return Article(shape);
    return fmt::format("{} with \"{}\"", Article(shape), form->naming.key);
  }

  // "{pool: stat}" for a lone text where an object with that one required key is needed.
  static std::string ObjectOf(const Node& node, const Shape& shape) {
    if (!node.is_scalar() || shape.kind != ShapeKind::kObject || !shape.forms.empty()) return "";
    std::string_view required;
    for (const Field& field : shape.fields) {
      if (!field.required) continue;
      if (!required.empty()) return "";
      required = field.key;
    }
    return required.empty() ? "" : fmt::format("write {{{}: {}}}", required, node.text);
  }

  // What messages call the value that is checked.
  std::string Called() const {
    if (place_.key == nullptr) return "this";
    return fmt::format("{}\"{}\"", place_.is_item ? "an item of " : "", place_.key->text);
  }

  // What must stand there; a mapping that is called like its own key says nothing more.
  std::string_view Noun(const Shape& shape) const {
    const std::string_view noun = ShapeNoun(shape);
    const bool own = shape.kind == ShapeKind::kObject && !place_.is_item && place_.key != nullptr &&
                     HasSuffix(noun, place_.key->text);
    return own ? "a mapping" : noun;
  }

  // What stands where a secret belongs may be one, so no message repeats it.
  static bool IsForSecrets(const Shape& shape) {
    const auto names_secret = [](std::string_view noun) {
      return noun == "secret" || noun == "write key";
    };
    return names_secret(shape.noun) || (shape.item != nullptr && names_secret(shape.item().noun));
  }

  bool WrongKind(const Node& node, const Shape& shape) {
    if (node.is_null()) {
      return Refuse(node, Code::kWrongKindOfValue,
                    fmt::format("{} has no value, {} is needed", Called(), Noun(shape)));
    }
    std::string hint = ObjectOf(node, shape);
    if (node.is_mapping() && node.is_flow() && shape.kind == ShapeKind::kExpression) {
      hint = "put an expression that starts with a brace in quotes";
    }
    return Refuse(node, Code::kWrongKindOfValue,
                  fmt::format("{} must be {}, {}", Called(), Noun(shape),
                              IsForSecrets(shape) && node.is_scalar() ? "this is a plain value"
                                                                      : Found(node)),
                  hint);
  }

  bool Refuse(const Node& node, Code code, std::string message, std::string hint = "") {
    Report(node, code, std::move(message), std::move(hint));
    broken_here_ = true;
    return false;
  }

  void Report(const Node& node, Code code, std::string message, std::string hint = "") {
    SourceRange range = node.range;
    // A whole mapping is shown by its first key.
    if (node.is_mapping() && !node.is_flow() && !node.entries.empty()) {
      range = node.entries.front().key->range;
    }
    reporter_->Error(code, *node.file, range, std::move(message), std::move(hint));
  }

  struct Place {
    const Node* key = nullptr;  // under which the value stands; null: it is the whole file
    bool is_item = false;       // of the list under it
  };

  Reporter* const reporter_;
  Place place_;
  bool broken_here_ = false;  // the mistake just found makes its own node unusable
};

}  // namespace

bool CheckShape(const Node& node, const Shape& shape, Reporter* reporter) {
  return ShapeChecker(reporter).Check(node, shape);
}

}  // namespace sojourn::language
