// A secret as a configuration gives it: the text itself, `{file: PATH}` or `{env: NAME}`.
//
//   smtp: {user: shop, password: {file: /run/credentials/sojourn.service/smtp}}
//   write_keys: {web: {env: SOJOURN_WEB_KEY}}
//
// Every secret of a configuration has SecretShape and is read by ReadSecret, so that none needs to
// stand in the file itself. A PATH is relative to the configuration file; one newline at the end of
// the file is not part of the secret.
//
// Threads: any; ReadSecret reads the environment. Errors: kInvalidArgument, one line that begins
// with `file:line:col`: nothing there to be read, an unset variable, an empty secret. No error says
// anything of the secret itself.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/language/schema.h"
#include "engine/language/yaml.h"

namespace sojourn::cli {

// What stands under the key of a secret; a map of names to secrets.
const language::Shape& SecretShape();
const language::Shape& SecretMapShape();

// `node` has passed SecretShape; errors call it `name`.
Result<std::string> ReadSecret(const language::Node& node, std::string_view name);

}  // namespace sojourn::cli
