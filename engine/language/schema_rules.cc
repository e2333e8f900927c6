// The schema table, first part: leaf shapes, company, catalogue, segments, coupons, templates.
#include "engine/base/limits.h"
#include "engine/language/schema_build.h"

namespace sojourn::language {
namespace {

// ---- company ---------------------------------------------------------------------------------

const Shape& QuietThenShape() {
  static const Shape shape = Choice({"send_later", "skip"});
  return shape;
}

const Shape& CapMaxShape() {
  static const Shape shape = Integer(1, 1000);
  return shape;
}

const Shape& CapShape() {
  static const Shape shape =
      Object("a frequency cap",
             {{"max", &CapMaxShape, true, "how many sends at most"},
              {"per", &DurationShape, true, "within this time"},
              {"topic", &KebabShape, false, "only of this topic; default: all marketing topics"}});
  return shape;
}

const Shape& CapsShape() {
  static const Shape shape = ListOf(&CapShape, "a list of caps", true);
  return shape;
}

const Shape& OptShape() {
  static const Shape shape = Choice({"opted_in", "opted_out"});
  return shape;
}

const Shape& TopicKindShape() {
  static const Shape shape = Choice({"marketing", "transactional"});
  return shape;
}

const Shape& TopicShape() {
  static const Shape shape =
      Object("a consent topic", {{"default", &OptShape, false, "what holds until people say so"},
                                 {"kind", &TopicKindShape, false, "default: marketing"}});
  return shape;
}

const Shape& TopicsShape() {
  static const Shape shape = MapOf(&KebabShape, &TopicShape);
  return shape;
}

const Shape& MailboxShape() {
  static const Shape shape = Leaf(ShapeKind::kMailbox);
  return shape;
}

const Shape& SenderShape() {
  static const Shape shape =
      Object("a sender", {{"from", &MailboxShape, true, "Name <address>"},
                          {"reply_to", &MailboxShape, false, "where answers go"}});
  return shape;
}

const Shape& SendersShape() {
  static const Shape shape = MapOf(&KebabShape, &SenderShape);
  return shape;
}

const Shape& TimeZoneShape() {
  static const Shape shape = Leaf(ShapeKind::kTimeZone);
  return shape;
}

const Shape& RedemptionShape() {
  static const Shape shape = Object(
      "coupon_redemption",
      {{"event", &EventNameShape, false, "that names used codes; default: Order Completed"},
       {"property", &TextShape, false, "of the event: a code or a list of them; default: coupon"},
       {"total", &TextShape, false, "of the event: what was paid; default: total"},
       {"order_id", &TextShape, false, "of the event; default: order_id"}});
  return shape;
}

const Shape& RetiredShape() {
  static const Shape shape = ListOf(&KebabShape, "a list of journeys", true);
  return shape;
}

// ---- catalogue -------------------------------------------------------------------------------

const Shape& TypeNameShape() {
  static const Shape shape = Leaf(ShapeKind::kTypeName);
  return shape;
}

const Shape& PropertiesShape() {
  static const Shape shape = MapOf(&TextShape, &TypeNameShape);
  return shape;
}

const Shape& EventsShape() {
  static const Shape shape = MapOf(&EventNameShape, &PropertiesShape);
  return shape;
}

// ---- coupons and templates -------------------------------------------------------------------

const Shape& CodeLengthShape() {
  static const Shape shape = Integer(6, 32);
  return shape;
}

const Shape& GenerateShape() {
  static const Shape shape =
      Object("generate", {{"prefix", &TextShape, false, "stands before each code"},
                          {"length", &CodeLengthShape, false, "characters behind it; default 8"}});
  return shape;
}

const Shape& CodesShape() {
  static const Shape shape = ListOf(&TextShape, "a list of codes");
  return shape;
}

const Shape& CodeFilesShape() {
  static const Shape shape = ListOf(&TextShape, "a list of files");
  return shape;
}

const Shape& LowAtShape() {
  static const Shape shape = Integer(1, 1'000'000'000);
  return shape;
}

const Shape& OnEmptyShape() {
  static const Shape shape = Choice({"skip", "exit"});
  return shape;
}

const Shape& ChannelShape() {
  static const Shape shape = Choice({"email", "sms", "push"});
  return shape;
}

}  // namespace

const Shape& TextShape() {
  static const Shape shape = Leaf(ShapeKind::kText);
  return shape;
}
const Shape& KebabShape() {
  static const Shape shape = Leaf(ShapeKind::kKebabName);
  return shape;
}
const Shape& SnakeShape() {
  static const Shape shape = Leaf(ShapeKind::kSnakeName);
  return shape;
}
const Shape& EventNameShape() {
  static const Shape shape = Leaf(ShapeKind::kEventName);
  return shape;
}
const Shape& ExpressionShape() {
  static const Shape shape = Leaf(ShapeKind::kExpression);
  return shape;
}
const Shape& ConditionsShape() {
  static const Shape shape = Leaf(ShapeKind::kConditions);
  return shape;
}
const Shape& DurationShape() {
  static const Shape shape = Leaf(ShapeKind::kDuration);
  return shape;
}
const Shape& TimeOfDayShape() {
  static const Shape shape = Leaf(ShapeKind::kTimeOfDay);
  return shape;
}
const Shape& TimestampShape() {
  static const Shape shape = Leaf(ShapeKind::kTimestamp);
  return shape;
}
const Shape& PercentShape() {
  static const Shape shape = Leaf(ShapeKind::kPercent);
  return shape;
}
const Shape& BooleanShape() {
  static const Shape shape = Leaf(ShapeKind::kBoolean);
  return shape;
}
const Shape& NamedExpressionsShape() {
  static const Shape shape = MapOf(&SnakeShape, &ExpressionShape);
  return shape;
}

const Shape& QuietHoursShape() {
  static const Shape shape =
      Object("quiet_hours", {{"from", &TimeOfDayShape, true, "the first quiet minute"},
                             {"to", &TimeOfDayShape, true, "the first minute that is not"},
                             {"then", &QuietThenShape, false, "default: send_later"}});
  return shape;
}

const Shape& CompanyShape() {
  static const Shape shape =
      Object("company",
             {{"company", &TextShape, true, "the company's name"},
              {"timezone", &TimeZoneShape, false, "of every journey that does not say otherwise"},
              {"currency", &TextShape, false, "such as EUR"},
              {"quiet_hours", &QuietHoursShape, false, "when nothing of a marketing topic is sent"},
              {"frequency_caps", &CapsShape, false, "over all journeys and channels"},
              {"topics", &TopicsShape, false, "what people can subscribe to"},
              {"holdout", &PercentShape, false, "percent who never get a marketing send"},
              {"late_send_limit", &DurationShape, false, "a send later than this is dropped"},
              {"postal_address", &TextShape, false, "in the footer of marketing mail"},
              {"senders", &SendersShape, false, "whom mail comes from"},
              {"coupon_redemption", &RedemptionShape, false, "which event tells of used codes"},
              {"retired", &RetiredShape, false, "journeys whose runs end now"}});
  return shape;
}

const Shape& CatalogShape() {
  static const Shape shape =
      Object("catalog", {{"catalog", &KebabShape, true, "the catalogue's name"},
                         {"events", &EventsShape, false, "events with their properties' types"},
                         {"traits", &PropertiesShape, false, "what is known of people"}});
  return shape;
}

const Shape& SegmentShape() {
  static const Shape shape =
      Object("segment", {{"segment", &KebabShape, true, "the segment's name"},
                         {"description", &TextShape, false, "free text"},
                         {"where", &ConditionsShape, true, "who is in it"}});
  return shape;
}

const Shape& CouponPoolShape() {
  static const Shape shape = Object(
      "coupon_pool",
      {{"coupon_pool", &KebabShape, true, "the pool's name"},
       {"description", &TextShape, false, "free text"},
       {"low_at", &LowAtShape, false, "with fewer codes left than this, an alert; of listed codes"},
       {"expires_at", &TimestampShape, false, "from then on no code is given, and none is good"},
       {"on_empty", &OnEmptyShape, false, "what a run does then; default: skip"}},
      {{{"generate", &GenerateShape, true, "codes made for each person"}, {}},
       {{"codes", &CodesShape, true, "codes, each given once; each partition gives out its share"},
        {}},
       {{"file", &TextShape, true, "a file with one code a line, used like codes"}, {}},
       {{"files", &CodeFilesShape, true, "several such files, one after the other"}, {}},
       {{"static", &TextShape, true, "one code for everyone"}, {}}});
  return shape;
}

const Shape& TemplateShape() {
  static const Shape shape =
      Object("template", {{"template", &KebabShape, true, "the template's name"},
                          {"description", &TextShape, false, "free text"},
                          {"subject", &TextShape, false, "Liquid"},
                          {"from", &TextShape, false, "a sender of company.yaml"},
                          {"topic", &KebabShape, false, "default: the step's, else marketing"},
                          {"channel", &ChannelShape, false, "default: email"}});
  return shape;
}

const std::vector<FileKind>& FileKinds() {
  static const std::vector<FileKind> kinds = {{"company", &CompanyShape},
                                              {"catalog", &CatalogShape},
                                              {"segment", &SegmentShape},
                                              {"coupon_pool", &CouponPoolShape},
                                              {"journey", &JourneyShape}};
  return kinds;
}

}  // namespace sojourn::language
