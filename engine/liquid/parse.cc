// Blocks: which tag ends what.
#include <fmt/format.h>

#include <algorithm>

#include "engine/base/suggest.h"
#include "engine/liquid/characters.h"
#include "engine/liquid/parser.h"
#include "engine/liquid/reads.h"

namespace sojourn::liquid {
namespace {

constexpr std::string_view kEnd = "end";
// Tags that open a block, each closed by "end" and its name.
constexpr std::string_view kBlocks[] = {"if",      "unless",  "case",      "for", "tablerow",
                                        "capture", "comment", "ifchanged", "raw", "doc"};
// Tags that continue a block.
constexpr std::string_view kMiddles[] = {"else", "elsif", "when"};

bool IsBlankText(std::string_view text) { return TrimLeft(text).empty(); }

}  // namespace

const std::map<std::string_view, Parser::TagParser>& Parser::Tags() {
  static const auto* const kTags = new std::map<std::string_view, TagParser>{
      {"if", &Parser::If},
      {"unless", &Parser::If},
      {"case", &Parser::Case},
      {"for", &Parser::For},
      {"tablerow", &Parser::For},
      {"assign", &Parser::Assign},
      {"capture", &Parser::Capture},
      {"increment", &Parser::Counter},
      {"decrement", &Parser::Counter},
      {"cycle", &Parser::Cycle},
      {"ifchanged", &Parser::IfChanged},
      {"break", &Parser::Interrupt},
      {"continue", &Parser::Interrupt},
      {"echo", &Parser::Output},
      {"raw", &Parser::Raw},
      {"comment", &Parser::Comment},
      {"#", &Parser::InlineComment},
      {"doc", &Parser::Doc},
      {"liquid", &Parser::LiquidTag},
      {"include", &Parser::Partial},
      {"render", &Parser::Partial},
  };
  return *kTags;
}

Block Parser::Run() {
  PieceReader reader(text_, {0, static_cast<uint32_t>(text_.size())}, PieceReader::Mode::kTemplate);
  reader_ = &reader;
  Block block = ParseBlock({});
  reader_ = nullptr;
  return block;
}

void Parser::Advance() {
  const size_t before = issues_->size();
  piece_ = reader_->Next(issues_);
  if (piece_.kind == PieceKind::kEnd && issues_->size() > before) is_cut_ = true;
}

Block Parser::ParseBlock(Words stops) {
  Block block;
  for (Advance(); piece_.kind != PieceKind::kEnd; Advance()) {
    if (piece_.kind == PieceKind::kTag) {
      const std::string_view name = NameOf(piece_);
      if (std::find(stops.begin(), stops.end(), name) != stops.end()) return block;
      if (name.substr(0, kEnd.size()) == kEnd) {
        if (EndsBlock()) return block;
        continue;
      }
    }
    ParsePiece(&block);
    if (piece_.kind == PieceKind::kEnd) return block;
    if (ends_outer_) {
      ends_outer_ = NameOf(piece_).substr(kEnd.size()) != open_.back().name;
      return block;
    }
  }
  return block;
}

void Parser::ParsePiece(Block* block) {
  if (piece_.kind == PieceKind::kText) {
    const std::string_view text = TextOf(piece_.all);
    if (!text.empty()) Add(block, piece_.all, IsBlankText(text), TextNode{text});
  } else if (piece_.kind == PieceKind::kOutput) {
    const Piece piece = piece_;
    Output(piece, block);
  } else {
    ParseTag(block);
  }
}

void Parser::ParseTag(Block* block) {
  const Piece piece = piece_;
  const auto found = Tags().find(NameOf(piece));
  if (found == Tags().end()) return UnknownTag(piece);
  (this->*found->second)(piece, block);
}

bool Parser::EndsBlock() {
  const std::string_view name = NameOf(piece_);
  const std::string_view block = name.substr(kEnd.size());
  const bool here = !open_.empty() && open_.back().reader == reader_;
  if (!here && unknown_tags_ > 0) {
    --unknown_tags_;  // it closes a tag that has been told
    return false;
  }
  if (here && open_.back().name == block) return true;
  Issue(piece_.name, here ? fmt::format("{{% {} %}} stands where {{% end{} %}} is expected", name,
                                        open_.back().name)
                          : fmt::format("{{% {} %}} closes nothing", name));
  if (!here) return false;
  open_.back().has_wrong_end = true;
  // What it was meant to close counts as closed; a misspelt one was meant for the innermost.
  ends_outer_ = std::any_of(open_.begin(), open_.end(), [&](const OpenBlock& open) {
    return open.reader == reader_ && open.name == block;
  });
  return ends_outer_ ||
         std::find(std::begin(kBlocks), std::end(kBlocks), block) == std::end(kBlocks);
}

void Parser::ReportUnclosed(const Piece& opened, std::string_view name) {
  if (piece_.kind != PieceKind::kEnd || is_cut_) return;
  if (!open_.empty() && open_.back().name == name && open_.back().has_wrong_end) return;
  const bool line = reader_->mode() == PieceReader::Mode::kLines;
  Issue(line ? opened.name : Span{opened.all.begin, opened.all.begin + 2},
        fmt::format("{{% {} %}} is never closed", name), fmt::format("write {{% end{} %}}", name));
}

void Parser::UnknownTag(const Piece& piece) {
  const std::string_view name = NameOf(piece);
  const Span span{piece.name.begin, std::max(piece.name.end, piece.name.begin + 1)};
  if (std::find(std::begin(kMiddles), std::end(kMiddles), name) != std::end(kMiddles)) {
    if (unknown_tags_ > 0) return;  // of a tag that has been told
    return Issue(span, fmt::format("{{% {} %}} stands in no block that has it", name));
  }
  ++unknown_tags_;
  std::vector<std::string> known(std::begin(kMiddles), std::end(kMiddles));
  for (const auto& [tag, parse] : Tags()) known.emplace_back(tag);
  Issue(span, fmt::format("unknown tag \"{}\"", name), DidYouMean(name, known));
}

void Parser::Add(Block* block, Span span, bool is_blank, decltype(Node::content) content) {
  block->is_blank = block->is_blank && is_blank;
  block->nodes.push_back({span, std::move(content)});
}

// Whitespace in a block that can print nothing else is left out.
void Parser::SkipBlank(Block* body, bool is_blank) {
  if (!is_blank) return;
  body->nodes.erase(std::remove_if(body->nodes.begin(), body->nodes.end(),
                                   [](const Node& node) {
                                     return std::holds_alternative<TextNode>(node.content);
                                   }),
                    body->nodes.end());
}

ParseResult ParseText(std::string_view text, std::string name, PartialContext* partials) {
  ParseResult result;
  if (text.size() > kMaxLiquidBytes) {
    result.issues.push_back(
        {0, 1, fmt::format("the text is longer than {} bytes", kMaxLiquidBytes), ""});
    return result;
  }
  auto parsed = std::make_shared<Template>();
  parsed->text = text;
  parsed->name = std::move(name);
  if (parsed->name.empty()) parsed->first_line = partials->first_line;
  parsed->body = Parser(parsed.get(), partials, &result.issues).Run();
  result.reads = ReadsOf(*parsed);
  if (result.issues.empty()) result.parsed = std::move(parsed);
  std::stable_sort(result.issues.begin(), result.issues.end(),
                   [](const Issue& a, const Issue& b) { return a.begin < b.begin; });
  return result;
}

ParseResult Parse(std::string_view text, const ParseOptions& options) {
  PartialContext partials;
  partials.source = options.partials;
  if (!options.name.empty()) partials.open.emplace_back(options.name);
  partials.first_line = options.first_line;
  return ParseText(text, "", &partials);
}

}  // namespace sojourn::liquid
