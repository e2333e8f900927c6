// YAML bytes -> node tree, from libfyaml's events. The library reads iteratively and is stopped at
// the nesting limit, so nothing here recurses.
#include <fmt/format.h>
#include <libfyaml.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "engine/base/limits.h"
#include "engine/base/utf8.h"
#include "engine/language/yaml.h"
#include "engine/language/yaml_mistake.h"

namespace sojourn::language {
namespace {

// The first byte that YAML text may not hold; npos where all is well.
size_t FirstForbidden(std::string_view text) {
  size_t position = 0;
  while (position < text.size()) {
    const size_t begin = position;
    const uint32_t point = NextCodePoint(text, &position);
    const bool control = (point < 0x20 && point != '\t' && point != '\n') ||
                         (point >= 0x7F && point < 0xA0 && point != 0x85);
    if (control || point == 0xFEFF || point == 0xFFFE || point == 0xFFFF) return begin;
  }
  return std::string_view::npos;
}

bool CheckCharacters(const SourceFile& file, SourceRange range, Reporter* reporter) {
  const std::string_view text =
      std::string_view(file.text()).substr(range.begin, range.end - range.begin);
  if (!CheckUtf8(file, range, reporter)) return false;
  const size_t forbidden = FirstForbidden(text);
  if (forbidden == std::string_view::npos) return true;
  const auto at = range.begin + static_cast<uint32_t>(forbidden);
  reporter->Error(Code::kBadCharacters, file, {at, at + 1},
                  "this control character may not stand in a rules file");
  return false;
}

class DiagDeleter {
 public:
  void operator()(fy_diag* diag) const { fy_diag_unref(diag); }
};
class ParserDeleter {
 public:
  void operator()(fy_parser* parser) const { fy_parser_destroy(parser); }
};

// The library's own list of errors leaks, so its printed messages are read instead.
void KeepOutput(fy_diag*, void* user, const char* text, size_t length) {
  static_cast<std::string*>(user)->append(text, length);
}

}  // namespace

bool CheckUtf8(const SourceFile& file, SourceRange range, Reporter* reporter) {
  const auto invalid =
      FirstInvalidUtf8(std::string_view(file.text()).substr(range.begin, range.end - range.begin));
  if (!invalid) return true;
  const auto at = range.begin + static_cast<uint32_t>(*invalid);
  reporter->Error(Code::kBadCharacters, file, {at, at + 1}, "this byte is not UTF-8",
                  "save the file as UTF-8");
  return false;
}

class YamlBuilder {
 public:
  YamlBuilder(const SourceFile& file, SourceRange range, Reporter* reporter)
      : file_(file), range_(range), reporter_(reporter), last_end_(range.begin) {}

  std::unique_ptr<YamlDocument> Build() {
    if (!CheckCharacters(file_, range_, reporter_)) return nullptr;
    fy_diag_cfg diag_config;
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = nullptr;
    diag_config.output_fn = KeepOutput;
    diag_config.user = &library_output_;
    diag_config.colorize = false;
    std::unique_ptr<fy_diag, DiagDeleter> diag(fy_diag_create(&diag_config));
    fy_parse_cfg config{};
    config.flags = static_cast<fy_parse_cfg_flags>(FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE |
                                                   FYPCF_DISABLE_DEPTH_LIMIT);
    config.diag = diag.get();
    std::unique_ptr<fy_parser, ParserDeleter> parser(fy_parser_create(&config));
    if (parser == nullptr || fy_parser_set_string(parser.get(), file_.text().data() + range_.begin,
                                                  range_.end - range_.begin) != 0) {
      reporter_->Error(Code::kBadYaml, file_, range_, "the YAML reader cannot start");
      return nullptr;
    }
    Pump(parser.get());
    if (!failed_ && fy_parser_get_stream_error(parser.get())) ReportLibraryError();
    if (!failed_ && IsEmpty()) {
      Fail(Code::kEmptyFile, {range_.begin, range_.begin}, "the file is empty",
           "delete the file or write a rule into it");
    }
    if (failed_) return nullptr;
    return std::move(document_);
  }

