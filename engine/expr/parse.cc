#include "engine/expr/parse.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/base/utf8.h"
#include "engine/expr/lex.h"
#include "engine/expr/macro.h"

namespace sojourn::expr {
namespace {

using model::Value;

constexpr std::array<std::string_view, 19> kReserved = {
    "as",      "break",  "const", "continue", "else", "for",       "function",
    "if",      "import", "in",    "let",      "loop", "namespace", "null",
    "package", "return", "var",   "void",     "while"};

bool IsReserved(std::string_view name) {
  return std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end() || name == "true" ||
         name == "false";
}

// What can never be a field's name without backquotes.
bool IsWord(std::string_view name) {
  return name == "in" || name == "true" || name == "false" || name == "null";
}

// Recursive descent. Every parse function returns null after a reported error.
class Parser {
 public:
  Parser(Ast* ast, std::vector<Token> tokens, IssueList* issues)
      : ast_(ast), tokens_(std::move(tokens)), issues_(issues) {}

  Node* Run() {
    if (Here().kind == TokenKind::kEnd) return Fail(Here().span, "the expression is empty");
    Node* root = Expression();
    if (root == nullptr) return nullptr;
    if (Here().kind == TokenKind::kEnd) return root;
    return Unexpected("an operator such as && or the end");
  }

 private:
  // ---- Tokens

  const Token& Here() const { return tokens_[position_]; }
  bool At(std::string_view symbol) const {
    return Here().kind == TokenKind::kSymbol && Here().text == symbol;
  }
  bool Take(std::string_view symbol) {
    if (!At(symbol)) return false;
    last_end_ = Here().span.end;
    ++position_;
    return true;
  }
  const Token& Advance() {
    last_end_ = Here().span.end;
    return tokens_[position_++];
  }

  std::nullptr_t Fail(Span span, std::string message, std::string hint = "") {
    issues_->Error(code::kSyntax, span, std::move(message), std::move(hint));
    return nullptr;
  }

  std::nullptr_t Unexpected(std::string_view wanted) {
    const Token& token = Here();
    if (token.kind == TokenKind::kEnd) {
      const std::string_view last = position_ > 0 ? tokens_[position_ - 1].text : "";
      return Fail({last_end_, last_end_},
                  fmt::format("the text ends behind {}, where {} is needed", last, wanted),
                  last == "%" ? "percents are plain numbers here, texts stand in quotes" : "");
    }
    if (position_ > 0 && tokens_[position_ - 1].text == "not") {
      return Fail(tokens_[position_ - 1].span, "not is no operator", "write ! for \"not\"");
    }
    std::string hint;
    if (token.text == "and") hint = "write && for \"and\"";
    if (token.text == "or") hint = "write || for \"or\"";
    if (token.text == "not") hint = "write ! for \"not\"";
    if (token.text == "is" || token.text == "equals") {
      hint = fmt::format("write == for \"{}\"", token.text);
    }
    return Fail(token.span, fmt::format("expected {}, found {}", wanted, token.text), hint);
  }

  std::nullptr_t TooDeep(Span span) {
    issues_->Error(code::kLimit, span,
                   fmt::format("nested more than {} levels deep", kMaxExpressionNesting),
                   "split the expression, for example into segments");
    return nullptr;
  }

  // ---- Nodes

  Node* Make(NodeKind kind, uint32_t begin, std::vector<Node*> children) {
    int height = 1;
    for (const Node* child : children) height = std::max(height, child->height + 1);
    if (height > kMaxExpressionNesting) return TooDeep({begin, last_end_});
    Node& node = ast_->nodes.emplace_back();
    node.kind = kind;
    node.span = {begin, last_end_};
    node.children = std::move(children);
    node.height = height;
    return &node;
  }

  Node* MakeLiteral(Value value, uint32_t begin) {
    Node* node = Make(NodeKind::kLiteral, begin, {});
    node->value = value;
    return node;
  }

  // ---- Expressions, from the loosest operator to the tightest

  Node* Expression() {
    if (depth_ >= kMaxExpressionNesting) return TooDeep(Here().span);
    ++depth_;
    Node* node = Conditional();
    --depth_;
    return node;
  }

