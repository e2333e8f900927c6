// What a loss of power would leave of a directory, noted by the process that writes it: for
// LD_PRELOAD, together with power.py, which makes the loss.
//
// Files count as far as fsync or fdatasync has made them durable, directories as they were when
// they were last synced: a name that was made, changed or removed since has not been. Nothing else
// is durable, whatever some file systems give on top.
//
//   POWER_LOSS_TREE     the directory, absolute, as the process names it
//   POWER_LOSS_SHADOW   beside it, on the same file system: for each directory one by the number of
//                       its inode, with hard links to its durable files and, for each durable
//                       directory, a symbolic link to its number
//   POWER_LOSS_LEDGER   pairs of 8 bytes, inode and durable size; the last one of an inode counts
//   POWER_LOSS_DIE_AT   optional: the number of the sync at which the process kills itself ...
//   POWER_LOSS_DIE      ... "before" anything is durable or "after", before the caller knows
//
// Files are taken to grow at their end only, as those of RocksDB do.
//
// Threads: any; a lock keeps the shadow and the ledger. Errors: an abort, since a test that goes on
// without them would prove nothing.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>

namespace {

template <typename Function>
Function Next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

void Demand(bool condition, const char* what) {
  if (condition) return;
  std::perror(what);
  std::abort();
}

std::string Setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Where a descriptor leads; "" outside the tree.
std::string PathInTree(int file) {
  static const std::string tree = Setting("POWER_LOSS_TREE");
  std::array<char, 4096> path;
  const std::string link = "/proc/self/fd/" + std::to_string(file);
  const ssize_t size = readlink(link.c_str(), path.data(), path.size());
  const std::string found(path.data(), size < 0 ? 0 : static_cast<size_t>(size));
  return !tree.empty() && (found == tree || found.starts_with(tree + "/")) ? found : "";
}

class Shadow {
 public:
  Shadow() : root_(Setting("POWER_LOSS_SHADOW")) {
    ledger_ = Next<int (*)(const char*, int, ...)>("open")(Setting("POWER_LOSS_LEDGER").c_str(),
                                                           O_WRONLY | O_APPEND | O_CLOEXEC);
    Demand(ledger_ >= 0, "the ledger");
  }

  void NoteSize(uint64_t inode, uint64_t size) {
    const std::array<uint64_t, 2> entry = {inode, size};
    Demand(write(ledger_, entry.data(), sizeof(entry)) == sizeof(entry), "the ledger");
  }

  // A new directory, whose inode may have been another's.
  void Forget(uint64_t inode) {
    const std::lock_guard lock(mutex_);
    const std::string own = Make(inode);
    for (const auto& [name, unused] : Names(own)) unlink((own + "/" + name).c_str());
  }

  // Makes the shadow of the directory what the directory is.
  void SyncDirectory(const std::string& path, uint64_t inode) {
    const std::lock_guard lock(mutex_);
    const std::string own = Make(inode);
    const std::map<std::string, struct stat> wanted = Names(path);
    const std::map<std::string, struct stat> present = Names(own);
    // What takes another's name replaces it at once, so the old name goes last.
    for (const auto& [name, is] : wanted) {
      const auto old = present.find(name);
      if (S_ISDIR(is.st_mode)) {
        PlaceDirectory(own, name, is.st_ino);
      } else if (old == present.end() || old->second.st_ino != is.st_ino) {
        PlaceFile(path, own, name);
      }
    }
    for (const auto& [name, unused] : present) {
      if (!wanted.contains(name)) unlink((own + "/" + name).c_str());
    }
  }

 private:
  std::string Make(uint64_t inode) {
    std::string path = root_ + "/" + std::to_string(inode);
    Demand(Next<int (*)(const char*, mode_t)>("mkdir")(path.c_str(), 0700) == 0 || errno == EEXIST,
           "a directory of the shadow");
    return path;
  }

  static std::map<std::string, struct stat> Names(const std::string& path) {
    std::map<std::string, struct stat> names;
    DIR* const directory = opendir(path.c_str());
    Demand(directory != nullptr, path.c_str());
    while (const dirent* const entry = readdir(directory)) {
      const std::string name = entry->d_name;
      struct stat is;
      if (name == "." || name == ".." || lstat((path + "/" + name).c_str(), &is) != 0) continue;
      names[name] = is;
    }
    closedir(directory);
    return names;
  }

