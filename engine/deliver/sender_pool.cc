#include "engine/deliver/sender_pool.h"

#include <optional>

#include "engine/base/check.h"

namespace sojourn::deliver {
namespace {

class MailCarrier final : public Carrier {
 public:
  MailCarrier(Composer* composer, std::unique_ptr<MailTransport> transport)
      : composer_(composer), transport_(std::move(transport)) {}

  Carried Carry(const model::Action& action, bool reopened,
                const MailTransport::BeforeData& before_data) override {
    Carried carried{composer_->Compose(action, reopened), {}};
    if (carried.composition.outcome != Composition::Outcome::kReady) return carried;
    carried.result = transport_->Send(carried.composition.mail, before_data);
    carried.composition.mail = {};
    return carried;
  }
  void GiveUp() override { transport_->GiveUp(); }

 private:
  Composer* const composer_;
  const std::unique_ptr<MailTransport> transport_;
};

}  // namespace

SenderPool::MakeCarrier MailCarriers(Composer* composer, SenderPool::MakeTransport make_transport) {
  return [composer, make_transport = std::move(make_transport)] {
    return std::make_unique<MailCarrier>(composer, make_transport());
  };
}

SenderPool::SenderPool(int threads, const MakeCarrier& make_carrier, std::function<void()> wake)
    : wake_(std::move(wake)), idle_(threads) {
  for (int i = 0; i < threads; ++i) carriers_.push_back(make_carrier());
  for (const auto& carrier : carriers_) {
    threads_.emplace_back([this, carrier = carrier.get()] { Serve(carrier); });
  }
}

SenderPool::~SenderPool() { Finish(); }

void SenderPool::Finish() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& mark : news_.marks) mark->answer.set_value(Unavailable("stopping"));
    news_.marks.clear();
  }
  changed_.notify_all();
  for (const auto& carrier : carriers_) carrier->GiveUp();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

int SenderPool::idle() const {
  const std::lock_guard lock(mutex_);
  return idle_;
}

void SenderPool::Send(SendJob job) {
  const std::lock_guard lock(mutex_);
  SOJOURN_CHECK(idle_ > 0);
  --idle_;
  jobs_.push_back(std::move(job));
  changed_.notify_one();
}

SenderPool::News SenderPool::TakeNews() {
  const std::lock_guard lock(mutex_);
  return std::exchange(news_, {});
}

void SenderPool::Serve(Carrier* carrier) {
  while (const std::optional<SendJob> job = NextJob()) {
    SendReport report = Perform(*job, carrier);
    {
      const std::lock_guard lock(mutex_);
      news_.reports.push_back(std::move(report));
      ++idle_;
    }
    wake_();
  }
}

std::optional<SendJob> SenderPool::NextJob() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
  if (stopping_) return std::nullopt;
  SendJob job = std::move(jobs_.front());
  jobs_.pop_front();
  return job;
}

SendReport SenderPool::Perform(const SendJob& job, Carrier* carrier) {
  SendReport report;
  report.committed = job.committed;
  report.attempts = job.attempts;
  report.opening = job.opening;
  auto [composition, result] =
      carrier->Carry(job.committed.action, job.reopened, [&] { return AskForMark(job); });
  report.composition = std::move(composition);
  report.result = std::move(result);
  if (report.composition.outcome == Composition::Outcome::kReady) ++report.attempts;
  return report;
}

Status SenderPool::AskForMark(const SendJob& job) {
  auto mark = std::make_unique<MarkRequest>();
  mark->committed = job.committed;
  mark->attempts = job.attempts + 1;
  mark->opening = job.opening;
  std::future<Status> answer = mark->answer.get_future();
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return Unavailable("stopping");
    news_.marks.push_back(std::move(mark));
  }
  wake_();
  return answer.get();
}

}  // namespace sojourn::deliver
