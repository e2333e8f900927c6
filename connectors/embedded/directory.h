// The data directory of the embedded log: who owns it, and whether it is ours to open.
//
//   sojourn.json   format, app and partition count, written once, when the database is whole
//   lock           held by the one process that has the directory open
//   database/      RocksDB; database.new/ while it is made
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/base/status.h"

namespace sojourn::embedded {

inline constexpr int kDirectoryFormat = 1;

struct DirectoryIdentity {
  int format = kDirectoryFormat;
  std::string app;
  int32_t partition_count = 0;
};

// Threads: none of it is shared. The lock is released with the object, or with the process.
class DataDirectory {
 public:
  // Locks the directory and reads its identity. Where there is nothing and `create_if_missing`, the
  // directory is_new() until Make. One that holds files of others is left as it is:
  // kFailedPrecondition. Errors: as EmbeddedLog::Open, one line with the way out.
  static Result<std::unique_ptr<DataDirectory>> Open(const std::string& path,
                                                     const DirectoryIdentity& wanted,
                                                     bool create_if_missing);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  bool is_new() const { return is_new_; }
  // Has the database made at the path that is given, then makes the directory one of ours. After a
  // crash on the way the directory is_new() again, or complete.
  Status Make(const std::function<Status(const std::string& path)>& make_database);

  const DirectoryIdentity& identity() const { return identity_; }
  std::string database_path() const { return path_ + "/database"; }
  // Bytes that this user may still write on the disk.
  Result<uint64_t> FreeBytes() const;
  // Makes `directory`, which must not exist, with the same identity.
  Status MakeCopy(const std::string& directory) const;

 private:
  explicit DataDirectory(std::string path) : path_(std::move(path)) {}
  Status Lock();
  Status WriteIdentity(const std::string& directory) const;
  Status ReadIdentity(const DirectoryIdentity& wanted, bool create_if_missing);
  Status FinishDatabase() const;
  std::string new_database_path() const { return path_ + "/database.new"; }

  const std::string path_;
  DirectoryIdentity identity_;
  bool is_new_ = false;
  int lock_file_ = -1;
};

}  // namespace sojourn::embedded
