// Large files of rules bundles, such as lists of coupon codes, cut into pieces that bundles share:
// a reload writes what is new and no more, also where a list of a million codes only grew.
//
// In the cut files a large one stands as the mark and its path, with the SHA-256 of its pieces as
// the content. A bundle without large files is not changed by this.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace sojourn::store {

inline constexpr size_t kFilePieceBytes = 64 * 1024;  // a file of more is cut
inline constexpr char kCutFileMark = '\x01';          // no path begins with it

using BundleFiles = std::map<std::string, std::string>;

struct CutFiles {
  BundleFiles files;
  // By SHA-256, 32 bytes. The views point into the files that were cut.
  std::map<std::string, std::string_view> pieces;
};
CutFiles CutLargeFiles(const BundleFiles& files);

// The files as they were. `find` gives a piece by its hash, nullopt where there is none. Errors:
// kDataLoss; those of `find`.
using FindPiece = std::function<Result<std::optional<std::string>>(std::string_view hash)>;
Result<BundleFiles> JoinFiles(const BundleFiles& cut, const FindPiece& find);

}  // namespace sojourn::store
