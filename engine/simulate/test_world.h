// What lies beneath a test: the log and the state of one partition, which outlive the engine above
// them as a disk outlives a process.
//
// Threads: one. Errors: a Status of the log; a test that meets one cannot go on.
#pragma once

#include <memory>

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/model/event.h"
#include "engine/runtime/memory_ports.h"
#include "engine/runtime/ports.h"

namespace sojourn::simulate {

class TestWorld {
 public:
  virtual ~TestWorld() = default;

  struct Ports {
    std::unique_ptr<runtime::InputLog> input;
    std::unique_ptr<runtime::Committer> committer;
    std::unique_ptr<runtime::StateKeeper> keeper;
    std::unique_ptr<runtime::Decoder> decoder;
  };
  // For a worker that begins; those of the one before are dead.
  virtual Ports OpenPorts() = 0;

  // The record's log time is the clock's present.
  virtual Status Append(const model::Event& event) = 0;
};

// In memory. `clock` outlives it.
class MemoryTestWorld final : public TestWorld {
 public:
  explicit MemoryTestWorld(const runtime::WallClock* clock,
                           runtime::MemoryWorldOptions options = {});

  Ports OpenPorts() override;
  Status Append(const model::Event& event) override;

 private:
  const runtime::WallClock* const clock_;
  runtime::MemoryWorld world_;
};

}  // namespace sojourn::simulate
