#include "engine/cli/people_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "connectors/file/import_reader.h"
#include "connectors/file/people_reader.h"
#include "connectors/smtp/mail_address.h"
#include "engine/base/hash.h"
#include "engine/cli/append_import.h"
#include "engine/cli/commands.h"
#include "engine/cli/people_mapping.h"
#include "engine/cli/progress.h"
#include "engine/cli/secrets.h"
#include "engine/deliver/suppression.h"
#include "engine/language/load.h"

namespace sojourn::cli {
namespace {

using file::Consent;
using file::PeopleReader;
using file::PeopleSurvey;
using file::PersonRow;

// Rows of one kind: how many, and where the first of them stand.
class Rows {
 public:
  void Add(int64_t line) {
    constexpr size_t kShown = 20;
    if (lines_.size() < kShown) lines_.push_back(line);
    ++count_;
  }
  size_t count() const { return count_; }

  // "3 WHAT (lines 4, 7, 9)", "" for none.
  std::string Text(std::string_view one, std::string_view many) const {
    if (count_ == 0) return "";
    std::string text = fmt::format("{} {} (line{} {}", count_, count_ == 1 ? one : many,
                                   count_ == 1 ? "" : "s", fmt::join(lines_, ", "));
    if (count_ > lines_.size()) text += fmt::format(" and {} more", count_ - lines_.size());
    return text + ")";
  }

 private:
  std::vector<int64_t> lines_;
  size_t count_ = 0;
};

// How a summary says it.
struct Counts {
  int64_t rows = 0;
  Rows bad, repeated, shared, roles, without_address;
  std::array<int64_t, 4> consent{};  // people, by Consent
};

class PeopleImport {
 public:
  PeopleImport(const Config& config, const PeopleImportOptions& options)
      : config_(config), options_(options) {}

  Result<int> Run() {
    SOJOURN_RETURN_IF_ERROR(Prepare());
    if (options_.dry_run) {
      SOJOURN_RETURN_IF_ERROR(ReadRows(nullptr));
      PrintSummary("would be imported");
      return counts_.bad.count() > 0 ? 1 : 0;
    }
    SOJOURN_ASSIGN_OR_RETURN(opened_, OpenForCommand(config_, /*need_existing=*/false));
    Backend* const backend = opened_->backend.get();
    SOJOURN_ASSIGN_OR_RETURN(const ImportLedger ledger,
                             backend->FindImports(identity_.fingerprint));
    const ImportProgress& progress = ledger.at(identity_.mode);
    if (progress.finished) {
      std::printf("%s was imported before; nothing to do\n", options_.file.c_str());
      return 0;
    }
    file::EventSorter sorter(std::filesystem::temp_directory_path().string(), kSortMemoryBytes);
    SOJOURN_RETURN_IF_ERROR(ReadRows(&sorter));
    SOJOURN_RETURN_IF_ERROR(sorter.Finish());
    SOJOURN_RETURN_IF_ERROR(SuppressBounced(backend));
    const bool all_good = counts_.bad.count() == 0;
    SOJOURN_ASSIGN_OR_RETURN(const uint64_t events,
                             AppendSorted(identity_, progress, all_good, &sorter, backend));
    if (!all_good) SOJOURN_RETURN_IF_ERROR(KeepBadRows(progress, events, backend));
    PrintSummary("imported; nothing starts and nothing is sent by that");
    return counts_.bad.count() > 0 ? 1 : 0;
  }

 private:
  // What the files tell, before anything is opened or made for them.
  Status Prepare() {
    SOJOURN_ASSIGN_OR_RETURN(
        const ReadPeopleMapping read,
        FindPeopleMapping(options_.mapping.empty() ? "plain" : options_.mapping));
    mapping_ = read.mapping;
    if (!options_.consent.empty()) {
      mapping_.consent.clear();
      mapping_.otherwise = options_.consent == "bounced"      ? Consent::kBounced
                           : options_.consent == "subscribed" ? Consent::kSubscribed
                                                              : Consent::kUnsubscribed;
    }
    SOJOURN_ASSIGN_OR_RETURN(const std::string of_file, file::FingerprintFile(options_.file));
    const Sha256Digest digest =
        Sha256(fmt::format("people\n{}\n{}\n{}", of_file, options_.consent, read.text));
    identity_ = {Hex(digest.data(), digest.size()), ImportMode::kHistory,
                 NameForPeople(options_.file)};
    return Survey();
  }

