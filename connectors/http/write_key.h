// A key with which events may be sent.
//
// Threads: a plain value.
#pragma once

#include "connectors/http/secret_hash.h"

namespace sojourn::http {

struct WriteKey {
  SecretHash hash;
  // Anybody can read it, as in a web page or an app. So it reports nothing that only servers know:
  // no erasure, no bounce (model::IsForServersOnly).
  bool is_public = false;
  bool is_weak = false;  // short enough to be guessed, or an example's
};

}  // namespace sojourn::http
