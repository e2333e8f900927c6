// The decoded persons of one partition: everybody who was touched since the last commit. A rollback
// forgets them all; what is committed stands encoded in the store.
//
// Threads: one owner. Persons stay where they are until Clear() or until they are replaced by
// Restore.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/base/status.h"
#include "engine/model/person.h"
#include "engine/store/partition_store.h"

namespace sojourn::runtime {

class PersonTable {
 public:
  explicit PersonTable(store::PartitionStore* store) : store_(store) {}

  // The person if touched since the last commit, else null.
  model::Person* Find(std::string_view id);

  // The person, decoded from the store if need be; a fresh one (`known` false) where the store has
  // none. Counts as touched from here on.
  Result<model::Person*> Touch(std::string_view id);

  // Encodes every touched person. The views live until the next Encode or Clear. Errors:
  // kResourceExhausted where a person cannot be stored.
  Result<const std::vector<store::PersonChange>*> Encode();

  // Forgets all; keeps some memory for reuse.
  void Clear();

  // By how many the committed persons would grow; erased ones count against it.
  int64_t Growth() const;

  size_t size() const { return persons_.size(); }
  size_t encoded_bytes() const { return encoded_.size(); }  // of the last Encode

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view id) const { return std::hash<std::string_view>()(id); }
  };

  std::unique_ptr<model::Person> NewPerson(std::string_view id);

  store::PartitionStore* const store_;
  struct Entry {
    std::unique_ptr<model::Person> person;
    bool stored = false;  // had a record when touched
  };
  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> persons_;
  std::vector<std::unique_ptr<model::Person>> spare_;
  std::string encoded_;
  std::vector<store::PersonChange> changes_;
};

}  // namespace sojourn::runtime