  Result<std::unique_ptr<PeopleReader>> OpenReader() const {
    file::PeopleOptions people;
    people.mapping = mapping_;
    people.fingerprint = identity_.fingerprint;
    people.now = now_;
    people.check_address = [](std::string_view address) {
      return smtp::WireAddress(address).status();
    };
    return PeopleReader::Open(options_.file, std::move(people));
  }

  Status Survey() {
    SOJOURN_ASSIGN_OR_RETURN(const auto reader, OpenReader());
    unmapped_columns_ = reader->unmapped_columns();
    traits_in_file_ = reader->TraitsInFile();
    Progress progress("looking", reader->bytes_total());
    PersonRow row;
    std::string first_problem;
    while (reader->Next(&row)) {
      if (row.problem.empty()) {
        survey_.Add(row);
      } else if (first_problem.empty()) {
        first_problem = fmt::format("; the first row that is none: {}:{}: {}", options_.file,
                                    row.line, row.problem);
      }
      progress.Show(reader->bytes_read());
    }
    progress.Finish();
    if (survey_.people() > 0) return Status::Ok();
    return InvalidArgument(fmt::format("{} has no contact{}", options_.file, first_problem));
  }

  // Why a row is no contact; empty: it is one, and `events` are its.
  std::string ReasonOf(PeopleReader* reader, const PersonRow& row,
                       std::vector<file::SortableEvent>* events) const {
    if (!row.problem.empty()) return row.problem;
    return reader->ToEvents(row, survey_.ConsentOf(row), events).message();
  }
  bool IsRepeated(const PersonRow& row) const {
    return row.problem.empty() && !survey_.IsLastOf(row);
  }

  Status KeepBadRows(const ImportProgress& progress, uint64_t event_count, Backend* backend) const {
    SOJOURN_ASSIGN_OR_RETURN(const auto reader, OpenReader());
    BadLineKeeper keeper(options_.file, identity_, progress, event_count, backend);
    PersonRow row;
    std::vector<file::SortableEvent> events;
    while (reader->Next(&row)) {
      if (IsRepeated(row)) continue;
      const std::string reason = ReasonOf(reader.get(), row, &events);
      if (reason.empty()) continue;
      SOJOURN_RETURN_IF_ERROR(keeper.Add(row.line, reason, std::move(row.text)));
    }
    return keeper.Finish();
  }

  // Names what is to be named, counts, and hands on; null takes nothing.
  Status ReadRows(file::EventSorter* sorter) {
    SOJOURN_ASSIGN_OR_RETURN(const auto reader, OpenReader());
    PersonRow row;
    std::vector<file::SortableEvent> events;
    while (reader->Next(&row)) {
      ++counts_.rows;
      if (IsRepeated(row)) {
        counts_.repeated.Add(row.line);
        Name(row.line, row.person + " comes again further down; that row counts");
        continue;
      }
      const std::string reason = ReasonOf(reader.get(), row, &events);
      if (!reason.empty()) {
        counts_.bad.Add(row.line);
        Name(row.line, reason);
        continue;
      }
      TakePerson(row);
      if (sorter == nullptr) continue;
      for (file::SortableEvent& event : events) {
        SOJOURN_RETURN_IF_ERROR(sorter->Add(std::move(event)));
      }
    }
    return Status::Ok();
  }

  void TakePerson(const PersonRow& row) {
    const Consent consent = survey_.ConsentOf(row);
    ++counts_.consent[static_cast<size_t>(consent)];
    if (row.address.empty()) {
      counts_.without_address.Add(row.line);
      return;
    }
    if (consent == Consent::kBounced) bounced_.push_back({row.address, row.consent_time});
    if (survey_.SharesAddress(row)) {
      counts_.shared.Add(row.line);
      Name(row.line, "another person came before with " + row.address);
    }
    if (file::IsRoleAddress(deliver::NormalizeAddress(row.address))) {
      counts_.roles.Add(row.line);
      Name(row.line, row.address + " is a role account, imported all the same");
    }
  }

  void Name(int64_t line, const std::string& what) const {
    std::fprintf(stderr, "%s:%lld: %s\n", options_.file.c_str(), static_cast<long long>(line),
                 what.c_str());
  }

