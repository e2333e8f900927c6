#include "engine/language/load.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <deque>

#include "engine/base/limits.h"
#include "engine/base/suggest.h"
#include "engine/language/load_context.h"
#include "engine/language/read.h"
#include "engine/language/values.h"

namespace sojourn::language {
namespace {

bool IsTestFile(std::string_view path) { return HasSuffix(path, ".test.yaml"); }
bool IsTemplateFile(std::string_view path) { return HasSuffix(path, ".liquid"); }

// The front matter's YAML and what follows it; nullopt (reported) where there is none.
struct FrontMatter {
  SourceRange yaml;
  SourceRange body;
};

std::optional<FrontMatter> SplitFrontMatter(const SourceFile& file, Reporter* reporter) {
  const auto size = static_cast<uint32_t>(file.text().size());
  if (file.text().find_first_not_of(" \t\n") == std::string::npos) {
    reporter->Error(Code::kEmptyFile, file, {0, 0}, "the file is empty",
                    "delete the file or write a template into it");
    return std::nullopt;
  }
  if (file.Line(1) != "---") {
    reporter->Error(Code::kBadFrontMatter, file, {0, 0}, "a template begins with a line ---",
                    "behind it template: NAME and subject: TEXT, then --- again, then the body");
    return std::nullopt;
  }
  for (int line = 2; line <= file.line_count(); ++line) {
    if (file.Line(line) != "---") continue;
    const uint32_t end = file.LineStart(line);
    return FrontMatter{{file.LineStart(2), end}, {std::min(end + 4, size), size}};
  }
  reporter->Error(Code::kBadFrontMatter, file, {0, 3}, "the front matter has no end",
                  "write a line --- between it and the body");
  return std::nullopt;
}

class BundleLoader {
 public:
  explicit BundleLoader(const std::map<std::string, std::string>& files) : files_(files) {
    context_.reporter = &reporter_;
    context_.bundle = bundle_.get();
    context_.catalog = std::make_shared<Catalog>();
    context_.files = &files;
    bundle_->names = context_.catalog;
    // Without a company file, or without its key: one topic.
    bundle_->company.topics.push_back({"marketing", true, false});
  }

  LoadResult Load() {
    for (const auto& [path, bytes] : files_) Open(path, bytes);
    for (RulesFile& file : rules_) CheckFile(&file);
    Declare();
    LoadAll("company", LoadCompany);
    FinishCompany();
    LoadAll("catalog", LoadCatalog);
    LoadPools();
    LoadTemplates();
    LoadSegmentFiles();
    for (RulesFile* file : Files("journey")) LoadJourney(*file, &context_);
    // Where something is wrong, what seems unused may be used there.
    if (reporter_.error_count() == 0) WarnUnused();
    return Finish();
  }

 private:
  // ---- files ---------------------------------------------------------------------------------

  void Open(const std::string& path, const std::string& bytes) {
    if (HasSuffix(path, ".yml")) {
      return reporter_.FileError(Code::kWrongFileName, path, "files end in .yaml, not .yml",
                                 "rename the file");
    }
    if (!HasSuffix(path, ".yaml") && !IsTemplateFile(path)) return;
    if (bytes.size() > kMaxRuleFileBytes) {
      return reporter_.FileError(Code::kFileTooLarge, path,
                                 fmt::format("a rules file has at most {} bytes, this has {}",
                                             kMaxRuleFileBytes, bytes.size()));
    }
    if (IsTestFile(path)) return NoteTests(path, bytes);
    rules_.emplace_back(SourceFile(path, bytes));
  }

  // Only which journeys are tested; the rest is read by those who run the tests.
  void NoteTests(const std::string& path, const std::string& bytes) {
    const SourceFile file(path, bytes);
    Reporter unheard;
    const auto document = YamlDocument::Parse(file, &unheard);
    const Node* journeys = document == nullptr ? nullptr : document->root().Find("journeys");
    if (journeys == nullptr) {
      context_.some_tests_unreadable = true;
      return;
    }
    for (const Node* name : journeys->items) context_.tested_journeys.insert(name->text);
  }