 private:
  struct Sizes {  // of a finished subtree, aliases expanded
    size_t total = 0;
    size_t by_alias = 0;
    int height = 0;
  };
  struct Open {
    Node* node = nullptr;
    Node* key = nullptr;  // mappings: waiting for its value
    std::unordered_map<std::string, Node*> keys;
    std::string anchor;
    Sizes sizes;
  };

  void Pump(fy_parser* parser) {
    while (!failed_) {
      fy_event* event = fy_parser_parse(parser);
      if (event == nullptr) return;
      Handle(event);
      fy_parser_event_free(parser, event);
    }
  }

  void Handle(fy_event* event) {
    switch (event->type) {
      case FYET_DOCUMENT_START:
        return DocumentStart(event);
      case FYET_SCALAR:
        return Scalar(event);
      case FYET_ALIAS:
        return Alias(event);
      case FYET_SEQUENCE_START:
        return OpenNode(event, NodeKind::kSequence, event->sequence_start.anchor,
                        event->sequence_start.tag);
      case FYET_MAPPING_START:
        return OpenNode(event, NodeKind::kMapping, event->mapping_start.anchor,
                        event->mapping_start.tag);
      case FYET_SEQUENCE_END:
      case FYET_MAPPING_END:
        return CloseNode(event);
      default:
        return;
    }
  }

  void DocumentStart(fy_event* event) {
    if (document_->root_ == nullptr && documents_++ == 0) return;
    Fail(Code::kSeveralDocuments, Mark(event), "a second document starts here",
         "write one rule a file");
  }

  static bool IsBlock(ScalarStyle style) {
    return style == ScalarStyle::kLiteral || style == ScalarStyle::kFolded;
  }

  // What stands there without the indentation before it and the blanks behind it.
  SourceRange WithoutBlanks(SourceRange range) const {
    const std::string& text = file_.text();
    const auto blank = [&](uint32_t at) { return text[at] == ' ' || text[at] == '\n'; };
    while (range.begin < range.end && blank(range.begin)) ++range.begin;
    while (range.end > range.begin && blank(range.end - 1)) --range.end;
    return range;
  }

  void Scalar(fy_event* event) {
    if (RefuseTag(event->scalar.tag)) return;
    Node* node = NewNode(NodeKind::kScalar);
    const bool has_marks = fy_event_start_mark(event) != nullptr;
    node->content = has_marks ? Mark(event) : EmptyPlace();
    switch (fy_token_scalar_style(event->scalar.value)) {
      case FYSS_SINGLE_QUOTED:
        node->style = ScalarStyle::kSingleQuoted;
        break;
      case FYSS_DOUBLE_QUOTED:
        node->style = ScalarStyle::kDoubleQuoted;
        break;
      case FYSS_LITERAL:
        node->style = ScalarStyle::kLiteral;
        break;
      case FYSS_FOLDED:
        node->style = ScalarStyle::kFolded;
        break;
      default:
        node->style = ScalarStyle::kPlain;
    }
    size_t length = 0;
    const char* text = fy_token_get_text(event->scalar.value, &length);
    if (text != nullptr) node->text.assign(text, length);
    const bool quoted =
        node->style == ScalarStyle::kSingleQuoted || node->style == ScalarStyle::kDoubleQuoted;
    node->range = IsBlock(node->style) ? WithoutBlanks(node->content) : node->content;
    if (quoted && node->range.begin > 0) --node->range.begin;
    if (quoted) ++node->range.end;
    last_end_ = std::max(node->content.end, node->range.end);
    Place(node, AnchorText(event->scalar.anchor), {node->text.size() + 1, 0, 1});
  }

