// What the loaders of the single kinds of files share. Internal to this folder.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/language/bundle.h"
#include "engine/language/load_partials.h"
#include "engine/language/names.h"
#include "engine/language/schema.h"
#include "engine/language/source.h"
#include "engine/language/yaml.h"

namespace sojourn::language {

struct RulesFile {
  explicit RulesFile(SourceFile file) : source(std::move(file)) {}

  SourceFile source;
  std::unique_ptr<YamlDocument> document;  // front matter for templates; null where unreadable
  std::string_view kind;                   // first key; "template"; empty where unknown
  SourceRange body;                        // templates: behind the front matter
  bool has_shape = false;                  // nothing was wrong with its keys and values
  bool is_repeated = false;                // another file declares the same name
};

// A template together with where it reads what, for the checks at each send.
struct LoadedTemplate {
  const Template* rule = nullptr;
  const SourceFile* file = nullptr;
  struct Read {
    std::string path;
    SourceRange root;     // "person" of person.first_name
    SourceRange member;   // "first_name" of it; both are the whole where it is spelt otherwise
    std::string partial;  // that reads it; "": the template itself
    // Both in the file that reads it, the template or the partial.
    const SourceFile* file = nullptr;
    SourceRange placed;  // in the template: the tag that places the partial
  };
  std::vector<Read> reads;
  bool uses_footer_urls = false;
  const Node* name_node = nullptr;
};

struct LoadContext {
  Reporter* reporter = nullptr;
  Bundle* bundle = nullptr;
  std::shared_ptr<Catalog> catalog;
  const std::map<std::string, std::string>* files = nullptr;
  Partials partials;

  // Names that some file declares, also where that file is broken: a mistake there is not told
  // again at each use.
  std::set<std::string> templates;
  std::set<std::string> pools;
  std::set<std::string> senders;
  bool company_unreadable = false;
  bool some_tests_unreadable = false;      // which journeys those test is not known
  std::set<std::string> unclear_channels;  // templates whose channel is misspelt

  std::map<std::string, LoadedTemplate> loaded_templates;
  // What templates read and some send does not have: by place and path.
  std::set<std::tuple<const SourceFile*, uint32_t, std::string>> told_reads;
  std::set<std::string> used_segments;
  std::set<std::string> used_templates;
  std::set<std::string> used_partials;
  std::set<std::string> tested_journeys;
};

// ---- one function a kind of file; each takes documents whose shape has been checked ----------

void LoadCompany(const Node& root, LoadContext* context);
void LoadCatalog(const Node& root, LoadContext* context);
void LoadCouponPool(const Node& root, LoadContext* context);
// `roots`: of the bundle's pools, in their order.
void WarnSharedCodes(const std::vector<const Node*>& roots, LoadContext* context);
void LoadTemplate(const RulesFile& file, LoadContext* context);
// All at once: they can depend on each other.
void LoadSegments(const std::vector<const Node*>& roots, LoadContext* context);
void LoadJourney(const RulesFile& file, LoadContext* context);

// ---- expressions -----------------------------------------------------------------------------

// Null where it does not compile (reported) or `node` is null.
ProgramPointer CompileExpression(const Node* node, const expr::Scope& scope, expr::TypeKind want,
                                 LoadContext* context);
// A condition or a list of them.
Conditions CompileConditions(const Node* node, const expr::Scope& scope, LoadContext* context);
// What a segment's `where` and a wait_until's `condition` may use.
expr::Scope SegmentScope();

// ---- names -----------------------------------------------------------------------------------

// Each reports an unknown name at `node` and returns whether it is known. A null node is fine: its
// mistake has been reported.
bool KnowsEvent(const Node* node, LoadContext* context);
bool KnowsSegment(const Node* node, LoadContext* context);
bool KnowsTopic(const Node* node, LoadContext* context);

// Whether `key` is absent and an unknown key of the mapping, which has been told, seems to mean it.
bool IsMisspelt(const Node& mapping, std::string_view key);

// ---- values ----------------------------------------------------------------------------------

// The text under a key; "" where absent or broken.
std::string TextAt(const Node& node, std::string_view key);
// The value under a key that the schema has checked.
std::optional<Duration> DurationAt(const Node& node, std::string_view key);
TimeOfDay TimeOfDayAt(const Node& node, std::string_view key);
std::optional<QuietHours> QuietHoursFrom(const Node& node, LoadContext* context);

// First 16 hexadecimal digits of SHA-256.
std::string RevisionOf(std::string_view content);

}  // namespace sojourn::language