  Node* Conditional() {
    const uint32_t begin = Here().span.begin;
    Node* condition = Chain(NodeKind::kOr);
    if (condition == nullptr || !Take("?")) return condition;
    Node* yes = Chain(NodeKind::kOr);
    if (yes == nullptr) return nullptr;
    if (!Take(":")) return Unexpected("\":\" and the other value of \"? :\"");
    Node* no = Expression();
    if (no == nullptr) return nullptr;
    return Make(NodeKind::kConditional, begin, {condition, yes, no});
  }

  // a || b || c as one node, likewise &&.
  Node* Chain(NodeKind kind) {
    const uint32_t begin = Here().span.begin;
    const bool is_or = kind == NodeKind::kOr;
    std::vector<Node*> parts;
    do {
      Node* part = is_or ? Chain(NodeKind::kAnd) : Binary(0);
      if (part == nullptr) return nullptr;
      parts.push_back(part);
    } while (Take(is_or ? "||" : "&&"));
    return parts.size() == 1 ? parts[0] : Make(kind, begin, std::move(parts));
  }

  // The operator here, if it is of `level`: 0 relations, 1 sums, 2 products.
  std::optional<Operator> OperatorAt(int level) const {
    constexpr std::array<int, 12> kLevels = {1, 1, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0};
    for (size_t i = 0; i < kLevels.size(); ++i) {
      const auto op = static_cast<Operator>(i);
      if (kLevels[i] != level || Here().text != OperatorText(op)) continue;
      const TokenKind kind = op == Operator::kIn ? TokenKind::kName : TokenKind::kSymbol;
      if (Here().kind == kind) return op;
    }
    return std::nullopt;
  }

  Node* Binary(int level) {
    if (level == 3) return Unary();
    const uint32_t begin = Here().span.begin;
    Node* left = Binary(level + 1);
    while (left != nullptr) {
      const std::optional<Operator> op = OperatorAt(level);
      if (!op) break;
      Advance();
      Node* right = Binary(level + 1);
      if (right == nullptr) return nullptr;
      left = Make(NodeKind::kBinary, begin, {left, right});
      if (left != nullptr) left->op = *op;
    }
    return left;
  }

  Node* Unary() {
    if (!At("!") && !At("-")) return Member();
    const uint32_t begin = Here().span.begin;
    const bool negate = At("-");
    const TokenKind next = tokens_[position_ + 1].kind;
    if (negate && (next == TokenKind::kInt || next == TokenKind::kDouble)) return Member();
    if (depth_ >= kMaxExpressionNesting) return TooDeep(Here().span);
    Advance();
    ++depth_;
    Node* operand = Unary();
    --depth_;
    if (operand == nullptr) return nullptr;
    return Make(negate ? NodeKind::kNegate : NodeKind::kNot, begin, {operand});
  }

  Node* Member() {
    const uint32_t begin = Here().span.begin;
    Node* node = Primary();
    while (node != nullptr) {
      if (Take(".")) {
        node = Take("?") ? Maybe(begin, Field(begin, node)) : Selection(begin, node);
      } else if (Take("[")) {
        const bool maybe = Take("?");
        node = Subscript(begin, node);
        if (maybe) node = Maybe(begin, node);
      } else if (At("{") && (node->kind == NodeKind::kName || node->kind == NodeKind::kSelect)) {
        return Fail(Here().span, "messages cannot be made here",
                    "a map is written {\"key\": value}");
      } else {
        break;
      }
    }
    return node;
  }

  // After the bracket.
  Node* Subscript(uint32_t begin, Node* operand) {
    Node* index = Expression();
    if (index == nullptr) return nullptr;
    if (!Take("]")) return Unexpected("\"]\"");
    return Make(NodeKind::kIndex, begin, {operand, index});
  }

  Node* Maybe(uint32_t begin, Node* access) {
    return access == nullptr ? nullptr : Make(NodeKind::kMaybe, begin, {access});
  }

  // After the dot: a field, or a method.
  Node* Selection(uint32_t begin, Node* operand) {
    const Token& name = Here();
    const Token& next = tokens_[position_ + (name.kind == TokenKind::kEnd ? 0 : 1)];
    const bool call = name.kind == TokenKind::kName && next.text == "(" && !IsWord(name.text);
    if (!call) return Field(begin, operand);
    Advance();
    return Call(begin, name, operand);
  }

