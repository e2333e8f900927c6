#include "engine/cli/key_command.h"

#include <cstdio>

#include "connectors/http/instance_file.h"
#include "connectors/http/secret_hash.h"
#include "engine/cli/commands.h"

namespace sojourn::cli {
namespace {

int PrintKey() {
  const auto key = http::NewToken();
  if (!key.ok()) return Fail(key.status());
  std::printf("key:  %s\nhash: %s\n", key->c_str(), http::SecretHash::Of(*key).ToText().c_str());
  return 0;
}

}  // namespace

void AddKeyCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand("key", "Makes a random key and its hash");
  command.SetFooter(
      "The key goes to who sends events or operates, the hash into the configuration:\n"
      "  write_keys: {website: sha256:...}\n"
      "  admin_tokens: {ada: sha256:...}\n"
      "So the configuration has nothing in it that lets anybody in. The key is kept nowhere.");
  command.SetCallback([=] { *exit_code = PrintKey(); });
}

}  // namespace sojourn::cli
