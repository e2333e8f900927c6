#include "engine/simulate/virtual_person.h"

#include <utility>

#include "engine/store/partition_store.h"
#include "engine/store/person_record.h"

namespace sojourn::simulate {
namespace {

constexpr Partition kPartition(0);
constexpr Duration kTick = Milliseconds(1);
// Turns of the worker for one moment, after which it is taken to go round in circles.
constexpr int kMostTurns = 100'000;

// Commits whenever nothing more is at hand, and never sleeps.
runtime::WorkerOptions EagerWorker() {
  runtime::WorkerOptions options;
  options.commit_when_idle = true;
  options.retry_pause_min = Duration(0);
  options.retry_pause_max = Duration(0);
  return options;
}

model::Event ToEvent(const TestEvent& from, const std::string& person) {
  model::Event event;
  event.type = from.identify ? model::EventType::kIdentify : model::EventType::kTrack;
  event.id = from.id;
  event.person = person;
  event.name = from.name;
  event.time = from.time;
  event.properties = from.properties;
  return event;
}

}  // namespace

VirtualPerson::VirtualPerson(const std::shared_ptr<const language::RuleSet>& rules,
                             const TestCase& test, const TestOptions& options)
    : options_(options),
      rule_set_(rules),
      rules_(runtime::RulesSource::Fixed(rules)),
      clock_(test.start),
      world_(options.make_world ? options.make_world(&clock_)
                                : std::make_unique<MemoryTestWorld>(&clock_)) {
  secrets_.coupon_key = "the key of tests";
  overrides_.paths = test.forced_paths;
  overrides_.holdout = test.forced_holdout;
  person_.id = test.person_id;
  BuildAtStart(test);
  failure_ = StoreAtStart();
  StartWorker();
}

VirtualPerson::~VirtualPerson() = default;

// History, traits and segments as they are at the start; nothing has started.
void VirtualPerson::BuildAtStart(const TestCase& test) {
  step::PartitionState partition;
  const step::Environment environment{rule_set_.get(), &secrets_, &partition, &overrides_, false};
  step::StepOutput output;
  person_.known = true;
  person_.bundle = rule_set_->current().number;
  for (const auto& [name, value] : test.traits) person_.SetTrait(name, value);
  for (const TestEvent& event : test.history) TakeHistory(environment, event, &output);
  const bool empty = test.history.empty();
  person_.first_seen_at = empty ? test.start : test.history.front().at;
  person_.last_seen_at = empty ? test.start : test.history.back().at;
  person_.planned_dates.Clear();  // what was planned before the start is past
  step::UpgradePerson(environment, test.start, &person_, &output);
}

void VirtualPerson::TakeHistory(const step::Environment& environment, const TestEvent& test_event,
                                step::StepOutput* output) {
  model::Event event = ToEvent(test_event, person_.id);
  event.historical = true;
  // Counters of the time between may read when they were seen.
  if (person_.first_seen_at == Timestamp::Min()) person_.first_seen_at = test_event.at;
  person_.last_seen_at = test_event.at;
  const step::EventInput input{&event, {"history", kPartition, Offset(0)}, test_event.at};
  output->Clear();
  step::ApplyEvent(environment, input, &person_, output);
}

// The first commit of the partition: as if all of it had been lived through here.
Status VirtualPerson::StoreAtStart() {
  TestWorld::Ports ports = world_->OpenPorts();
  SOJOURN_ASSIGN_OR_RETURN(runtime::OpenedPartition opened, ports.keeper->Open(kPartition));
  std::string record;
  SOJOURN_RETURN_IF_ERROR(store::EncodePerson(person_, &record));
  const store::PersonChange change{person_.id, record};
  opened.store->timers().Arm(person_.id, Timestamp::Max(), person_.next_deadline);
  store::PartitionMeta meta = opened.store->meta();
  for (size_t i = 0; i < opened.next.size(); ++i) {
    meta.inputs.push_back({ports.input->inputs()[i].topic, kPartition, opened.next[i]});
  }
  meta.bundle = rule_set_->current().number;
  meta.persons = 1;
  runtime::CommitBatch batch;
  batch.partition = kPartition;
  batch.store = opened.store.get();
  batch.changes = {&change, 1};
  batch.meta = &meta;
  // A world with faults may refuse it at first.
  const runtime::CommitResult result = ports.committer->Commit({&batch, 1});
  if (result.outcome == runtime::CommitOutcome::kCommitted) return result.status;
  return ports.committer->Commit({&batch, 1}).status;
}

void VirtualPerson::StartWorker() {
  worker_.reset();
  ports_ = {};
  ports_ = world_->OpenPorts();
  runtime::TaskEnvironment environment;
  environment.log = ports_.input.get();
  environment.decoder = ports_.decoder.get();
  environment.clock = &clock_;
  environment.rules = rules_.get();
  environment.secrets = &secrets_;
  environment.observer = this;
  environment.overrides = &overrides_;
  environment.tracing = options_.tracing;
  // Between two inputs nothing else can arrive.
  environment.options.watermark_slack = Duration(0);
  worker_ = std::make_unique<runtime::Worker>(EagerWorker(), environment, ports_.committer.get(),
                                              ports_.keeper.get());
}

void VirtualPerson::Apply(const TestEvent& event) {
  while (FireNext(event.at - kTick)) continue;
  if (!failure_.ok()) return;
  if (before_input_) before_input_(event.at);
  clock_.Set(event.at);
  failure_ = world_->Append(ToEvent(event, person_.id));
  Settle();
}

void VirtualPerson::ApplyAtOnce(const std::vector<TestEvent>& events) {
  for (const TestEvent& event : events) {
    clock_.Set(event.at);
    if (failure_.ok()) failure_ = world_->Append(ToEvent(event, person_.id));
  }
  Settle();
}

bool VirtualPerson::FireNext(Timestamp until) {
  const Timestamp due = person_.next_deadline;
  if (due == Timestamp::Max() || due > until || !failure_.ok()) return false;
  if (before_input_) before_input_(due);
  // What is due at a moment fires when that moment has passed.
  clock_.Set(std::max(due + kTick, clock_.Now()));
  Settle();
  return failure_.ok();
}

void VirtualPerson::Settle() {
  if (failure_.ok()) failure_ = SettleOrFail();
  if (options_.restart_after_every_input) StartWorker();
}

Status VirtualPerson::SettleOrFail() {
  for (int turns = 0, calm = 0; calm < 2; ++turns) {
    if (turns == kMostTurns) return Unknown("the input does not come to its end");
    SOJOURN_RETURN_IF_ERROR(worker_->RunOnce(Duration(0)));
    calm = worker_->ready() && worker_->idle() ? calm + 1 : 0;
  }
  return ReadPerson();
}

Status VirtualPerson::ReadPerson() {
  SOJOURN_ASSIGN_OR_RETURN(const auto opened, ports_.keeper->Open(kPartition));
  const std::string_view id = person_.id;
  std::vector<std::optional<std::string_view>> records;
  SOJOURN_RETURN_IF_ERROR(opened.store->Load({&id, 1}, &records));
  if (records[0].has_value()) return store::DecodePerson(*records[0], &person_);
  person_.Reset();
  return Status::Ok();
}

bool VirtualPerson::AwaitsSomething() const {
  for (const model::Run& run : person_.runs) {
    if (run.deadline != Timestamp::Max() || run.flip_at != Timestamp::Max()) return true;
  }
  for (const model::Membership& membership : person_.memberships) {
    if (membership.flip_at != Timestamp::Max()) return true;
  }
  return false;
}

void VirtualPerson::OnStep(const runtime::StepReport& report) {
  size_t next_action = 0;
  for (const model::Fact& fact : report.facts) {
    Happening happening{fact.kind,
                        fact.time,
                        std::string(fact.journey),
                        std::string(fact.step),
                        std::string(fact.name),
                        std::string(fact.reason),
                        std::string(fact.detail),
                        std::nullopt};
    if (fact.kind == model::FactKind::kAction) happening.action = report.actions[next_action++];
    uncommitted_.push_back(std::move(happening));
  }
}

// An event that the runtime refuses is one that was dropped.
void VirtualPerson::OnCommitted(const runtime::CommitReport& report) {
  for (Happening& happening : uncommitted_) happenings_.push_back(std::move(happening));
  uncommitted_.clear();
  for (const runtime::DeadLetter& letter : report.dead_letters) {
    Happening dropped;
    dropped.kind = model::FactKind::kEventDropped;
    dropped.time = letter.log_time;
    dropped.reason = runtime::DeadLetterReasonName(letter.reason);
    dropped.detail = letter.message;
    happenings_.push_back(std::move(dropped));
  }
}

void VirtualPerson::OnRolledBack(Partition, runtime::CommitOutcome, const Status&) {
  uncommitted_.clear();
}

}  // namespace sojourn::simulate
