#include "engine/simulate/test_world.h"

#include <string>
#include <utility>

#include "engine/model/event_codec.h"
#include "engine/runtime/event_decoder.h"

namespace sojourn::simulate {

MemoryTestWorld::MemoryTestWorld(const runtime::WallClock* clock,
                                 runtime::MemoryWorldOptions options)
    : clock_(clock), world_(std::move(options)) {}

TestWorld::Ports MemoryTestWorld::OpenPorts() {
  auto ports = world_.MakeWorkerPorts(0, 1);
  std::vector<model::EventFormat> formats(ports.input->inputs().size(),
                                          model::EventFormat::kProtobuf);
  return {std::move(ports.input), std::move(ports.committer), std::move(ports.keeper),
          std::make_unique<runtime::FormatDecoder>(std::move(formats))};
}

Status MemoryTestWorld::Append(const model::Event& event) {
  std::string bytes;
  model::EncodeEvent(event, nullptr, &bytes);
  world_.Append(0, event.person, bytes, clock_->Now());
  return Status::Ok();
}

}  // namespace sojourn::simulate