  Node* Field(uint32_t begin, Node* operand) {
    const Token& name = Here();
    const bool named = name.kind == TokenKind::kName && !IsWord(name.text);
    if (!named && name.kind != TokenKind::kQuoted) return Unexpected("a name after the dot");
    Advance();
    Node* node = Make(NodeKind::kSelect, begin, {operand});
    if (node == nullptr) return nullptr;
    node->name = name.text;
    node->name_span = name.span;
    return node;
  }

  Node* Primary() {
    const Token& token = Here();
    const uint32_t begin = token.span.begin;
    switch (token.kind) {
      case TokenKind::kInt:
        return Integer(begin, false);
      case TokenKind::kUint:
      case TokenKind::kDouble:
      case TokenKind::kString:
      case TokenKind::kBytes:
        return MakeLiteral(Advance().value, begin);
      case TokenKind::kName:
        return NameOrCall();
      case TokenKind::kSymbol:
        return SymbolPrimary();
      case TokenKind::kQuoted:
      case TokenKind::kEnd:
        break;
    }
    return Unexpected("a value");
  }

  Node* SymbolPrimary() {
    const uint32_t begin = Here().span.begin;
    if (Take("(")) {
      Node* node = Expression();
      if (node == nullptr) return nullptr;
      return Take(")") ? node : Unexpected("\")\"");
    }
    if (Take("[")) {
      std::vector<Node*> items;
      return ListItems("]", true, &items) ? Make(NodeKind::kList, begin, std::move(items))
                                          : nullptr;
    }
    if (Take("{")) {
      std::vector<Node*> items;
      return MapItems(&items) ? Make(NodeKind::kMap, begin, std::move(items)) : nullptr;
    }
    if (Take("-")) {
      if (Here().kind == TokenKind::kInt) return Integer(begin, true);
      return MakeLiteral(Value::Double(-Advance().value.double_value()), begin);
    }
    if (At(".") && tokens_[position_ + 1].kind == TokenKind::kName) {
      Advance();
      return NameOrCall();
    }
    return Unexpected("a value");
  }

  Node* Integer(uint32_t begin, bool negative) {
    const Token& token = Advance();
    const uint64_t magnitude = token.value.uint_value();
    const uint64_t most = static_cast<uint64_t>(INT64_MAX) + (negative ? 1 : 0);
    if (magnitude > most) return Fail({begin, token.span.end}, "the number is too large");
    return MakeLiteral(Value::Int(static_cast<int64_t>(negative ? 0 - magnitude : magnitude)),
                       begin);
  }

  Node* NameOrCall() {
    const Token& name = Here();
    const uint32_t begin = name.span.begin;
    if (name.text == "true" || name.text == "false" || name.text == "null") {
      Advance();
      return MakeLiteral(name.text == "null" ? Value::Null() : Value::Bool(name.text == "true"),
                         begin);
    }
    if (IsReserved(name.text)) {
      return Fail(name.span, fmt::format("\"{}\" is a reserved word", name.text));
    }
    Advance();
    if (At("(")) return Call(begin, name, nullptr);
    Node* node = Make(NodeKind::kName, begin, {});
    node->name = name.text;
    node->name_span = name.span;
    return node;
  }

  // One more item behind those there are; with `optional` it may be written ?item.
  bool Item(bool optional, std::vector<Node*>* items) {
    const bool maybe = optional && Take("?");
    Node* item = Expression();
    if (item == nullptr) return false;
    item->optional_item = maybe;
    items->push_back(item);
    return true;
  }

  bool CommaOr(std::string_view closing) {
    if (Take(",") || At(closing)) return true;
    Unexpected(fmt::format("\",\" or \"{}\"", closing));
    return false;
  }

  // Items up to `closing`; a comma may end them.
  bool ListItems(std::string_view closing, bool optional, std::vector<Node*>* items) {
    while (!Take(closing)) {
      if (!Item(optional, items) || !CommaOr(closing)) return false;
    }
    return true;
  }

