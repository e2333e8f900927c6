#include "engine/liquid/parse_expression.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/suggest.h"
#include "engine/liquid/filters.h"

namespace sojourn::liquid {

using model::Value;

ExpressionParser::ExpressionParser(std::string_view text, Span markup, std::vector<Issue>* issues)
    : text_(text), issues_(issues) {
  const size_t before = issues->size();
  tokens_ = Tokenize(text, markup, issues);
  failed_ = issues->size() > before;
  if (failed_) at_ = tokens_.size() - 1;
}

void ExpressionParser::Fail(Span span, std::string message, std::string hint) {
  if (!failed_) {
    const uint32_t end = std::max(span.end, span.begin + 1);
    issues_->push_back({span.begin, end, std::move(message), std::move(hint)});
  }
  failed_ = true;
  at_ = tokens_.size() - 1;
}

const Token& ExpressionParser::Next() {
  const Token& token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool ExpressionParser::Take(TokenKind kind) {
  if (peek().kind != kind || AtEnd()) return false;
  Next();
  return true;
}

bool ExpressionParser::TakeWord(std::string_view word) {
  if (peek().kind != TokenKind::kName || peek().text != word) return false;
  Next();
  return true;
}

void ExpressionParser::Expect(TokenKind kind, std::string_view what) {
  if (!Take(kind)) FailInstead(what);
}

void ExpressionParser::FailInstead(std::string_view what, std::string hint) {
  const Span span = peek().span;
  const std::string_view found = AtEnd() ? std::string_view() : TextOf(span);
  Fail(span,
       found.empty() ? fmt::format("{} is expected here", what)
                     : fmt::format("{} is expected here, not {}", what, found),
       std::move(hint));
}

void ExpressionParser::ExpectEnd() {
  if (AtEnd()) return;
  const Token& token = peek();
  std::string hint;
  if (token.kind == TokenKind::kAssign) hint = "to compare, write ==";
  Fail(token.span, fmt::format("{} is not expected here", TextOf(token.span)), std::move(hint));
}

std::string_view ExpressionParser::TextOf(Span span) const {
  return text_.substr(span.begin, span.end - span.begin);
}

std::string_view ExpressionParser::NewName() {
  const Token& token = peek();
  const bool number = token.kind == TokenKind::kNumber && token.text[0] != '-';
  if (token.kind != TokenKind::kName && token.kind != TokenKind::kString && !number) {
    FailInstead("a name");
    return {};
  }
  return Next().text;
}

Expression ExpressionParser::Literal(const Token& token, Datum literal) {
  Expression expression;
  expression.span = token.span;
  literal.origin = Origin::kLiteral;
  expression.literal = literal;
  return expression;
}

Expression ExpressionParser::NumberLiteral(const Token& token) {
  return Literal(token, ToNumber(Value::String(token.text)));
}

Expression ExpressionParser::Value() {
  const Token& token = Next();
  if (depth_ >= kMaxLiquidNesting) {
    Fail(token.span, "brackets are nested too deep");
    return {};
  }
  ++depth_;
  Expression value;
  if (token.kind == TokenKind::kString) {
    value = Literal(token, Value::String(token.text));
  } else if (token.kind == TokenKind::kNumber) {
    value = NumberLiteral(token);
  } else if (token.kind == TokenKind::kOpenParenthesis) {
    value = Range(token);
  } else if (token.kind == TokenKind::kName || token.kind == TokenKind::kOpenBracket) {
    value = Path(token);
  } else if (token.kind == TokenKind::kEnd) {
    Fail(token.span, "a value is expected here");
  } else {
    Fail(token.span, fmt::format("{} is not expected here", TextOf(token.span)));
  }
  --depth_;
  return value;
}

Expression ExpressionParser::Range(const Token& open) {
  Expression range;
  range.kind = ExpressionKind::kRange;
  range.first = std::make_unique<Expression>(Value());
  Expect(TokenKind::kRangeDots, "..");
  range.last = std::make_unique<Expression>(Value());
  const uint32_t end = peek().span.end;
  Expect(TokenKind::kCloseParenthesis, ")");
  range.span = {open.span.begin, end};
  return range;
}

Expression ExpressionParser::Path(const Token& root) {
  const bool goes_on = peek().kind == TokenKind::kDot || peek().kind == TokenKind::kOpenBracket;
  if (root.kind == TokenKind::kName && !goes_on) {
    if (root.text == "true") return Literal(root, Value::Bool(true));
    if (root.text == "false") return Literal(root, Value::Bool(false));
    if (root.text == "nil" || root.text == "null") return Literal(root, Value::Null());
    if (root.text == "empty") return Literal(root, Datum::Special(DatumKind::kEmpty));
    if (root.text == "blank") return Literal(root, Datum::Special(DatumKind::kBlank));
  }
  Expression path;
  path.kind = ExpressionKind::kPath;
  const bool bracket = root.kind == TokenKind::kOpenBracket;
  path.path.push_back({bracket ? std::string_view() : root.text, bracket ? Index() : nullptr});
  while (!failed_) {
    if (Take(TokenKind::kDot)) {
      const std::string_view name = peek().text;
      Expect(TokenKind::kName, "a name");
      path.path.push_back({name, nullptr});
    } else if (peek().kind == TokenKind::kOpenBracket) {
      Next();
      path.path.push_back({{}, Index()});
    } else {
      break;
    }
  }
  path.span = {root.span.begin, at_ == 0 ? root.span.end : tokens_[at_ - 1].span.end};
  return path;
}

ExpressionPointer ExpressionParser::Index() {
  const Span open = at_ == 0 ? peek().span : tokens_[at_ - 1].span;
  auto index = std::make_unique<Expression>(AtEnd() ? Expression() : Value());
  if (AtEnd()) Fail(open, "this bracket is never closed");
  Expect(TokenKind::kCloseBracket, "]");
  return index;
}

bool ExpressionParser::NextIsNamed() const {
  return peek().kind == TokenKind::kName && at_ + 1 < tokens_.size() &&
         tokens_[at_ + 1].kind == TokenKind::kColon;
}

NamedExpressions ExpressionParser::Arguments() {
  NamedExpressions named;
  Take(TokenKind::kComma);
  while (!AtEnd()) {
    const std::string_view name = peek().text;
    Expect(TokenKind::kName, "a name");
    Expect(TokenKind::kColon, "a colon");
    named.emplace_back(name, Value());
    Take(TokenKind::kComma);
  }
  return named;
}

FilterCall ExpressionParser::OneFilter() {
  FilterCall call;
  const Token name = peek();
  call.span = name.span;
  Expect(TokenKind::kName, "the name of a filter");
  if (failed_) return call;
  call.filter = FindFilter(name.text);
  if (call.filter == nullptr) {
    Fail(name.span, fmt::format("there is no filter \"{}\"", name.text),
         DidYouMean(name.text, FilterNames()));
    return call;
  }
  if (!Take(TokenKind::kColon)) return call;
  do {
    if (NextIsNamed()) {
      const std::string_view argument = Next().text;
      Next();
      call.named.emplace_back(argument, Value());
    } else {
      call.arguments.push_back(Value());
    }
  } while (!failed_ && Take(TokenKind::kComma));
  return call;
}

void ExpressionParser::CheckArguments(const FilterCall& call) {
  if (failed_) return;
  const Filter& filter = *call.filter;
  const size_t count = call.arguments.size();
  for (const auto& [name, value] : call.named) {
    if (filter.named_argument == name) continue;
    Fail(value.span, fmt::format("{} takes no argument called {}", filter.name, name));
  }
  if (count < filter.min_arguments) {
    Fail(call.span,
         fmt::format("{} needs {} argument{}", filter.name, filter.min_arguments,
                     filter.min_arguments == 1 ? "" : "s"),
         fmt::format("write {}: and the value", filter.name));
  } else if (count > filter.max_arguments) {
    Fail(call.arguments[filter.max_arguments].span,
         filter.max_arguments == 0
             ? fmt::format("{} takes no argument", filter.name)
             : fmt::format("{} takes at most {} argument{}", filter.name, filter.max_arguments,
                           filter.max_arguments == 1 ? "" : "s"));
  }
}

Filtered ExpressionParser::FilteredValue() {
  Filtered filtered;
  filtered.value = Value();
  while (!failed_ && Take(TokenKind::kPipe)) {
    filtered.filters.push_back(OneFilter());
    CheckArguments(filtered.filters.back());
  }
  return filtered;
}

Operator ExpressionParser::TakeOperator() {
  if (TakeWord("contains")) return Operator::kContains;
  if (peek().kind != TokenKind::kComparison) return Operator::kNone;
  const std::string_view text = Next().text;
  if (text == "==") return Operator::kEqual;
  if (text == "<") return Operator::kLess;
  if (text == "<=") return Operator::kLessOrEqual;
  if (text == ">") return Operator::kGreater;
  if (text == ">=") return Operator::kGreaterOrEqual;
  return Operator::kUnequal;
}

Condition ExpressionParser::ConditionList() {
  Condition condition;
  do {
    Comparison& comparison = condition.emplace_back();
    comparison.left = Value();
    comparison.op = TakeOperator();
    if (comparison.op != Operator::kNone) comparison.right = Value();
    if (TakeWord("and")) {
      comparison.and_next = true;
    } else if (!TakeWord("or")) {
      break;
    }
  } while (!failed_);
  ExpectEnd();
  return condition;
}

}  // namespace sojourn::liquid
