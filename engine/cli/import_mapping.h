// A mapping of CSV columns, as an operator writes it:
//
//   person: customer_id
//   event: Order Completed              # or {column: what}
//   time: {column: date, format: day}   # rfc3339 (default), day, datetime, seconds, milliseconds
//   id: order_id                        # optional
//   delimiter: ";"                      # optional
//   properties:
//     order_id: order_id                # a text
//     total: {column: amount, type: double}
//   traits:
//     email: email
//
// Errors: one line beginning with file:line:col.
#pragma once

#include <string>

#include "connectors/file/import_reader.h"
#include "engine/base/status.h"

namespace sojourn::cli {

Result<file::ColumnMapping> ReadMapping(const std::string& path);

// What the mapping means as one text: equal for files that differ in comments and order only.
std::string CanonicalMapping(const file::ColumnMapping& mapping);

}  // namespace sojourn::cli
