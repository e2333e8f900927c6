// Second stage: pieces into a tree. Internal to this folder.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/liquid/ast.h"
#include "engine/liquid/lex.h"
#include "engine/liquid/parse_expression.h"

namespace sojourn::liquid {

// What a template and its partials share while they are parsed.
struct PartialContext {
  const PartialSource* source = nullptr;
  int first_line = 1;             // of the outermost text
  std::vector<std::string> open;  // partials being parsed, the outermost first
  // Each partial is parsed once; null: it has mistakes, which were told where it was placed first.
  std::map<std::string, std::shared_ptr<const Template>, std::less<>> parsed;
};

ParseResult ParseText(std::string_view text, std::string name, PartialContext* partials);

// Threads: one owner; for one text.
class Parser {
 public:
  Parser(Template* result, PartialContext* partials, std::vector<Issue>* issues)
      : result_(result), text_(result->text), partials_(partials), issues_(issues) {}

  Block Run();

 private:
  using Words = std::initializer_list<std::string_view>;
  struct OpenBlock {
    std::string_view name;
    const PieceReader* reader;   // a block is closed where it was opened
    bool has_wrong_end = false;  // an end that is not its own stands in it, which has been told
  };
  using TagParser = void (Parser::*)(const Piece& piece, Block* block);
  static const std::map<std::string_view, TagParser>& Tags();

  // ---- blocks (parse.cc)
  // Up to a tag of `stops` or the closing tag of the innermost block, which piece_ then is.
  Block ParseBlock(Words stops);
  void Advance();
  void ParsePiece(Block* block);
  // Whether the current piece, an end tag of something, ends the innermost block.
  bool EndsBlock();
  void ReportUnclosed(const Piece& opened, std::string_view name);
  // Runs `parse` for the inside of the block that `opened` opens.
  template <typename Parse>
  void Inside(const Piece& opened, Parse parse);
  void ParseTag(Block* block);
  void UnknownTag(const Piece& piece);
  void Add(Block* block, Span span, bool is_blank, decltype(Node::content) content);
  void SkipBlank(Block* body, bool is_blank);

  // ---- tags (parse_tags.cc)
  void Output(const Piece& piece, Block* block);
  void If(const Piece& piece, Block* block);
  void Case(const Piece& piece, Block* block);
  void For(const Piece& piece, Block* block);
  void ForOptions(ExpressionParser* markup, ForNode* node);
  void Assign(const Piece& piece, Block* block);
  void Capture(const Piece& piece, Block* block);
  void Counter(const Piece& piece, Block* block);
  void Cycle(const Piece& piece, Block* block);
  void IfChanged(const Piece& piece, Block* block);
  void Interrupt(const Piece& piece, Block* block);
  void Raw(const Piece& piece, Block* block);
  void ReportEndless(const Piece& opened);
  void Comment(const Piece& piece, Block* block);
  void InlineComment(const Piece& piece, Block* block);
  void Doc(const Piece& piece, Block* block);
  void LiquidTag(const Piece& piece, Block* block);
  void Partial(const Piece& piece, Block* block);
  std::shared_ptr<const Template> FindPartial(Span span, std::string_view name);
  void TellPartialIssues(Span span, std::string_view name, const std::string& text,
                         const std::vector<Issue>& issues);

  ExpressionParser Markup(const Piece& piece) { return {text_, piece.markup, issues_}; }
  std::string_view TextOf(Span span) const {
    return text_.substr(span.begin, span.end - span.begin);
  }
  std::string_view NameOf(const Piece& piece) const { return TextOf(piece.name); }
  void Issue(Span span, std::string message, std::string hint = "") {
    issues_->push_back({span.begin, span.end, std::move(message), std::move(hint)});
  }

  Template* const result_;
  const std::string_view text_;
  PartialContext* const partials_;
  std::vector<liquid::Issue>* const issues_;
  PieceReader* reader_ = nullptr;
  Piece piece_;  // the one read last
  std::vector<OpenBlock> open_;
  int depth_ = 0;
  bool ends_outer_ = false;  // piece_ closes an outer block, and so those in it
  int unknown_tags_ = 0;     // told, and not yet closed by an end
  bool is_cut_ = false;      // the rest of the text could not be read, which has been told
};

template <typename Parse>
void Parser::Inside(const Piece& opened, Parse parse) {
  const std::string_view name = NameOf(opened);
  open_.push_back({name, reader_, false});
  result_->depth = std::max(result_->depth, depth_ + 1);
  if (++depth_ > kMaxLiquidNesting) {
    Issue(opened.all, "tags are nested too deep");
    piece_ = Piece();
    is_cut_ = true;
  } else {
    parse();
  }
  --depth_;
  open_.pop_back();
  if (piece_.kind != PieceKind::kEnd && !ends_outer_) piece_ = opened;
}

}  // namespace sojourn::liquid
