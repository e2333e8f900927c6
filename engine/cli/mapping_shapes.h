// What the mappings of CSV columns have in common: how types and times are written in them.
#pragma once

#include "connectors/file/columns.h"
#include "engine/language/schema.h"
#include "engine/language/yaml.h"

namespace sojourn::cli {

const language::Shape& ColumnTypeShape();
const language::Shape& TimeFormatShape();

// Of nodes that have passed those shapes; the default where there is none.
file::ColumnType ReadColumnType(const language::Node* node);
file::TimeFormat ReadTimeFormat(const language::Node* node);

}  // namespace sojourn::cli
