#include "engine/cli/recipients.h"

#include "engine/base/limits.h"
#include "engine/cli/mail_parts.h"
#include "engine/store/person_record.h"

namespace sojourn::cli {

Result<deliver::Recipient> FindRecipient(Backend* backend, const std::string& id,
                                         Duration patience) {
  deliver::Recipient recipient;
  model::Person person;
  person.id = id;
  for (uint32_t redirects = 0; redirects <= kMaxRedirects; ++redirects) {
    const auto record = backend->ReadPerson(person.id, patience);
    if (record.status().code() == StatusCode::kFailedPrecondition) return recipient;
    if (!record.ok()) return record.status();
    if (!record->has_value()) {
      recipient.knowledge = deliver::Recipient::Knowledge::kForgotten;
      return recipient;
    }
    SOJOURN_RETURN_IF_ERROR(store::DecodePerson(**record, &person));
    recipient = WithRefusalsOf(recipient, RecipientOf(person));
    if (person.moved_to.empty()) return recipient;
    person.id = person.moved_to;
  }
  return recipient;
}

}  // namespace sojourn::cli
