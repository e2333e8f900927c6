#include "engine/cli/bounce_mailbox.h"

#include <chrono>
#include <utility>
#include <vector>

#include "connectors/feedback/report_mail.h"
#include "engine/telemetry/log.h"

namespace sojourn::cli {
namespace {

constexpr char kNote[] = "bounce_mailbox";
constexpr std::chrono::seconds kLookInterval(1);

}  // namespace

BounceMailbox::BounceMailbox(std::string path, Backend* backend, const runtime::WallClock* clock,
                             Take take)
    : path_(std::move(path)), backend_(backend), clock_(clock), take_(std::move(take)) {}

BounceMailbox::~BounceMailbox() { Stop(); }

Status BounceMailbox::Start() {
  SOJOURN_ASSIGN_OR_RETURN(kept_, backend_->ReadNewestNote(kNote));
  SOJOURN_ASSIGN_OR_RETURN(mailbox_, feedback::Mailbox::Open(path_, kept_));
  thread_ = std::thread([this] { ReadUntilStopped(); });
  return Status::Ok();
}

void BounceMailbox::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_asked_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void BounceMailbox::ReadUntilStopped() {
  std::string trouble;  // as the log last said
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    const Status read = ReadOn();
    if (!read.ok() && read.message() != trouble) {
      telemetry::Log(telemetry::LogLevel::kError, "the mailbox of bounces is not read",
                     {{"mailbox", path_}, {"error", read.message()}});
    }
    trouble = read.message();
    lock.lock();
    stop_asked_.wait_for(lock, kLookInterval, [this] { return stopping_; });
  }
}

Status BounceMailbox::ReadOn() {
  while (true) {
    SOJOURN_ASSIGN_OR_RETURN(const std::vector<std::string> mails, mailbox_->Next());
    for (const std::string& mail : mails) {
      SOJOURN_RETURN_IF_ERROR(take_(feedback::ReadReport(mail, clock_->Now())));
    }
    SOJOURN_RETURN_IF_ERROR(mailbox_->Done());
    const std::string progress = mailbox_->progress();
    if (progress != kept_) {
      SOJOURN_RETURN_IF_ERROR(backend_->WriteNote(kNote, progress));
      kept_ = progress;
    }
    const std::lock_guard lock(mutex_);
    if (stopping_ || mails.size() < feedback::kMaxMailsAtOnce) return Status::Ok();
  }
}

}  // namespace sojourn::cli