  void Alias(fy_event* event) {
    SourceRange range = Mark(event);
    if (range.begin > 0) --range.begin;  // the star
    last_end_ = range.end;
    const std::string name = AnchorText(event->alias.anchor);
    const auto found = anchors_.find(name);
    if (found == anchors_.end()) {
      return Fail(Code::kBadAlias, range, fmt::format("no anchor &{} stands before this", name));
    }
    Sizes sizes = sizes_[found->second];
    sizes.by_alias = sizes.total;
    alias_range_ = range;
    Place(found->second, "", sizes);
  }

  void OpenNode(fy_event* event, NodeKind kind, fy_token* anchor, fy_token* tag) {
    if (RefuseTag(tag)) return;
    Node* node = NewNode(kind);
    node->range = Mark(event);
    if (static_cast<int>(open_.size()) >= kMaxYamlNesting) {
      return Fail(Code::kNestedTooDeep, node->range,
                  fmt::format("nesting deeper than {} levels", kMaxYamlNesting));
    }
    if (!open_.empty() && open_.back().node->is_mapping() && open_.back().key == nullptr) {
      return Fail(Code::kBadKey, node->range, "a key must be text");
    }
    Open open;
    open.node = node;
    open.anchor = AnchorText(anchor);
    open_.push_back(std::move(open));
  }

  void CloseNode(fy_event* event) {
    Open open = std::move(open_.back());
    open_.pop_back();
    const SourceRange end = Mark(event);
    const bool flow = open.node->is_flow();
    open.node->range.end = std::max(open.node->range.begin, flow ? end.end : last_end_);
    last_end_ = open.node->range.end;
    ++open.sizes.height;
    ++open.sizes.total;
    Place(open.node, open.anchor, open.sizes);
  }

  // Puts a finished node where it belongs.
  void Place(Node* node, const std::string& anchor, const Sizes& sizes) {
    if (!anchor.empty()) {
      anchors_[anchor] = node;
      sizes_[node] = sizes;
    }
    if (open_.empty()) {
      document_->root_ = node;
      return;
    }
    Open& parent = open_.back();
    if (parent.node->is_mapping() && parent.key == nullptr) return PlaceKey(node, &parent);
    parent.sizes.total += sizes.total;
    parent.sizes.by_alias += sizes.by_alias;
    parent.sizes.height = std::max(parent.sizes.height, sizes.height);
    if (parent.sizes.by_alias > kMaxAliasExpansionBytes) {
      return Fail(Code::kAliasesTooLarge, alias_range_,
                  fmt::format("aliases expand to more than {} bytes", kMaxAliasExpansionBytes));
    }
    if (static_cast<int>(open_.size()) + sizes.height > kMaxYamlNesting + 1) {
      return Fail(Code::kNestedTooDeep, alias_range_,
                  fmt::format("nesting deeper than {} levels", kMaxYamlNesting));
    }
    if (parent.node->is_sequence()) {
      parent.node->items.push_back(node);
    } else {
      parent.node->entries.push_back({parent.key, node});
      parent.key = nullptr;
    }
  }

  void PlaceKey(Node* node, Open* parent) {
    if (!node->is_scalar()) return Fail(Code::kBadKey, alias_range_, "a key must be text");
    const auto [first, is_new] = parent->keys.emplace(node->text, node);
    if (!is_new) {
      reporter_->Error(Code::kDuplicateKey, file_, node->range,
                       fmt::format("the key \"{}\" stands twice in this mapping", node->text),
                       fmt::format("it stands first in line {}",
                                   file_.PositionOf(first->second->range.begin).line));
    }
    parent->key = node;
    parent->sizes.total += node->text.size() + 1;
  }