  // An address that does not exist is no better for its person being forgotten.
  Status SuppressBounced(Backend* backend) {
    if (bounced_.empty()) return Status::Ok();
    const auto list = backend->suppressions();
    if (list.status().code() == StatusCode::kFailedPrecondition) {
      std::fprintf(stderr, "sojourn: %s\n", list.status().message().c_str());
      return Status::Ok();  // the people remember that they bounced
    }
    SOJOURN_ASSIGN_OR_RETURN(const std::string key, LoadAddressKey(config_));
    SOJOURN_ASSIGN_OR_RETURN(const auto suppressions, deliver::Suppressions::Open(key, *list));
    std::vector<deliver::Suppression> entries;
    for (const auto& [address, since] : bounced_) {
      entries.push_back(
          {suppressions->HashOf(address), deliver::SuppressionReason::kBounced, since});
    }
    constexpr size_t kEntriesPerCall = 10'000;
    for (size_t at = 0; at < entries.size(); at += kEntriesPerCall) {
      const auto piece = std::span(entries).subspan(at);
      SOJOURN_RETURN_IF_ERROR(
          suppressions->Add(piece.first(std::min(piece.size(), kEntriesPerCall))).status());
    }
    return Status::Ok();
  }

  void PrintSummary(const char* what_happens) {
    const auto people = [&](Consent consent) {
      return static_cast<long long>(counts_.consent[static_cast<size_t>(consent)]);
    };
    long long total = 0;
    for (const int64_t count : counts_.consent) total += count;
    std::printf("%lld rows, %lld people %s\n", static_cast<long long>(counts_.rows), total,
                what_happens);
    std::printf("subscribed %lld, unsubscribed %lld, bounced and suppressed %lld, not said %lld\n",
                people(Consent::kSubscribed), people(Consent::kUnsubscribed),
                people(Consent::kBounced), people(Consent::kNotSaid));
    Print(counts_.bad.Text("row was no contact", "rows were no contacts"),
          options_.dry_run ? "" : ": kept, see sojourn dead-letters");
    Print(counts_.repeated.Text("row repeats a person", "rows repeat a person"),
          ": the last row counts, an unsubscription in any of them");
    Print(counts_.shared.Text("person shares an address", "people share an address"),
          ": each is imported");
    Print(counts_.roles.Text("role account", "role accounts"), ": imported; nobody's own address");
    Print(counts_.without_address.Text("person has no address", "people have no address"), "");
    PrintColumns();
  }

  static void Print(const std::string& text, const char* more) {
    if (!text.empty()) std::printf("%s%s\n", text.c_str(), more);
  }

  void PrintColumns() const {
    for (const std::string& column : unmapped_columns_) {
      std::printf("column \"%s\" is not in the mapping and was left out\n", column.c_str());
    }
    std::vector<language::Diagnostic> diagnostics;
    const auto files = language::ReadRulesDirectory(config_.rules, &diagnostics);
    const auto bundle = files.ok() ? language::LoadBundle(*files).bundle : nullptr;
    if (bundle == nullptr) {
      std::printf("the rules in %s cannot be read, so the traits were not compared with them\n",
                  config_.rules.c_str());
      return;
    }
    if (!bundle->names->HasCatalog()) return;
    for (const auto& [trait, column] : traits_in_file_) {
      if (bundle->names->Trait(trait).has_value()) continue;
      std::printf(
          "trait %s (column \"%s\") is not in the catalogue's traits; imported, but rules "
          "cannot name it\n",
          trait.c_str(), column.c_str());
    }
  }

  const Config& config_;
  const PeopleImportOptions& options_;
  const Timestamp now_ = runtime::SystemClock().Now();
  file::PeopleMapping mapping_;
  ImportIdentity identity_;
  PeopleSurvey survey_;
  Counts counts_;
  std::vector<std::pair<std::string, Timestamp>> bounced_;  // address, since
  std::vector<std::string> unmapped_columns_;
  std::vector<std::pair<std::string, std::string>> traits_in_file_;  // and their columns
  std::optional<OpenedBackend> opened_;
};

}  // namespace

Result<int> ImportPeople(const Config& config, const PeopleImportOptions& options) {
  return PeopleImport(config, options).Run();
}

}  // namespace sojourn::cli
