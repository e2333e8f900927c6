// Templates: front matter and a Liquid body.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <set>

#include "engine/base/suggest.h"
#include "engine/language/load_context.h"
#include "engine/liquid/liquid.h"

namespace sojourn::language {
namespace {

constexpr std::string_view kRoots[] = {"person",  "event",           "trigger",
                                       "ab_test", "coupon",          "company",
                                       "data",    "unsubscribe_url", "preferences_url"};

std::string Root(const std::string& path) { return path.substr(0, path.find('.')); }

// The part behind the root: "first_name" of "person.first_name.size".
std::string Member(const std::string& path) {
  const size_t dot = path.find('.');
  if (dot == std::string::npos) return "";
  return path.substr(dot + 1, path.find('.', dot + 1) - dot - 1);
}

// At a part of the read. A partial's mistake is told once, however many templates place it.
void Report(Code code, const LoadedTemplate::Read& read, SourceRange part, std::string message,
            std::string hint, LoadContext* context) {
  if (!context->told_reads.emplace(read.file, part.begin, message).second) return;
  context->reporter->Error(code, *read.file, part, std::move(message), std::move(hint));
}

void CheckPersonRead(const LoadedTemplate::Read& read, LoadContext* context) {
  const std::string trait = Member(read.path);
  if (trait.empty() || Catalog::IsPersonBuiltIn(trait)) return;
  if (context->catalog->Trait(trait)) return;
  Report(Code::kUnknownTrait, read, read.member,
         fmt::format("no catalogue has the trait \"{}\"", trait),
         DidYouMean(trait, context->catalog->TraitNames()), context);
}

void CheckCompanyRead(const LoadedTemplate::Read& read, LoadContext* context) {
  static const std::vector<std::string> known = {"name", "currency", "postal_address", "timezone"};
  const std::string member = Member(read.path);
  if (member.empty() || std::find(known.begin(), known.end(), member) != known.end()) return;
  std::string hint = DidYouMean(member, known);
  if (hint.empty()) hint = "company has name, currency, postal_address and timezone";
  Report(Code::kUnknownTemplateName, read, read.member,
         fmt::format("company has no \"{}\"", member), std::move(hint), context);
}

void CheckCouponRead(const LoadedTemplate::Read& read, LoadContext* context) {
  const std::string member = Member(read.path);
  if (member.empty() || member == "code" || member == "expires_at") return;
  Report(Code::kUnknownTemplateName, read, read.member, fmt::format("coupon has no \"{}\"", member),
         "coupon.code and coupon.expires_at", context);
}

// What a partial reads by a name that resembles none may be an argument that the tag which places
// it has forgotten.
void ReportUnknownRoot(const LoadedTemplate::Read& read, const LoadedTemplate& loaded,
                       LoadContext* context) {
  const std::string root = Root(read.path);
  std::string hint = DidYouMean(root, {std::begin(kRoots), std::end(kRoots)});
  if (hint.empty() && !read.partial.empty()) {
    context->reporter->Error(
        Code::kUnknownTemplateName, *loaded.file, read.placed,
        fmt::format("the partial \"{}\" reads \"{}\", which it is not given", read.partial, root),
        fmt::format("give it here, as {}: VALUE", root));
    return;
  }
  if (hint.empty() && context->catalog->Trait(root) && context->catalog->HasCatalog()) {
    hint = fmt::format("did you mean person.{}?", root);
  }
  if (hint.empty()) hint = "templates read person, event, trigger, ab_test, coupon, company, data";
  Report(Code::kUnknownTemplateName, read, read.root,
         fmt::format("\"{}\" is not known in templates", root), std::move(hint), context);
}

void CheckRead(const LoadedTemplate::Read& read, const LoadedTemplate& loaded,
               LoadContext* context) {
  const std::string root = Root(read.path);
  if (root == "person") return CheckPersonRead(read, context);
  if (root == "company") return CheckCompanyRead(read, context);
  if (root == "coupon") return CheckCouponRead(read, context);
  if (std::find(std::begin(kRoots), std::end(kRoots), root) != std::end(kRoots)) return;
  ReportUnknownRoot(read, loaded, context);
}

class TemplateLoader {
 public:
  TemplateLoader(const RulesFile& file, LoadContext* context)
      : file_(file), root_(file.document->root()), context_(context) {}

  void Load() {
    rule_->name = TextAt(root_, "template");
    rule_->subject = TextAt(root_, "subject");
    rule_->topic = TextAt(root_, "topic");
    rule_->from = TextAt(root_, "from");
    rule_->position = root_.position();
    const std::string channel = TextAt(root_, "channel");
    if (channel == "sms") rule_->channel = model::ActionKind::kSendSms;
    if (channel == "push") rule_->channel = model::ActionKind::kSendPush;
    rule_->body = file_.source.text().substr(file_.body.begin, file_.body.end - file_.body.begin);
    KnowsTopic(root_.Find("topic"), context_);
    CheckSender(root_.Find("from"));
    CheckContent();
    loaded_.rule = rule_.get();
    loaded_.file = &file_.source;
    loaded_.name_node = root_.Find("template");
    if (const Node* subject = root_.Find("subject")) ParseSubject(*subject);
    ParseBody();
    Finish();
  }

