// Explanations of warnings: rules that work, and probably not as meant.
#include "engine/language/explanations.h"

namespace sojourn::language {
namespace {

constexpr Explanation kExplanations[] = {
    {"E030",
     "Where the value is absent, the comparison is an error, and an error counts as false, also "
     "for !=. Say what those without the value should get.",
     R"x(journeys/example.yaml
 journey: example
-trigger: {event: Order Completed, where: 'event.coupon != "TEN"'}
+trigger: {event: Order Completed, where: '!has(event.coupon) || event.coupon != "TEN"'}
 steps:
   - send_email: hello
)x"},
    {"J101",
     "Every way to this step ends the run before. Put the step before the exit, or let some people "
     "go on.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
-  - exit: done
   - send_email: hello
+  - exit: done
)x"},
    {"J102",
     "No journey, segment or template reads this segment. It costs time with every event; delete "
     "it, or use it.",
     R"x(segments/example.yaml
 segment: example
 where: person.points > 100
+# journeys/example.yaml
+journey: example
+trigger: {enters_segment: example}
+steps:
+  - send_email: hello
)x"},
    {"J103", "No journey sends this template.",
     R"x(templates/example.liquid
 ---
 template: example
 subject: Hello
 ---
 <p>Nice to meet you.</p>
+# journeys/example.yaml
+journey: example
+trigger: {event: Signed Up}
+steps:
+  - send_email: example
)x"},
    {"J104", "Two mails go out at the same moment. Put a wait between them, or make one of them.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
   - send_email: hello
+  - wait: 2 days
   - send_email: hello
)x"},
    {"J105",
     "Nothing can reach this goal. Without within a goal counts only while the run is active, and "
     "this one ends at once; or its where can never hold.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
-goal: {event: Order Completed}
+goal: {event: Order Completed, within: 14 days}
 steps:
   - send_email: hello
)x"},
    {"J106",
     "Those who did what the journey is for still get its further mails. If that is not meant, let "
     "the goal end the run.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 goal: {event: Order Completed, within: 14 days}
+exit_on: [goal]
 steps:
   - wait: 2 days
   - send_email: hello
)x"},
    {"J107",
     "After a wait_until, event is the event that it waited for. What started the run is always "
     "called trigger.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
   - wait_until: {event: Order Completed, up_to: 2 days}
-  - if: has(event.source)
+  - if: has(trigger.source)
     then:
       - send_email: hello
)x"},
    {"J108",
     "The condition is judged for every event of this name, since it does not demand a fixed value "
     "of a text property. With few such events that does no harm.",
     R"x(journeys/example.yaml
 journey: example
-trigger: {event: Order Completed, where: event.total > 100.0}
+trigger: {event: Order Completed, where: 'event.order_id == "o1" && event.total > 100.0'}
 steps:
   - send_email: hello
)x"},
    {"J109", "No test file names the journey, so nobody knows whether it does what is meant.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
   - send_email: hello
+# tests/example.test.yaml
+journeys: [example]
+tests:
+  - name: is greeted
+    start: 2026-03-02T09:00:00Z
+    person: {id: u1, email: u1@shop.example}
+    events:
+      - {at: 0m, track: Signed Up}
+    expect:
+      - {at: 0m, send_email: hello}
)x"},
    {"J110",
     "Marketing mail without an unsubscribe link of its own gets a footer, which needs the "
     "company's postal address. Without it the mail is refused when it is to be sent.",
     R"x(company.yaml
 company: Example Shop
+postal_address: Example Shop, Main Street 1, 10115 Berlin
 topics:
   marketing: {default: opted_in}
   orders: {default: opted_in, kind: transactional}
 senders:
   hello: {from: "Example Shop <hello@shop.example>"}
 # journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
   - send_email: hello
)x"},
    {"J111",
     "The template shows a coupon, and on some way to its send no coupon step has been passed. The "
     "place would stay empty.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
+  - coupon: {pool: ten}
   - send_email: present
 # templates/present.liquid
 ---
 template: present
 subject: A present
 ---
 <p>{{ coupon.code }}</p>
)x"},
    {"J112",
     "Two coupon pools hold the same code. Each gives its own codes away once and knows nothing of "
     "the other, so two people may get it, and an order with it is counted for the pool that its "
     "sender had it from.",
     R"x(coupons/example.yaml
 coupon_pool: example
-codes: [SPRING-1, SUMMER-1]
+codes: [SPRING-1, SPRING-2]
 # coupons/summer.yaml
 coupon_pool: summer
 codes: [SUMMER-1, SUMMER-2]
)x"},
};

}  // namespace

std::span<const Explanation> WarningExplanations() { return kExplanations; }

}  // namespace sojourn::language
