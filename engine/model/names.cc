#include "engine/model/action.h"
#include "engine/model/fact.h"

namespace sojourn::model {

std::string_view ActionKindName(ActionKind kind) {
  switch (kind) {
    case ActionKind::kSendEmail:
      return "send_email";
    case ActionKind::kSendSms:
      return "send_sms";
    case ActionKind::kSendPush:
      return "send_push";
    case ActionKind::kWebhook:
      return "webhook";
    case ActionKind::kCoupon:
      return "coupon";
  }
  return "";
}

std::string_view FactKindName(FactKind kind) {
  switch (kind) {
    case FactKind::kEventApplied:
      return "event_applied";
    case FactKind::kEventDropped:
      return "event_dropped";
    case FactKind::kEntered:
      return "entered";
    case FactKind::kEntryRefused:
      return "entry_refused";
    case FactKind::kExited:
      return "exited";
    case FactKind::kGoal:
      return "goal";
    case FactKind::kStepPassed:
      return "step_passed";
    case FactKind::kSkipped:
      return "skipped";
    case FactKind::kExpressionError:
      return "expression_error";
    case FactKind::kSegmentEntered:
      return "segment_entered";
    case FactKind::kSegmentLeft:
      return "segment_left";
    case FactKind::kPathTaken:
      return "path_taken";
    case FactKind::kQueuedDropped:
      return "queued_dropped";
    case FactKind::kWrongType:
      return "wrong_type";
    case FactKind::kUnknownTopic:
      return "unknown_topic";
    case FactKind::kAction:
      return "action";
    case FactKind::kCondition:
      return "condition";
    case FactKind::kMerged:
      return "merged";
    case FactKind::kMergeRefused:
      return "merge_refused";
    case FactKind::kSentOn:
      return "sent_on";
    case FactKind::kCouponRedeemed:
      return "coupon_redeemed";
    case FactKind::kRests:
      return "rests";
  }
  return "";
}

}  // namespace sojourn::model