 private:
  void CheckSender(const Node* from) {
    if (from == nullptr || context_->company_unreadable) return;
    if (context_->senders.count(from->text) != 0) return;
    std::string hint = DidYouMean(from->text, {context_->senders.begin(), context_->senders.end()});
    if (hint.empty()) hint = "senders are listed in company.yaml";
    context_->reporter->Error(Code::kUnknownSender, *from->file, from->range,
                              fmt::format("there is no sender \"{}\"", from->text),
                              std::move(hint));
  }

  void CheckContent() {
    const bool mail = rule_->channel == model::ActionKind::kSendEmail;
    const Node* key = root_.FindKey("template");
    const Node* channel = root_.FindKey("channel");
    const bool unclear =
        IsMisspelt(root_, "channel") || (channel != nullptr && root_.Find("channel") == nullptr);
    if (unclear) context_->unclear_channels.insert(rule_->name);
    if (mail && !unclear && root_.FindKey("subject") == nullptr && !IsMisspelt(root_, "subject")) {
      context_->reporter->Error(Code::kMissingKey, file_.source, key->range,
                                "a mail needs the key \"subject\"");
    }
    if (rule_->body.find_first_not_of(" \t\n") == std::string::npos) {
      context_->reporter->Error(Code::kEmptyTemplate, file_.source, key->range,
                                "the template has no body",
                                "write the text behind the second line of ---");
    }
  }

  // Where in the file a stretch of the parsed text is.
  using Place = std::function<SourceRange(uint32_t begin, uint32_t end)>;

  void ParseSubject(const Node& subject) {
    rule_->parsed_subject = ParseLiquid(
        subject.text, [&](uint32_t begin, uint32_t end) { return subject.RangeOf(begin, end); });
  }

  void ParseBody() {
    const uint32_t start = file_.body.begin;
    const int first_line = file_.source.PositionOf(start).line;
    const size_t of_subject = loaded_.reads.size();
    rule_->parsed_body = ParseLiquid(
        rule_->body,
        [&](uint32_t begin, uint32_t end) {
          return SourceRange{start + begin, start + end};
        },
        first_line);
    for (size_t i = of_subject; i < loaded_.reads.size(); ++i) {
      const std::string root = Root(loaded_.reads[i].path);
      if (root == "unsubscribe_url" || root == "preferences_url") loaded_.uses_footer_urls = true;
    }
  }

  std::shared_ptr<const liquid::Template> ParseLiquid(std::string_view text, const Place& place,
                                                      int first_line = 1) {
    const liquid::ParseResult result = liquid::Parse(text, {&context_->partials, "", first_line});
    for (const liquid::Issue& issue : result.issues) {
      context_->reporter->Error(Code::kBadLiquid, file_.source, place(issue.begin, issue.end),
                                issue.message, issue.hint);
    }
    for (const liquid::Read& read : result.reads)
      loaded_.reads.push_back(ReadAt(read, text, place));
    return result.parsed;
  }

  LoadedTemplate::Read ReadAt(const liquid::Read& read, std::string_view text,
                              const Place& place) const {
    if (read.partial.empty())
      return ReadIn(file_.source, read.path, read.begin, read.end, text, place);
    const SourceFile& file = context_->partials.FileOf(read.partial);
    const auto in_file = [](uint32_t begin, uint32_t end) { return SourceRange{begin, end}; };
    LoadedTemplate::Read at =
        ReadIn(file, read.path, read.partial_begin, read.partial_end, file.text(), in_file);
    at.partial = read.partial;
    at.placed = place(read.begin, read.end);
    return at;
  }

  // `text` is what stands in `file`, as `place` tells.
  static LoadedTemplate::Read ReadIn(const SourceFile& file, const std::string& path,
                                     uint32_t begin, uint32_t end, std::string_view text,
                                     const Place& place) {
    LoadedTemplate::Read at;
    at.path = path;
    at.file = &file;
    at.root = at.member = place(begin, end);
    if (text.substr(begin, path.size()) != path) return at;
    const auto root_end = static_cast<uint32_t>(begin + Root(path).size());
    const auto member_size = static_cast<uint32_t>(Member(path).size());
    at.root = place(begin, root_end);
    if (member_size != 0) at.member = place(root_end + 1, root_end + 1 + member_size);
    return at;
  }

  // Whatever makes another mail of the same values makes another revision.
  std::string Revision() const {
    std::string content = file_.source.text();
    const std::set<std::string> partials = context_->partials.TakeAsked();
    for (const std::string& name : partials) {
      const std::string& text = context_->partials.FileOf(name).text();
      content += fmt::format("\n{}:{}:{}", name, text.size(), text);
    }
    context_->used_partials.insert(partials.begin(), partials.end());
    return RevisionOf(content);
  }

  void Finish() {
    std::set<std::string> reads;
    for (const LoadedTemplate::Read& read : loaded_.reads) {
      CheckRead(read, loaded_, context_);
      reads.insert(read.path);
    }
    rule_->reads.assign(reads.begin(), reads.end());
    rule_->revision = Revision();
    context_->loaded_templates[rule_->name] = std::move(loaded_);
    context_->bundle->templates.push_back(std::move(rule_));
  }

  const RulesFile& file_;
  const Node& root_;
  LoadContext* const context_;
  std::unique_ptr<Template> rule_ = std::make_unique<Template>();
  LoadedTemplate loaded_;
};

}  // namespace

void LoadTemplate(const RulesFile& file, LoadContext* context) {
  TemplateLoader(file, context).Load();
}

}  // namespace sojourn::language
