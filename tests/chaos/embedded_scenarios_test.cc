// The tests of rules on the embedded log instead of memory, with a restart after every input.
#include <filesystem>

#include "connectors/embedded/embedded_log.h"
#include "engine/base/check.h"
#include "engine/simulate/test_support.h"
#include "engine/simulate/test_world.h"
#include "engine/store/temporary_directory.h"

namespace sojourn::embedded {
namespace {

// Memory where there is a file system in it: hundreds of databases are made, and none has to last.
std::filesystem::path Parent() {
  const std::filesystem::path memory = "/dev/shm";
  std::error_code error;
  return std::filesystem::is_directory(memory, error) ? memory
                                                      : std::filesystem::temp_directory_path();
}

class EmbeddedTestWorld final : public simulate::TestWorld {
 public:
  explicit EmbeddedTestWorld(const runtime::WallClock* clock) {
    auto log = EmbeddedLog::Open({.directory = directory_.path() + "/data",
                                  .partition_count = 1,
                                  .min_free_bytes = 0,
                                  .clock = clock});
    SOJOURN_CHECK(log.ok());
    log_ = *std::move(log);
  }

  Ports OpenPorts() override {
    EmbeddedLog::WorkerPorts ports = log_->MakeWorkerPorts(0, 1);
    return {std::move(ports.input), std::move(ports.committer), std::move(ports.keeper),
            log_->MakeDecoder()};
  }

  Status Append(const model::Event& event) override { return log_->Append({&event, 1}).status(); }

 private:
  store::TemporaryDirectory directory_{Parent()};
  std::unique_ptr<EmbeddedLog> log_;
};

TEST(EmbeddedScenariosTest, RestartAfterEveryInput) {
  simulate::TestOptions options;
  options.restart_after_every_input = true;
  options.make_world = [](const runtime::WallClock* clock) {
    return std::make_unique<EmbeddedTestWorld>(clock);
  };
  simulate::RunOwnAndSamples(options);
}

}  // namespace
}  // namespace sojourn::embedded
