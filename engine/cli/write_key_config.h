// The keys of those who may send events, as the configuration has them.
//
//   write_keys:
//     shop: sha256:...                            # a server's
//     website: {key: sha256:..., public: true}    # in a page, where anybody can read it
//
// A key is given as every secret is (secret_value.h); only its hash is kept.
#pragma once

#include <map>
#include <string>

#include "connectors/http/write_key.h"
#include "engine/base/status.h"
#include "engine/language/schema.h"
#include "engine/language/yaml.h"

namespace sojourn::cli {

const language::Shape& WriteKeysShape();

// By name. `root`: the whole configuration, which has passed its shape. Errors: kInvalidArgument,
// one line that begins with `file:line:col`.
Result<std::map<std::string, http::WriteKey>> ReadWriteKeys(const language::Node& root);

}  // namespace sojourn::cli
