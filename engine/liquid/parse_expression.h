// Second stage, the inside of a tag: values, filters and conditions. Internal to this folder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/liquid/ast.h"
#include "engine/liquid/lex.h"

namespace sojourn::liquid {

// Reads one markup from left to right. The first mistake is reported, later ones are its
// consequences; after it everything reads as empty and failed() holds. Threads: one owner.
class ExpressionParser {
 public:
  ExpressionParser(std::string_view text, Span markup, std::vector<Issue>* issues);

  bool failed() const { return failed_; }
  const Token& peek() const { return tokens_[at_]; }
  bool AtEnd() const { return peek().kind == TokenKind::kEnd; }

  // Takes the next token if it is of this kind, or this word.
  bool Take(TokenKind kind);
  bool TakeWord(std::string_view word);
  // The same, or an issue that says what is expected.
  void Expect(TokenKind kind, std::string_view what);
  // `what` should stand where the next token does.
  void FailInstead(std::string_view what, std::string hint = "");
  // A name for a new variable.
  std::string_view NewName();
  void ExpectEnd();

  Expression Value();
  Filtered FilteredValue();
  Condition ConditionList();
  // `name: value` pairs up to the end, commas between them optional.
  NamedExpressions Arguments();

  void Fail(Span span, std::string message, std::string hint = "");

 private:
  const Token& Next();
  bool NextIsNamed() const;
  Expression Literal(const Token& token, Datum literal);
  Expression NumberLiteral(const Token& token);
  Expression Range(const Token& open);
  Expression Path(const Token& root);
  ExpressionPointer Index();
  FilterCall OneFilter();
  void CheckArguments(const FilterCall& call);
  Operator TakeOperator();
  std::string_view TextOf(Span span) const;

  const std::string_view text_;
  std::vector<Issue>* const issues_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  bool failed_ = false;
};

}  // namespace sojourn::liquid