  // As key, value, key, value; the mark of an optional entry goes from its key to its value.
  bool MapItems(std::vector<Node*>* items) {
    while (!Take("}")) {
      if (!Item(true, items)) return false;
      if (!Take(":")) return Unexpected("\":\" between key and value") != nullptr;
      if (!Item(false, items)) return false;
      std::swap(items->back()->optional_item, items->end()[-2]->optional_item);
      if (!CommaOr("}")) return false;
    }
    return true;
  }

  Node* Call(uint32_t begin, const Token& name, Node* receiver) {
    Advance();  // the parenthesis
    std::vector<Node*> children;
    if (receiver != nullptr) children.push_back(receiver);
    if (!ListItems(")", false, &children)) return nullptr;
    if (receiver == nullptr && name.text == "has") return Has(begin, children);
    if (receiver != nullptr) {
      LoopParts parts;
      if (IsBind(receiver, name.text)) {
        if (!ShapeBind({begin, last_end_}, children, &parts, issues_)) return nullptr;
        return Loop(begin, name.span, Macro::kBind, std::move(parts));
      }
      if (const std::optional<Macro> macro = FindMacro(name.text)) {
        if (!ShapeLoop(*macro, name.text, name.span, last_end_, children, &parts, issues_)) {
          return nullptr;
        }
        return Loop(begin, name.span, *macro, std::move(parts));
      }
    }
    Node* node = Make(NodeKind::kCall, begin, std::move(children));
    if (node == nullptr) return nullptr;
    node->name = name.text;
    node->name_span = name.span;
    node->method = receiver != nullptr;
    return node;
  }

  // has(x.name), and has(x["odd name"]), which means the same.
  Node* Has(uint32_t begin, const std::vector<Node*>& arguments) {
    Node* target = arguments.size() == 1 ? arguments[0] : nullptr;
    const bool odd_name = target != nullptr && target->kind == NodeKind::kIndex &&
                          target->children[1]->kind == NodeKind::kLiteral &&
                          target->children[1]->value.kind() == model::ValueKind::kString;
    if (target == nullptr || (target->kind != NodeKind::kSelect && !odd_name)) {
      return Fail({begin, last_end_}, "has() needs a field", "for example has(event.coupon)");
    }
    Node* node = Make(NodeKind::kHas, begin, {target->children[0]});
    node->name = odd_name ? target->children[1]->value.text() : target->name;
    node->name_span = odd_name ? target->children[1]->span : target->name_span;
    return node;
  }

  Node* Loop(uint32_t begin, Span name_span, Macro macro, LoopParts parts) {
    Node* node = Make(NodeKind::kLoop, begin, std::move(parts.children));
    if (node == nullptr) return nullptr;
    node->macro = macro;
    node->name = parts.first;
    node->second_name = parts.second;
    node->name_span = name_span;
    return node;
  }

  Ast* ast_;
  std::vector<Token> tokens_;
  IssueList* issues_;
  size_t position_ = 0;
  uint32_t last_end_ = 0;
  int depth_ = 0;
};

}  // namespace

std::unique_ptr<Ast> Parse(std::string_view text, IssueList* issues) {
  auto ast = std::make_unique<Ast>();
  ast->text = text;
  if (text.size() > kMaxExpressionBytes) {
    issues->Error(code::kLimit, {0, static_cast<uint32_t>(std::min<size_t>(text.size(), 1u << 31))},
                  fmt::format("the expression is longer than {} bytes", kMaxExpressionBytes));
    return ast;
  }
  if (const auto invalid = FirstInvalidUtf8(text)) {
    const auto at = static_cast<uint32_t>(*invalid);
    issues->Error(code::kSyntax, {at, at + 1}, "this byte is no valid UTF-8");
    return ast;
  }
  std::vector<Token> tokens = Lex(ast->text, &ast->arena, issues);
  if (!issues->has_error()) ast->root = Parser(ast.get(), std::move(tokens), issues).Run();
  return ast;
}

std::string DumpSyntax(std::string_view text) {
  IssueList issues;
  const std::unique_ptr<Ast> ast = Parse(text, &issues);
  return ast->root == nullptr ? issues.Sorted().front().message : DumpTree(*ast->root);
}

}  // namespace sojourn::expr