  bool RefuseTag(fy_token* tag) {
    if (tag == nullptr) return false;
    const fy_mark* start = fy_token_start_mark(tag);
    const fy_mark* end = fy_token_end_mark(tag);
    SourceRange range{last_end_, last_end_ + 1};
    if (start != nullptr) range.begin = Offset(start->input_pos);
    if (end != nullptr) range.end = Offset(end->input_pos);
    // `!has(event.coupon)` is a tag to YAML.
    const std::string_view tag_text =
        std::string_view(file_.text()).substr(range.begin, range.end - range.begin);
    const bool expression = tag_text.find_first_of(".(") != std::string_view::npos;
    Fail(Code::kTag, range, fmt::format("the YAML tag {} is not allowed", tag_text),
         expression ? "put an expression that begins with ! in quotes" : "leave the tag out");
    return true;
  }

  bool IsEmpty() const {
    return document_->root_ == nullptr ||
           (document_->root_->is_null() && document_->root_->text.empty());
  }

  // An empty value stands behind its key or dash.
  SourceRange EmptyPlace() const {
    uint32_t at = last_end_;
    if (!open_.empty() && open_.back().key != nullptr) {
      at = open_.back().key->range.end + 1;
    } else if (!open_.empty() && open_.back().node->is_sequence()) {
      at = BehindNextDash();
    }
    return {std::min(at, range_.end), std::min(at, range_.end)};
  }

  // Where the next item of a list stands that has no text; comments may lie between.
  uint32_t BehindNextDash() const {
    const std::string& text = file_.text();
    bool comment = false;
    for (uint32_t at = last_end_; at < range_.end; ++at) {
      if (text[at] == '-' && !comment) return at + 1;
      comment = text[at] == '#' || (comment && text[at] != '\n');
    }
    return last_end_;
  }

  void ReportLibraryError() {
    const YamlMistake mistake = ReadLibraryError(file_, range_, last_end_, library_output_);
    Fail(Code::kBadYaml, mistake.range, mistake.message, mistake.hint);
  }

  SourceRange Mark(fy_event* event) const {
    const fy_mark* start = fy_event_start_mark(event);
    const fy_mark* end = fy_event_end_mark(event);
    SourceRange range{last_end_, last_end_};
    if (start != nullptr) range.begin = Offset(start->input_pos);
    range.end = end != nullptr ? Offset(end->input_pos) : range.begin;
    return range;
  }

  uint32_t Offset(size_t input_position) const {
    return std::min(range_.begin + static_cast<uint32_t>(input_position), range_.end);
  }

  static std::string AnchorText(fy_token* anchor) {
    if (anchor == nullptr) return "";
    size_t length = 0;
    const char* text = fy_token_get_text(anchor, &length);
    return text == nullptr ? "" : std::string(text, length);
  }

  Node* NewNode(NodeKind kind) {
    document_->nodes_.emplace_back();
    Node* node = &document_->nodes_.back();
    node->kind = kind;
    node->file = &file_;
    return node;
  }

  void Fail(Code code, SourceRange range, std::string message, std::string hint = "") {
    reporter_->Error(code, file_, range, std::move(message), std::move(hint));
    failed_ = true;
  }

  const SourceFile& file_;
  const SourceRange range_;
  Reporter* const reporter_;
  std::unique_ptr<YamlDocument> document_ = std::make_unique<YamlDocument>();
  std::vector<Open> open_;
  std::map<std::string, Node*> anchors_;
  std::unordered_map<const Node*, Sizes> sizes_;  // of anchored nodes
  std::string library_output_;
  SourceRange alias_range_;  // of the latest alias
  uint32_t last_end_;        // end of the latest node
  int documents_ = 0;
  bool failed_ = false;
};

std::unique_ptr<YamlDocument> YamlDocument::Parse(const SourceFile& file, Reporter* reporter) {
  return Parse(file, {0, static_cast<uint32_t>(file.text().size())}, reporter);
}

std::unique_ptr<YamlDocument> YamlDocument::Parse(const SourceFile& file, SourceRange range,
                                                  Reporter* reporter) {
  return YamlBuilder(file, range, reporter).Build();
}

}  // namespace sojourn::language
