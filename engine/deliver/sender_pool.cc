#include "engine/deliver/sender_pool.h"

#include <optional>

#include "engine/base/check.h"

namespace sojourn::deliver {

SenderPool::SenderPool(int threads, Composer* composer, const MakeTransport& make_transport,
                       std::function<void()> wake)
    : composer_(composer), wake_(std::move(wake)), idle_(threads) {
  for (int i = 0; i < threads; ++i) transports_.push_back(make_transport());
  for (const auto& transport : transports_) {
    threads_.emplace_back([this, transport = transport.get()] { Serve(transport); });
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
  for (const auto& transport : transports_) transport->GiveUp();
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

void SenderPool::Serve(MailTransport* transport) {
  while (const std::optional<SendJob> job = NextJob()) {
    SendReport report = Perform(*job, transport);
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

SendReport SenderPool::Perform(const SendJob& job, MailTransport* transport) {
  SendReport report;
  report.committed = job.committed;
  report.attempts = job.attempts;
  report.opening = job.opening;
  report.composition = composer_->Compose(job.committed.action, job.reopened);
  if (report.composition.outcome != Composition::Outcome::kReady) return report;
  ++report.attempts;
  report.result = transport->Send(report.composition.mail, [&] { return AskForMark(job); });
  report.composition.mail = {};
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
