// What the columns of a file of contacts mean, as an operator writes it (deploy/mappings has the
// ready ones):
//
//   address: Email Address
//   person: {column: Customer ID, optional: true}  # default: the address in lower case
//   time: {column: LAST_CHANGED, format: datetime} # of the traits; default: the present
//   traits:
//     first_name: First Name                       # the file must have this column
//     phone: {column: [Phone, Mobile], optional: true}  # the first that is filled; need not be
//     there tags: {column: TAGS, type: list}
//   consent:                                       # the first that fits
//     bounced: {column: CLEAN_TIME, optional: true}      # filled at all
//     unsubscribed: {column: Wants mail, is: ["no"]}
//     subscribed: {column: Wants mail, is: ["yes"]}
//     otherwise: unsubscribed                      # default: nothing is said of consent
//     topic: news                                  # default: every marketing topic
//     time: {column: Since, format: day}
//   ignore: [NOTES]                                # known, and not wanted
//   delimiter: ";"
//
// Errors: one line beginning with file:line:col.
#pragma once

#include <string>

#include "connectors/file/people_reader.h"
#include "engine/base/status.h"

namespace sojourn::cli {

struct ReadPeopleMapping {
  file::PeopleMapping mapping;
  std::string text;  // the file itself
};

// `name`: that of a ready mapping, or a file.
Result<ReadPeopleMapping> FindPeopleMapping(const std::string& name);

}  // namespace sojourn::cli
