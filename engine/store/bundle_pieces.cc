#include "engine/store/bundle_pieces.h"

#include <fmt/format.h>

#include "engine/base/hash.h"

namespace sojourn::store {
namespace {

constexpr size_t kHashBytes = sizeof(Sha256Digest);

std::string HashOf(std::string_view piece) {
  const Sha256Digest digest = Sha256(piece);
  return {digest.begin(), digest.end()};
}

}  // namespace

CutFiles CutLargeFiles(const BundleFiles& files) {
  CutFiles cut;
  for (const auto& [path, content] : files) {
    if (content.size() <= kFilePieceBytes) {
      cut.files.emplace(path, content);
      continue;
    }
    std::string& hashes = cut.files[kCutFileMark + path];
    for (size_t at = 0; at < content.size(); at += kFilePieceBytes) {
      const std::string_view piece = std::string_view(content).substr(at, kFilePieceBytes);
      const std::string hash = HashOf(piece);
      hashes += hash;
      cut.pieces.emplace(hash, piece);
    }
  }
  return cut;
}

Result<BundleFiles> JoinFiles(const BundleFiles& cut, const FindPiece& find) {
  BundleFiles files;
  for (const auto& [path, content] : cut) {
    if (!path.starts_with(kCutFileMark)) {
      files.emplace(path, content);
      continue;
    }
    std::string& whole = files[path.substr(1)];
    for (size_t at = 0; at < content.size(); at += kHashBytes) {
      const std::string_view hash = std::string_view(content).substr(at, kHashBytes);
      SOJOURN_ASSIGN_OR_RETURN(const std::optional<std::string> piece, find(hash));
      if (!piece || HashOf(*piece) != hash) {
        return DataLoss(fmt::format("a piece of the stored rules file {} is not there or damaged",
                                    path.substr(1)));
      }
      whole += *piece;
    }
  }
  return files;
}

}  // namespace sojourn::store
