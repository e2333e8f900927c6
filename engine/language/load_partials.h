// Partial templates: what `{% render 'NAME' %}` and `{% include 'NAME' %}` place. Internal to this
// folder.
//
// Every file NAME.liquid below a folder `partials` is one; it has no front matter.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/language/source.h"
#include "engine/liquid/liquid.h"

namespace sojourn::language {

// "footer" of "templates/partials/footer.liquid"; nullopt: no partial.
std::optional<std::string> PartialNameOf(std::string_view path);

// Threads: one owner. The files outlive it.
class Partials final : public liquid::PartialSource {
 public:
  // Reports a name that another file has already.
  void Add(const std::string& name, const SourceFile* file, Reporter* reporter);
  // Reports what is wrong in each. A broken one reads as empty afterwards, so that its mistakes are
  // told once.
  void Check(Reporter* reporter);

  std::optional<std::string> Find(std::string_view name) const override;
  std::vector<std::string> Names() const override;

  // The names asked for since the last call: what a text places, the partials' own included.
  std::set<std::string> TakeAsked();
  const SourceFile& FileOf(const std::string& name) const { return *files_.at(name); }

 private:
  std::map<std::string, const SourceFile*, std::less<>> files_;
  std::set<std::string, std::less<>> broken_;
  mutable std::set<std::string> asked_;
};

}  // namespace sojourn::language
