// One function a tag.
#include <fmt/format.h>

#include <algorithm>

#include "engine/base/suggest.h"
#include "engine/liquid/characters.h"
#include "engine/liquid/line_column.h"
#include "engine/liquid/parser.h"

namespace sojourn::liquid {
namespace {

ExpressionPointer Boxed(Expression expression) {
  return std::make_unique<Expression>(std::move(expression));
}

}  // namespace

void Parser::Output(const Piece& piece, Block* block) {
  ExpressionParser markup = Markup(piece);
  if (!markup.failed() && markup.AtEnd()) return Add(block, piece.all, false, TextNode{});
  OutputNode node{markup.FilteredValue()};
  markup.ExpectEnd();
  Add(block, piece.all, false, std::move(node));
}

void Parser::If(const Piece& piece, Block* block) {
  IfNode node;
  node.is_unless = NameOf(piece) == "unless";
  bool is_blank = true;
  Inside(piece, [&] {
    Piece head = piece;
    do {
      IfNode::Branch branch;
      const bool is_else = NameOf(head) == "else";
      if (!is_else) branch.condition = Markup(head).ConditionList();
      branch.body = ParseBlock({"elsif", "else"});
      is_blank = is_blank && branch.body.is_blank;
      // What stands behind an else never counts.
      const bool is_over = !node.branches.empty() && node.branches.back().condition.empty();
      if (!is_over) node.branches.push_back(std::move(branch));
      head = piece_;
    } while (head.kind == PieceKind::kTag && NameOf(head).substr(0, 2) == "el");
    ReportUnclosed(piece, NameOf(piece));
  });
  for (IfNode::Branch& branch : node.branches) SkipBlank(&branch.body, is_blank);
  Add(block, piece.all, is_blank, std::move(node));
}

void Parser::Case(const Piece& piece, Block* block) {
  CaseNode node;
  ExpressionParser markup = Markup(piece);
  node.subject = markup.Value();
  markup.ExpectEnd();
  bool is_blank = true;
  Inside(piece, [&] {
    const Block before = ParseBlock({"when", "else"});
    if (!before.is_blank) {
      Issue(piece.all, "between {% case %} and the first {% when %} nothing is ever shown");
    }
    while (piece_.kind == PieceKind::kTag &&
           (NameOf(piece_) == "when" || NameOf(piece_) == "else")) {
      CaseNode::When when;
      when.is_else = NameOf(piece_) == "else";
      if (!when.is_else) {
        ExpressionParser values = Markup(piece_);
        do {
          when.values.push_back(values.Value());
        } while (!values.failed() && (values.Take(TokenKind::kComma) || values.TakeWord("or")));
        values.ExpectEnd();
      }
      when.body = ParseBlock({"when", "else"});
      is_blank = is_blank && when.body.is_blank;
      node.whens.push_back(std::move(when));
    }
    ReportUnclosed(piece, NameOf(piece));
  });
  for (CaseNode::When& when : node.whens) SkipBlank(&when.body, is_blank);
  Add(block, piece.all, is_blank, std::move(node));
}

void Parser::ForOptions(ExpressionParser* markup, ForNode* node) {
  while (!markup->failed() && !markup->AtEnd()) {
    if (markup->Take(TokenKind::kComma)) continue;
    if (!node->is_table && markup->TakeWord("reversed")) {
      node->reversed = true;
      continue;
    }
    const Token option = markup->peek();
    ExpressionPointer* value = option.text == "limit"                    ? &node->limit
                               : option.text == "offset"                 ? &node->offset
                               : option.text == "cols" && node->is_table ? &node->columns
                                                                         : nullptr;
    if (option.kind != TokenKind::kName || value == nullptr) {
      markup->Fail(option.span, fmt::format("{} is not expected here", TextOf(option.span)),
                   node->is_table ? "a table row has cols, limit and offset"
                                  : "a loop has limit, offset and reversed");
      return;
    }
    markup->TakeWord(option.text);
    markup->Expect(TokenKind::kColon, "a colon");
    if (option.text == "offset" && markup->TakeWord("continue")) {
      node->goes_on = true;
    } else {
      *value = Boxed(markup->Value());
    }
  }
}

void Parser::For(const Piece& piece, Block* block) {
  ForNode node;
  node.is_table = NameOf(piece) == "tablerow";
  ExpressionParser markup = Markup(piece);
  const Token variable = markup.peek();
  if (variable.kind != TokenKind::kName) markup.FailInstead("a name");
  node.variable = variable.text;
  markup.TakeWord(variable.text);
  if (!markup.TakeWord("in")) markup.FailInstead("in");
  node.items = markup.Value();
  node.name = fmt::format("{}-{}", node.variable, TextOf(node.items.span));
  ForOptions(&markup, &node);
  Inside(piece, [&] {
    node.body = ParseBlock({"else"});
    while (piece_.kind == PieceKind::kTag && NameOf(piece_) == "else") {
      if (node.is_table) Issue(piece_.all, "a table row has no {% else %}");
      node.otherwise = ParseBlock({"else"});
    }
    ReportUnclosed(piece, NameOf(piece));
  });
  const bool is_blank = !node.is_table && node.body.is_blank && node.otherwise.is_blank;
  SkipBlank(&node.body, is_blank);
  SkipBlank(&node.otherwise, is_blank);
  Add(block, piece.all, is_blank, std::move(node));
}

void Parser::Assign(const Piece& piece, Block* block) {
  ExpressionParser markup = Markup(piece);
  AssignNode node;
  const Token name = markup.peek();
  node.name = markup.NewName();
  if (!node.name.empty() && node.name.back() == '?') {
    markup.Fail(name.span, "a name cannot end with ? here");
  }
  markup.Expect(TokenKind::kAssign, "=");
  node.value = markup.FilteredValue();
  markup.ExpectEnd();
  Add(block, piece.all, true, std::move(node));
}

void Parser::Capture(const Piece& piece, Block* block) {
  ExpressionParser markup = Markup(piece);
  CaptureNode node;
  node.name = markup.NewName();
  markup.ExpectEnd();
  Inside(piece, [&] {
    node.body = ParseBlock({});
    ReportUnclosed(piece, NameOf(piece));
  });
  Add(block, piece.all, true, std::move(node));
}

void Parser::Counter(const Piece& piece, Block* block) {
  ExpressionParser markup = Markup(piece);
  CounterNode node;
  node.step = NameOf(piece) == "increment" ? 1 : -1;
  node.name = markup.NewName();
  markup.ExpectEnd();
  Add(block, piece.all, false, node);
}

void Parser::Cycle(const Piece& piece, Block* block) {
  ExpressionParser markup = Markup(piece);
  CycleNode node;
  node.key = TextOf(piece.markup);
  Expression first = markup.Value();
  if (markup.Take(TokenKind::kColon)) {
    node.name = std::move(first);
    first = markup.Value();
  }
  node.items.push_back(std::move(first));
  while (!markup.failed() && markup.Take(TokenKind::kComma)) {
    node.items.push_back(markup.Value());
  }
  markup.ExpectEnd();
  Add(block, piece.all, false, std::move(node));
}

void Parser::IfChanged(const Piece& piece, Block* block) {
  Markup(piece).ExpectEnd();
  IfChangedNode node;
  Inside(piece, [&] {
    node.body = ParseBlock({});
    ReportUnclosed(piece, NameOf(piece));
  });
  Add(block, piece.all, node.body.is_blank, std::move(node));
}

void Parser::Interrupt(const Piece& piece, Block* block) {
  Markup(piece).ExpectEnd();
  Add(block, piece.all, false, InterruptNode{NameOf(piece) == "break"});
}

void Parser::Raw(const Piece& piece, Block* block) {
  Markup(piece).ExpectEnd();
  bool found = false;
  const Span inside = reader_->SkipRaw("endraw", &found);
  if (!found) {
    return ReportEndless(piece);
  }
  Add(block, inside, inside.begin == inside.end, TextNode{TextOf(inside)});
}

void Parser::ReportEndless(const Piece& opened) {
  piece_ = Piece();
  ReportUnclosed(opened, NameOf(opened));
  is_cut_ = true;
}

void Parser::Comment(const Piece& piece, Block*) {
  bool found = false;
  reader_->SkipComment(&found);
  if (!found) ReportEndless(piece);
}

void Parser::InlineComment(const Piece& piece, Block*) {
  std::string_view rest = TextOf(piece.markup);
  for (size_t line = rest.find('\n'); line != std::string_view::npos; line = rest.find('\n')) {
    rest = TrimLeft(rest.substr(line + 1));
    if (rest.empty() || rest[0] == '#') continue;
    const auto at = static_cast<uint32_t>(rest.data() - text_.data());
    return Issue({at, at + 1}, "each line of a comment begins with #");
  }
}

void Parser::Doc(const Piece& piece, Block*) {
  ExpressionParser markup = Markup(piece);
  if (!markup.AtEnd()) markup.Fail(markup.peek().span, "{% doc %} takes nothing");
  bool found = false;
  reader_->SkipRaw("enddoc", &found);
  if (!found) ReportEndless(piece);
}

void Parser::LiquidTag(const Piece& piece, Block* block) {
  PieceReader lines(text_, piece.markup, PieceReader::Mode::kLines);
  PieceReader* const outer = reader_;
  if (++depth_ > kMaxLiquidNesting) {
    Issue(piece.all, "tags are nested too deep");
  } else {
    reader_ = &lines;
    Block inside = ParseBlock({});
    reader_ = outer;
    block->is_blank = block->is_blank && inside.is_blank;
    std::move(inside.nodes.begin(), inside.nodes.end(), std::back_inserter(block->nodes));
  }
  --depth_;
  piece_ = piece;
}

void Parser::Partial(const Piece& piece, Block* block) {
  ExpressionParser markup = Markup(piece);
  PartialNode node;
  node.is_isolated = NameOf(piece) == "render";
  const Token name = markup.peek();
  if (!markup.Take(TokenKind::kString)) {
    return markup.FailInstead("the name of the partial", "a name in quotes; it cannot be computed");
  }
  node.variable = name.text;
  node.is_for_each = markup.TakeWord("for");
  if (node.is_for_each || markup.TakeWord("with")) {
    node.bound = Boxed(markup.Value());
    if (markup.TakeWord("as")) node.variable = markup.NewName();
  }
  node.arguments = markup.Arguments();
  if (markup.failed()) return;
  node.partial = FindPartial(name.span, name.text);
  if (node.partial == nullptr) return;
  result_->placed_partials += 1 + node.partial->placed_partials;
  const int depth = depth_ + 1 + node.partial->depth;
  result_->depth = std::max(result_->depth, depth);
  if (result_->placed_partials > kMaxLiquidPartials) {
    return Issue(name.span, fmt::format("more than {} partials are placed, counting those in "
                                        "partials",
                                        kMaxLiquidPartials));
  }
  if (depth > kMaxLiquidNesting) {
    return Issue(name.span, "tags are nested too deep, counting those of the partial");
  }
  Add(block, piece.all, false, std::move(node));
}

std::shared_ptr<const Template> Parser::FindPartial(Span span, std::string_view name) {
  const auto known = partials_->parsed.find(name);
  if (known != partials_->parsed.end()) {
    if (known->second == nullptr) Issue(span, fmt::format("the partial \"{}\" has mistakes", name));
    return known->second;
  }
  std::vector<std::string>& open = partials_->open;
  if (std::find(open.begin(), open.end(), name) != open.end()) {
    Issue(span, fmt::format("the partial \"{}\" stands in itself", name));
    return nullptr;
  }
  if (open.size() >= kMaxLiquidPartialDepth) {
    Issue(span,
          fmt::format("partials stand in each other more than {} deep", kMaxLiquidPartialDepth));
    return nullptr;
  }
  const auto text = partials_->source == nullptr ? std::nullopt : partials_->source->Find(name);
  if (!text) {
    Issue(span, fmt::format("there is no partial \"{}\"", name),
          partials_->source == nullptr ? "" : DidYouMean(name, partials_->source->Names()));
    return nullptr;
  }
  open.emplace_back(name);
  const ParseResult result = ParseText(*text, std::string(name), partials_);
  open.pop_back();
  TellPartialIssues(span, name, *text, result.issues);
  partials_->parsed.emplace(name, result.parsed);
  return result.parsed;
}

void Parser::TellPartialIssues(Span span, std::string_view name, const std::string& text,
                               const std::vector<liquid::Issue>& issues) {
  for (const liquid::Issue& issue : issues) {
    Issue(span,
          fmt::format("partial \"{}\" {}: {}", name, LineColumn(text, issue.begin), issue.message),
          issue.hint);
    issues_->back().partial = name;
  }
}

}  // namespace sojourn::liquid
