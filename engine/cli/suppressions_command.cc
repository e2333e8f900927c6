// `sojourn suppressions`: addresses that get no mail, in and out.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "connectors/file/csv.h"
#include "connectors/file/import_reader.h"
#include "connectors/smtp/mail_address.h"
#include "engine/base/rfc3339.h"
#include "engine/cli/commands.h"
#include "engine/cli/secrets.h"
#include "engine/deliver/suppression.h"

namespace sojourn::cli {
namespace {

using deliver::Suppression;
using deliver::SuppressionReason;
using deliver::Suppressions;

constexpr size_t kEntriesPerChunk = 10'000;
constexpr char kExportHeader[] = "address_hash,reason,since";

struct Options {
  std::shared_ptr<CommonOptions> common;
  std::string file;
  std::string address;
  std::string reason;
};

// The list with its key, and what it lives on.
struct OpenedList {
  OpenedBackend backend;
  std::unique_ptr<Suppressions> suppressions;
};

Result<OpenedList> OpenList(const CommonOptions& common, bool need_existing) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(common));
  OpenedList opened;
  SOJOURN_ASSIGN_OR_RETURN(opened.backend, OpenForCommand(config, need_existing));
  SOJOURN_ASSIGN_OR_RETURN(deliver::SuppressionList* const list,
                           opened.backend.backend->suppressions());
  SOJOURN_ASSIGN_OR_RETURN(const std::string key, LoadAddressKey(config));
  SOJOURN_ASSIGN_OR_RETURN(opened.suppressions, Suppressions::Open(key, list));
  return opened;
}

// One file into the list: an export of `suppressions export`, a CSV file with a column of
// addresses, or addresses, one a line.
class FileImport {
 public:
  FileImport(const Options& options, Suppressions* suppressions)
      : options_(options), suppressions_(suppressions) {}

  Result<int> Run() {
    SOJOURN_RETURN_IF_ERROR(file::FingerprintFile(options_.file).status());  // that it can be read
    std::ifstream stream(options_.file, std::ios::binary);
    file::CsvReader reader(&stream);
    file::CsvRecord record;
    for (bool first = true; reader.Next(&record); first = false) {
      if (first && ReadHeader(record)) continue;
      SOJOURN_RETURN_IF_ERROR(TakeRecord(record));
    }
    SOJOURN_RETURN_IF_ERROR(Flush());
    if (read_ == 0 && bad_ == 0) return InvalidArgument(options_.file + " has no address");
    std::printf("%zu addresses read, %zu new, %zu refused\n", read_, new_, bad_);
    return bad_ == 0 ? 0 : 1;
  }

 private:
  // False: the first line is an address, and the file a list of such.
  bool ReadHeader(const file::CsvRecord& record) {
    if (record.fields.size() == 1 && smtp::IsMailAddress(Trimmed(record.fields[0]))) return false;
    const auto column = [&](std::initializer_list<std::string_view> names) {
      for (size_t i = 0; i < record.fields.size(); ++i) {
        const std::string name = deliver::NormalizeAddress(record.fields[i]);
        if (std::find(names.begin(), names.end(), name) != names.end()) return static_cast<int>(i);
      }
      return -1;
    };
    hash_column_ = column({"address_hash"});
    reason_column_ = column({"reason"});
    since_column_ = column({"since"});
    address_column_ = column({"email address", "email", "address", "e-mail"});
    bounced_column_ = column({"clean_time"});
    unsubscribed_column_ = column({"unsub_time"});
    return true;
  }

  Status TakeRecord(const file::CsvRecord& record) {
    if (!record.problem.empty()) return Refuse(record.line, record.problem);
    if (hash_column_ >= 0) return TakeExported(record);
    const std::string address = Trimmed(Field(record, address_column_));
    const auto checked = smtp::WireAddress(address);
    if (!checked.ok()) return Refuse(record.line, checked.status().message());
    return Take({suppressions_->HashOf(address), ReasonOf(record), TimeOf(record)});
  }