  void CheckFile(RulesFile* file) {
    if (IsTemplateFile(file->source.path())) return CheckTemplateFile(file);
    file->document = YamlDocument::Parse(file->source, &reporter_);
    if (file->document == nullptr) return Salvage(file);
    const Node& root = file->document->root();
    const std::string first =
        root.is_mapping() && !root.entries.empty() ? root.entries.front().key->text : "";
    for (const FileKind& kind : FileKinds()) {
      if (kind.first_key != first) continue;
      file->kind = kind.first_key;
      file->has_shape = CheckShape(root, kind.shape(), &reporter_);
      if (!file->has_shape) ForgetUnread(root, kind);
      return;
    }
    UnknownKind(*file, first);
  }

  // What a misspelt key of the company or a catalogue declares, or one whose value is of a wrong
  // kind, is not known, nor called unknown.
  void ForgetUnread(const Node& root, const FileKind& kind) {
    const std::vector<Field>& fields = kind.shape().fields;
    for (const Node::Entry& entry : root.entries) {
      const bool known = std::any_of(fields.begin(), fields.end(), [&](const Field& field) {
        return field.key == entry.key->text;
      });
      if (known && !(entry.value->broken && DeclaresNames(entry.key->text))) continue;
      if (kind.first_key == "company") context_.company_unreadable = true;
      if (kind.first_key == "catalog") context_.catalog->ForgetCatalog();
    }
  }

  static bool DeclaresNames(std::string_view key) {
    return key == "topics" || key == "senders" || key == "events" || key == "traits";
  }

  void UnknownKind(const RulesFile& file, const std::string& first) {
    const Node& root = file.document->root();
    std::vector<std::string> kinds;
    for (const FileKind& kind : FileKinds()) kinds.emplace_back(kind.first_key);
    if (!root.is_mapping() || root.entries.empty()) {
      reporter_.Error(Code::kUnknownKind, file.source, root.range,
                      "a rules file is a mapping whose first key names its kind",
                      fmt::format("one of: {}", fmt::join(kinds, ", ")));
      return;
    }
    DeclareUnread(NearestName(first, kinds), root.entries.front().value->text);
    for (const std::string& kind : kinds) DeclareUnread(kind, TextAt(root, kind));
    const bool of_test = first == "journeys" || first == "tests";
    std::string hint = of_test ? "a test's file name ends in .test.yaml" : DidYouMean(first, kinds);
    for (const std::string& kind : kinds) {
      if (hint.empty() && root.FindKey(kind) != nullptr) {
        hint = fmt::format("put the key \"{}\" first", kind);
      }
    }
    if (hint.empty()) hint = fmt::format("one of: {}", fmt::join(kinds, ", "));
    reporter_.Error(Code::kUnknownKind, file.source, root.entries.front().key->range,
                    fmt::format("\"{}\" is no kind of rules file", first), hint);
  }

  void CheckTemplateFile(RulesFile* file) {
    const auto size = static_cast<uint32_t>(file->source.text().size());
    const bool readable = CheckUtf8(file->source, {0, size}, &reporter_);
    if (const auto partial = PartialNameOf(file->source.path())) {
      return context_.partials.Add(*partial, &file->source, &reporter_);
    }
    file->kind = "template";
    if (!readable) return Salvage(file);
    const auto parts = SplitFrontMatter(file->source, &reporter_);
    if (!parts) return Salvage(file);
    file->body = parts->body;
    file->document = YamlDocument::Parse(file->source, parts->yaml, &reporter_);
    if (file->document == nullptr) return Salvage(file);
    file->has_shape = CheckShape(file->document->root(), TemplateShape(), &reporter_);
  }

