// `sojourn schema`: JSON Schema of the rules files, for editors.

#include <cstdio>

#include "engine/cli/commands.h"
#include "engine/cli/schemas.h"
#include "engine/language/json_schema.h"
#include "engine/simulate/test_schema.h"

namespace sojourn::cli {
namespace {

using language::SchemaKind;

// The kinds of YAML files; a template's front matter is no file of its own.
std::vector<SchemaKind> FileSchemas() {
  std::vector<SchemaKind> kinds;
  for (const language::FileKind& kind : language::FileKinds()) {
    kinds.push_back({kind.first_key, kind.first_key, kind.shape});
  }
  kinds.push_back({"tests", "tests", &simulate::TestFileShape});
  return kinds;
}

std::vector<SchemaKind> AllSchemas() {
  std::vector<SchemaKind> kinds = FileSchemas();
  kinds.push_back({"template", "template", &language::TemplateShape});
  return kinds;
}

std::string KindNames() {
  std::string names;
  for (const SchemaKind& kind : AllSchemas()) {
    names += (names.empty() ? "" : ", ") + std::string(kind.name);
  }
  return names;
}

int PrintSchema(const std::string& wanted) {
  if (wanted.empty()) {
    std::fputs(RulesSchema().c_str(), stdout);
    return 0;
  }
  for (const SchemaKind& kind : AllSchemas()) {
    if (kind.name != wanted) continue;
    std::fputs(language::JsonSchema(kind).c_str(), stdout);
    return 0;
  }
  return Fail(InvalidArgument("there is no kind of rules \"" + wanted +
                              "\"; it is one of: " + KindNames()));
}

}  // namespace

std::string RulesSchema() { return language::JsonSchema(FileSchemas()); }

void AddSchemaCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand("schema", "Prints the JSON Schema of the rules files");
  auto kind = std::make_shared<std::string>();
  command.AddOption("KIND", kind.get(), "Only of this kind: " + KindNames());
  command.SetFooter(
      "An editor with the YAML language server completes and checks rules as they are written:\n"
      "  sojourn schema > rules/schema.json\n"
      "and as the first line of a file in rules/journeys:\n"
      "  # yaml-language-server: $schema=../schema.json\n"
      "What needs the other files (names, expressions) is found by sojourn check.");
  command.SetCallback([=] { *exit_code = PrintSchema(*kind); });
}

}  // namespace sojourn::cli