  Status TakeExported(const file::CsvRecord& record) {
    const auto entry = deliver::ParseSuppression(
        Field(record, hash_column_), Field(record, reason_column_), Field(record, since_column_));
    if (!entry) return Refuse(record.line, "not a hash, a reason and a time");
    const bool is_key = entry->reason == SuppressionReason::kKey;
    if (!is_key && key_seen_) return Take(*entry);
    // Hashes of another key would suppress nobody.
    if (is_key && entry->hash == suppressions_->KeyMark().hash) {
      key_seen_ = true;
      return Status::Ok();
    }
    return FailedPrecondition(fmt::format(
        "{}:{}: {}", options_.file, record.line,
        is_key ? "the file was exported under another address_key; set that key in the "
                 "configuration under secrets"
               : "the first row of an export names its key; this one was taken off the file"));
  }

  SuppressionReason ReasonOf(const file::CsvRecord& record) const {
    if (!options_.reason.empty()) return *deliver::ParseSuppressionReason(options_.reason);
    const auto named = deliver::ParseSuppressionReason(Field(record, reason_column_));
    if (named && *named != SuppressionReason::kKey) return *named;
    if (bounced_column_ >= 0) return SuppressionReason::kBounced;
    if (unsubscribed_column_ >= 0) return SuppressionReason::kUnsubscribed;
    return SuppressionReason::kImported;
  }

  Timestamp TimeOf(const file::CsvRecord& record) const {
    for (const int column : {since_column_, bounced_column_, unsubscribed_column_}) {
      const std::string text = column < 0 ? "" : Field(record, column);
      for (const file::TimeFormat format :
           {file::TimeFormat::kRfc3339, file::TimeFormat::kDateTime}) {
        if (const auto time = file::ParseTime(text, format)) return *time;
      }
    }
    return now_;
  }

  Status Take(const Suppression& entry) {
    ++read_;
    entries_.push_back(entry);
    return entries_.size() < kEntriesPerChunk ? Status::Ok() : Flush();
  }

  Status Flush() {
    SOJOURN_ASSIGN_OR_RETURN(const size_t added, suppressions_->Add(entries_));
    new_ += added;
    entries_.clear();
    return Status::Ok();
  }

  Status Refuse(int64_t line, const std::string& reason) {
    ++bad_;
    std::fprintf(stderr, "%s:%lld: %s\n", options_.file.c_str(), static_cast<long long>(line),
                 reason.c_str());
    return Status::Ok();
  }

  static std::string Trimmed(const std::string& text) { return deliver::NormalizeAddress(text); }
  static std::string Field(const file::CsvRecord& record, int column) {
    const auto index = static_cast<size_t>(column);
    return column < 0 || index >= record.fields.size() ? "" : record.fields[index];
  }

  const Options& options_;
  Suppressions* const suppressions_;
  const Timestamp now_ = runtime::SystemClock().Now();
  int hash_column_ = -1, reason_column_ = -1, since_column_ = -1;
  int address_column_ = 0;  // of a file without a header
  int bounced_column_ = -1, unsubscribed_column_ = -1;
  bool key_seen_ = false;
  std::vector<Suppression> entries_;
  size_t read_ = 0, new_ = 0, bad_ = 0;
};

Result<int> ImportFile(const Options& options) {
  // Before a data directory is made for it.
  SOJOURN_RETURN_IF_ERROR(file::FingerprintFile(options.file).status());
  SOJOURN_ASSIGN_OR_RETURN(const OpenedList list, OpenList(*options.common, false));
  return FileImport(options, list.suppressions.get()).Run();
}

Result<int> Export(const Options& options) {
  SOJOURN_ASSIGN_OR_RETURN(const OpenedList list, OpenList(*options.common, true));
  bool heard = std::printf("%s\n%s\n", kExportHeader,
                           deliver::FormatSuppression(list.suppressions->KeyMark()).c_str()) > 0;
  SOJOURN_RETURN_IF_ERROR(list.suppressions->ForEach([&](const Suppression& entry) {
    heard = heard && std::printf("%s\n", deliver::FormatSuppression(entry).c_str()) > 0;
    return heard;  // else nobody reads any more
  }));
  return 0;
}