  // What a file that cannot be read declares, so that its uses are not called unknown as well.
  void Salvage(RulesFile* file) {
    static const re2::RE2 pattern(
        R"((?m)^(company|catalog|segment|coupon_pool|template|journey):[ \t]*["']?([^\s"'#]*))");
    std::string kind;
    std::string name;
    if (!re2::RE2::PartialMatch(file->source.text(), pattern, &kind, &name)) {
      if (file->kind == "template") DeclareByFileName(*file);
      return;
    }
    DeclareUnread(kind, name);
  }

  // A template's file is called like it, as a habit.
  void DeclareByFileName(const RulesFile& file) {
    const std::string& path = file.source.path();
    const size_t begin = path.rfind('/') + 1;  // 0 where there is none
    context_.templates.insert(path.substr(begin, path.rfind('.') - begin));
  }

  void DeclareUnread(std::string_view kind, const std::string& name) {
    if (name.empty()) return;
    if (kind == "company") context_.company_unreadable = true;
    if (kind == "catalog") context_.catalog->ForgetCatalog();
    if (kind == "segment") context_.catalog->AddSegment(name);
    if (kind == "coupon_pool") context_.pools.insert(name);
    if (kind == "template") context_.templates.insert(name);
  }

  // ---- names ---------------------------------------------------------------------------------

  void Declare() {
    std::map<std::string, const Node*> seen;
    for (RulesFile& file : rules_) {
      if (file.document == nullptr || file.kind.empty() || !file.document->root().is_mapping()) {
        continue;
      }
      const Node* name = file.document->root().Find(file.kind);
      if (name == nullptr) DeclareMisnamed(file);
      if (file.kind == "catalog" || name == nullptr) continue;
      // There is one company; other names are unique within their kind.
      const std::string key =
          std::string(file.kind) + ":" + (file.kind == "company" ? std::string() : name->text);
      const auto [first, is_new] = seen.emplace(key, name);
      if (!is_new) {
        file.is_repeated = true;
        reporter_.Error(Code::kDeclaredTwice, file.source, name->range,
                        file.kind == "company"
                            ? std::string("there is a second company file")
                            : fmt::format("another {} is called \"{}\"", file.kind, name->text),
                        fmt::format("the first stands in {}", first->second->file->path()));
      }
      if (file.kind == "segment") context_.catalog->AddSegment(name->text);
      if (file.kind == "coupon_pool") context_.pools.insert(name->text);
      if (file.kind == "template") context_.templates.insert(name->text);
    }
  }

  // A name that is refused is declared as it stands and as it should be written.
  void DeclareMisnamed(const RulesFile& file) {
    bool has_key = false;
    for (const Node::Entry& entry : file.document->root().entries) {
      if (entry.key->text != file.kind) continue;
      has_key = true;
      DeclareUnread(file.kind, entry.value->text);
      DeclareUnread(file.kind, ToCase(entry.value->text, '-'));
    }
    if (!has_key && file.kind == "template") DeclareByFileName(file);
  }

  std::vector<RulesFile*> Files(std::string_view kind) {
    std::vector<RulesFile*> found;
    for (RulesFile& file : rules_) {
      if (file.kind != kind || file.document == nullptr || file.is_repeated) continue;
      if (file.document->root().FindKey(kind) != nullptr) found.push_back(&file);
    }
    return found;
  }

  void LoadAll(std::string_view kind, void (*load)(const Node&, LoadContext*)) {
    for (RulesFile* file : Files(kind)) load(file->document->root(), &context_);
  }

  void FinishCompany() {
    Company& company = bundle_->company;
    for (const ConsentTopic& topic : company.topics) {
      context_.catalog->AddConsentTopic(topic.name);
      company.consent_defaults.push_back({topic.name, topic.opted_in});
    }
    const std::pair<std::string_view, const std::string*> fields[] = {
        {"currency", &company.currency},
        {"name", &company.name},
        {"postal_address", &company.postal_address},
        {"timezone", &company.timezone_name}};
    Arena& arena = bundle_->arena;
    auto* entries = arena.AllocateArray<model::MapEntry>(std::size(fields));
    uint32_t count = 0;
    for (const auto& [name, text] : fields) {
      if (text->empty()) continue;
      entries[count].key = model::Value::String(arena.Copy(name));
      entries[count++].value = model::Value::String(arena.Copy(*text));
    }
    company.value = model::Value::Map(entries, count);
  }

  void LoadPools() {
    std::vector<const Node*> roots;
    for (RulesFile* file : Files("coupon_pool")) {
      LoadCouponPool(file->document->root(), &context_);
      roots.push_back(&file->document->root());
    }
    WarnSharedCodes(roots, &context_);
  }

  void LoadTemplates() {
    context_.partials.Check(&reporter_);
    for (RulesFile* file : Files("template")) LoadTemplate(*file, &context_);
  }

  void LoadSegmentFiles() {
    std::vector<const Node*> roots;
    for (RulesFile* file : Files("segment")) roots.push_back(&file->document->root());
    LoadSegments(roots, &context_);
  }

  // ---- the end -------------------------------------------------------------------------------

  void WarnUnused() {
    for (RulesFile* file : Files("segment")) {
      const Node* name = file->document->root().Find("segment");
      if (context_.used_segments.count(name->text) != 0) continue;
      reporter_.Warning(Code::kUnusedSegment, file->source, name->range,
                        fmt::format("nothing uses the segment \"{}\"", name->text));
    }
    for (const auto& [name, loaded] : context_.loaded_templates) {
      if (context_.used_templates.count(name) != 0) continue;
      reporter_.Warning(Code::kUnusedTemplate, *loaded.file, loaded.name_node->range,
                        fmt::format("no journey sends the template \"{}\"", name));
    }
    for (const std::string& name : context_.partials.Names()) {
      if (context_.used_partials.count(name) != 0) continue;
      reporter_.Warning(Code::kUnusedTemplate, context_.partials.FileOf(name), {0, 0},
                        fmt::format("no template places the partial \"{}\"", name));
    }
    WarnPostalAddress();
  }

  void WarnPostalAddress() {
    const std::vector<RulesFile*> companies = Files("company");
    if (companies.empty() || !bundle_->company.postal_address.empty()) return;
    if (companies.front()->document->root().FindKey("postal_address") != nullptr) return;
    for (const auto& [name, loaded] : context_.loaded_templates) {
      if (!NeedsFooter(loaded)) continue;
      reporter_.Warning(
          Code::kNoPostalAddress, companies.front()->source,
          companies.front()->document->root().FindKey("company")->range,
          fmt::format("marketing mail such as \"{}\" gets a footer, which needs the key "
                      "postal_address",
                      name));
      return;
    }
  }

  bool NeedsFooter(const LoadedTemplate& loaded) const {
    const std::string topic = loaded.rule->topic.empty() ? "marketing" : loaded.rule->topic;
    const ConsentTopic* rule = bundle_->company.FindTopic(topic);
    const bool marketing = rule == nullptr || !rule->transactional;
    return marketing && !loaded.uses_footer_urls &&
           loaded.rule->channel == model::ActionKind::kSendEmail;
  }

  LoadResult Finish() {
    LoadResult result;
    const bool clean = reporter_.error_count() == 0;
    result.diagnostics = reporter_.Take();
    if (!clean) return result;
    std::string all;
    for (const auto& [path, bytes] : files_) {
      if (IsTestFile(path)) continue;
      bundle_->files.emplace(path, bytes);
      all += fmt::format("{}:{}{}:{}", path.size(), path, bytes.size(), bytes);
    }
    bundle_->revision = RevisionOf(all);
    const auto by_name = [](const auto& a, const auto& b) { return a->name < b->name; };
    std::sort(bundle_->journeys.begin(), bundle_->journeys.end(), by_name);
    result.bundle = std::move(bundle_);
    return result;
  }

  const std::map<std::string, std::string>& files_;
  Reporter reporter_;
  std::shared_ptr<Bundle> bundle_ = std::make_shared<Bundle>();
  LoadContext context_;
  std::deque<RulesFile> rules_;  // by path
};

}  // namespace

LoadResult LoadBundle(const std::map<std::string, std::string>& files) {
  return BundleLoader(files).Load();
}

}  // namespace sojourn::language
