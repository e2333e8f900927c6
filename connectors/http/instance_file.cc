#include "connectors/http/instance_file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "engine/base/hash.h"
#include "engine/model/json_reader.h"
#include "engine/model/json_writer.h"

namespace sojourn::http {
namespace {

std::string PathIn(const std::string& directory) { return directory + "/instance.json"; }

Status WriteAll(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return InvalidArgument(std::strerror(errno));
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return Status::Ok();
}

// Null where it is absent or of another kind.
const model::Value* Member(const model::Value& map, std::string_view name, model::ValueKind kind) {
  const model::Value* value = map.Find(name);
  return value != nullptr && value->kind() == kind ? value : nullptr;
}

}  // namespace

Result<std::string> NewToken() {
  char bytes[32];
  if (getrandom(bytes, sizeof(bytes), 0) != static_cast<ssize_t>(sizeof(bytes))) {
    return Internal(fmt::format("no random bytes for a token: {}", std::strerror(errno)));
  }
  return Hex(std::string_view(bytes, sizeof(bytes)));
}

Status WriteInstanceFile(const std::string& directory, const Instance& instance) {
  model::JsonWriter json;
  json.BeginObject();
  json.Member("address", model::Value::String(instance.place.address));
  json.Member("port", model::Value::Int(instance.place.port));
  if (!instance.place.fingerprint.empty()) {
    json.Member("certificate", model::Value::String(instance.place.fingerprint));
  }
  json.Member("token", model::Value::String(instance.token));
  json.Member("process_id", model::Value::Int(instance.process_id));
  json.EndObject();
  const std::string path = PathIn(directory);
  const std::string fresh = path + ".new";
  unlink(fresh.c_str());  // a leftover may have other rights
  const int file = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) {
    return InvalidArgument(fmt::format("cannot write {}: {}", fresh, std::strerror(errno)));
  }
  const Status status = WriteAll(file, json.text() + "\n");
  close(file);
  if (!status.ok()) {
    return InvalidArgument(fmt::format("cannot write {}: {}", fresh, status.message()));
  }
  if (std::rename(fresh.c_str(), path.c_str()) != 0) {
    return InvalidArgument(fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  }
  return Status::Ok();
}

Result<Instance> ReadInstanceFile(const std::string& directory) {
  const std::string path = PathIn(directory);
  if (access(path.c_str(), R_OK) != 0) {
    if (errno == ENOENT) {
      return NotFound(fmt::format("no process runs on {}: there is no {}", directory, path));
    }
    return InvalidArgument(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  }
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  Arena arena;
  model::JsonReader reader;
  const Result<model::Value> map = reader.Read(text.str(), 2, &arena);
  const Status broken = InvalidArgument(path + " is not an instance file; remove it");
  if (!map.ok()) return broken;
  const auto* address = Member(*map, "address", model::ValueKind::kString);
  const auto* port = Member(*map, "port", model::ValueKind::kInt);
  const auto* token = Member(*map, "token", model::ValueKind::kString);
  const auto* process_id = Member(*map, "process_id", model::ValueKind::kInt);
  if (address == nullptr || port == nullptr || token == nullptr || process_id == nullptr ||
      port->int_value() < 1 || port->int_value() > 65535) {
    return broken;
  }
  const auto* certificate = Member(*map, "certificate", model::ValueKind::kString);
  return Instance{{std::string(address->text()), static_cast<uint16_t>(port->int_value()),
                   certificate == nullptr ? "" : std::string(certificate->text())},
                  std::string(token->text()),
                  process_id->int_value()};
}

void RemoveInstanceFile(const std::string& directory) { unlink(PathIn(directory).c_str()); }

}  // namespace sojourn::http
