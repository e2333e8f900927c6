// Keys and certificates for tests, made when they are needed.
#pragma once

#include <string>

namespace sojourn::smtp {

// A directory that is gone with its object.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string PathOf(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Writes a PEM file; `type` is "RSA1024", "RSA2048", "RSA512", "EC" or "ENCRYPTED".
void WriteKey(const std::string& type, const std::string& file);

// Writes a new self-signed certificate for `host` and its key.
void WriteCertificate(const std::string& host, const std::string& certificate_file,
                      const std::string& key_file);

}  // namespace sojourn::smtp
