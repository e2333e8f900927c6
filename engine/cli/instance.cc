#include "engine/cli/instance.h"

#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>

#include <curl/curl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/hash.h"

namespace sojourn::cli {
namespace {

std::string InstanceFile(const std::string& data_directory) {
  return data_directory + "/instance.json";
}

size_t AppendToString(char* bytes, size_t size, size_t count, void* text) {
  static_cast<std::string*>(text)->append(bytes, size * count);
  return size * count;
}

}  // namespace

Status WriteInstance(const std::string& data_directory, const Instance& instance) {
  const std::string path = InstanceFile(data_directory);
  const std::string temporary = path + ".new";
  const int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return Unavailable(fmt::format("cannot write {}: {}", temporary, strerror(errno)));
  const nlohmann::json json = {{"process_id", instance.process_id},
                               {"address", instance.address},
                               {"token", instance.token}};
  const std::string text = json.dump() + "\n";
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool closed = close(file) == 0;
  if (!written || !closed || rename(temporary.c_str(), path.c_str()) != 0) {
    return Unavailable(fmt::format("cannot write {}: {}", path, strerror(errno)));
  }
  return Status::Ok();
}

void RemoveInstance(const std::string& data_directory) {
  unlink(InstanceFile(data_directory).c_str());
}

std::optional<Instance> FindInstance(const std::string& data_directory) {
  std::ifstream file(InstanceFile(data_directory));
  if (!file) return std::nullopt;
  const auto json = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  Instance instance;
  if (json.contains("process_id") && json["process_id"].is_number_integer()) {
    instance.process_id = json["process_id"].get<int>();
  }
  if (json.contains("address") && json["address"].is_string()) {
    instance.address = json["address"].get<std::string>();
  }
  if (json.contains("token") && json["token"].is_string()) {
    instance.token = json["token"].get<std::string>();
  }
  if (instance.process_id <= 0 || instance.address.empty()) return std::nullopt;
  if (kill(instance.process_id, 0) != 0 && errno == ESRCH) return std::nullopt;
  // Process ids are reused: only an answer under this token shows that it is ours.
  const Result<HttpAnswer> answer = Ask(instance, "GET", "/-/instance", "", 5);
  if (!answer.ok() || answer->status != 200) return std::nullopt;
  return instance;
}

std::string RandomToken() {
  unsigned char bytes[16];
  SOJOURN_CHECK(RAND_bytes(bytes, sizeof(bytes)) == 1);
  return Hex(bytes, sizeof(bytes));
}

Result<HttpAnswer> Ask(const Instance& instance, const std::string& method,
                       const std::string& target, const std::string& body, int timeout_seconds) {
  CURL* curl = curl_easy_init();
  if (curl == nullptr) return Internal("cannot set up an HTTP client");
  HttpAnswer answer;
  const std::string url = "http://" + instance.address + target;
  curl_slist* headers = curl_slist_append(nullptr, ("Authorization: Bearer " + instance.token).c_str());
  headers = curl_slist_append(headers, "Expect:");
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, static_cast<long>(timeout_seconds));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, AppendToString);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
  if (method != "GET") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  }
  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_slist_free_all(headers);
  curl_easy_cleanup(curl);
  if (code != CURLE_OK) {
    return Unavailable(fmt::format("the instance at {} does not answer: {}", instance.address,
                                   curl_easy_strerror(code)));
  }
  answer.status = static_cast<int>(status);
  return answer;
}

}  // namespace sojourn::cli