Result<int> AddOne(const Options& options) {
  SOJOURN_RETURN_IF_ERROR(smtp::WireAddress(deliver::NormalizeAddress(options.address)).status());
  SOJOURN_ASSIGN_OR_RETURN(const OpenedList list, OpenList(*options.common, false));
  const auto reason = deliver::ParseSuppressionReason(options.reason);
  SOJOURN_ASSIGN_OR_RETURN(
      const bool added,
      list.suppressions->Add(options.address, reason.value_or(SuppressionReason::kManual),
                             runtime::SystemClock().Now()));
  std::printf("%s %s\n", options.address.c_str(),
              added ? "gets no mail from now on" : "was suppressed before; nothing to do");
  return 0;
}

Result<int> RemoveOne(const Options& options) {
  SOJOURN_ASSIGN_OR_RETURN(const OpenedList list, OpenList(*options.common, true));
  SOJOURN_ASSIGN_OR_RETURN(const bool removed, list.suppressions->Remove(options.address));
  std::printf("%s %s\n", options.address.c_str(),
              removed ? "is no longer suppressed" : "was not suppressed; nothing to do");
  return 0;
}

Result<int> CheckOne(const Options& options) {
  SOJOURN_ASSIGN_OR_RETURN(const OpenedList list, OpenList(*options.common, true));
  SOJOURN_ASSIGN_OR_RETURN(const auto entry, list.suppressions->Find(options.address));
  if (!entry) {
    std::printf("%s is not suppressed\n", options.address.c_str());
    return 0;
  }
  std::printf("%s is suppressed: %s, since %s\n", options.address.c_str(),
              std::string(deliver::SuppressionReasonName(entry->reason)).c_str(),
              FormatRfc3339(entry->since).c_str());
  return 1;
}

void AddReason(Command command, Options* options, const char* help) {
  command.AddOption("--reason", &options->reason, help)
      .OneOf({"bounced", "complained", "unsubscribed", "manual", "imported"});
}

}  // namespace

void AddSuppressionsCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand(
      "suppressions",
      "Addresses that get no mail at all, whoever they belong to. They are kept as keyed hashes,\n"
      "which outlive the erasure of a person; secrets.json (or secrets: {address_key}) has the "
      "key.");
  command.RequireSubcommands(1, 1);
  using Action = Result<int> (*)(const Options&);
  const auto add = [&](const char* name, const char* help, Action action) {
    const Command sub = command.AddSubcommand(name, help);
    auto options = std::make_shared<Options>();
    options->common = AddCommonOptions(sub);
    sub.SetCallback([options, exit_code, action] {
      const Result<int> result = action(*options);
      *exit_code = result.ok() ? *result : Fail(result.status());
    });
    return std::pair(sub, options.get());
  };
  const auto add_for_address = [&](const char* name, const char* help, Action action) {
    const auto [sub, options] = add(name, help, action);
    sub.AddOption("ADDRESS", &options->address, "The mail address").Required();
    return std::pair(sub, options);
  };
  const auto [import, import_options] = add(
      "import",
      "Adds the addresses of a file: one a line, a CSV file with a column \"email\" or\n"
      "\"Email Address\" (such as Mailchimp's cleaned or unsubscribed contacts), or an export.\n"
      "Who is there already stays. Exit code: 0 all are in, 1 some lines were no addresses\n"
      "(they are named), 2 the file could not be taken.",
      ImportFile);
  import.AddOption("FILE", &import_options->file, "The file").Required();
  AddReason(import, import_options, "Why, where the file does not say it (default: imported)");
  add("export", "Prints the list as CSV: hash, reason, time; `import` reads it back", Export);
  const auto [add_one, add_options] =
      add_for_address("add", "Suppresses an address from now on", AddOne);
  AddReason(add_one, add_options, "Why (default: manual)");
  add_for_address("remove", "Takes an address off the list", RemoveOne);
  add_for_address("check", "Whether an address is on the list: exit code 1 if it is, 0 if not",
                  CheckOne);
}

}  // namespace sojourn::cli