  // The one that is placed may be gone by now: then it is not to be placed.
  void PlaceFile(const std::string& from, const std::string& own, const std::string& name) {
    const std::string partial = root_ + "/partial";
    unlink(partial.c_str());
    if (link((from + "/" + name).c_str(), partial.c_str()) != 0) return;
    Demand(std::rename(partial.c_str(), (own + "/" + name).c_str()) == 0, "a link of the shadow");
  }

  void PlaceDirectory(const std::string& own, const std::string& name, uint64_t inode) {
    const std::string partial = root_ + "/partial";
    Make(inode);
    unlink(partial.c_str());
    Demand(symlink(std::to_string(inode).c_str(), partial.c_str()) == 0, "a link of the shadow");
    Demand(std::rename(partial.c_str(), (own + "/" + name).c_str()) == 0, "a link of the shadow");
  }

  const std::string root_;
  int ledger_ = -1;
  std::mutex mutex_;
};

Shadow& TheShadow() {
  static Shadow* const shadow = new Shadow;
  return *shadow;
}

void DieIfDue(int number, const char* when) {
  static const int die_at = std::atoi(Setting("POWER_LOSS_DIE_AT").c_str());
  static const std::string die = Setting("POWER_LOSS_DIE");
  if (number != die_at || die != when) return;
  kill(getpid(), SIGKILL);
  pause();
}

int Sync(int file, const char* function) {
  static std::atomic<int> syncs = 0;
  const auto next = Next<int (*)(int)>(function);
  const std::string path = PathInTree(file);
  if (path.empty()) return next(file);
  const int number = ++syncs;
  struct stat is;
  Demand(fstat(file, &is) == 0, "a synced file");  // what comes meanwhile may not be durable
  DieIfDue(number, "before");
  const int result = next(file);
  if (result != 0) return result;
  if (S_ISDIR(is.st_mode)) {
    TheShadow().SyncDirectory(path, is.st_ino);
  } else {
    TheShadow().NoteSize(is.st_ino, static_cast<uint64_t>(is.st_size));
  }
  DieIfDue(number, "after");
  return result;
}

// A file that begins may have the inode of one that is gone.
int Opened(int file) {
  struct stat is;
  if (file >= 0 && !PathInTree(file).empty() && fstat(file, &is) == 0 && S_ISREG(is.st_mode) &&
      is.st_size == 0) {
    TheShadow().NoteSize(is.st_ino, 0);
  }
  return file;
}

int Made(const char* path, int result) {
  if (result != 0) return result;
  const int file = Next<int (*)(const char*, int, ...)>("open")(path, O_RDONLY | O_CLOEXEC);
  struct stat is;
  if (!PathInTree(file).empty() && fstat(file, &is) == 0) TheShadow().Forget(is.st_ino);
  close(file);
  return result;
}

mode_t ModeOf(int flags, va_list* arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(*arguments, mode_t) : 0;
}

}  // namespace

extern "C" {

int fsync(int file) { return Sync(file, "fsync"); }
int fdatasync(int file) { return Sync(file, "fdatasync"); }

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, &arguments);
  va_end(arguments);
  return Opened(Next<int (*)(const char*, int, ...)>("open")(path, flags, mode));
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = ModeOf(flags, &arguments);
  va_end(arguments);
  return Opened(Next<int (*)(const char*, int, ...)>("open64")(path, flags, mode));
}

FILE* fopen(const char* path, const char* mode) {
  FILE* const file = Next<FILE* (*)(const char*, const char*)>("fopen")(path, mode);
  if (file != nullptr) Opened(fileno(file));
  return file;
}

FILE* fopen64(const char* path, const char* mode) {
  FILE* const file = Next<FILE* (*)(const char*, const char*)>("fopen64")(path, mode);
  if (file != nullptr) Opened(fileno(file));
  return file;
}

int mkdir(const char* path, mode_t mode) {
  return Made(path, Next<int (*)(const char*, mode_t)>("mkdir")(path, mode));
}

}  // extern "C"
