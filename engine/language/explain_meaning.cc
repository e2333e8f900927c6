// Explanations of codes about what rules mean together.
#include "engine/language/explanations.h"

namespace sojourn::language {
namespace {

constexpr Explanation kExplanations[] = {
    {"J060", "exit_on says goal, and the journey has no key goal.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
+goal: {event: Order Completed, within: 14 days}
 exit_on: [goal]
 steps:
   - wait: 2 days
   - send_email: hello
)x"},
    {"J061",
     "Caps never hold back transactional mail such as an order's confirmation, so a cap on such a "
     "topic would do nothing.",
     R"x(company.yaml
 company: Example Shop
 postal_address: Example Shop, Main Street 1, 10115 Berlin
 frequency_caps:
-  - {max: 3, per: 7 days, topic: orders}
+  - {max: 3, per: 7 days, topic: marketing}
 topics:
   marketing: {default: opted_in}
   orders: {default: opted_in, kind: transactional}
 senders:
   hello: {from: "Example Shop <hello@shop.example>"}
)x"},
    {"J062",
     "The template was written for another channel. A text for mail is no text message; its front "
     "matter says what it is for.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
-  - send_sms: hello
+  - send_email: hello
)x"},
    {"J063", "The paths of a test share everybody among them: their percents add up to 100.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
   - ab_test: greeting
     paths:
-      - {name: none, percent: 10}
+      - {name: none, percent: 50}
       - name: hello
         percent: 50
         steps:
           - send_email: hello
)x"},
    {"J064",
     "Some way through the repeated steps has no wait, so that all passes would happen at one "
     "moment.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
   - repeat:
       times: 3
       steps:
+        - wait: 7 days
         - send_email: hello
)x"},
    {"J065",
     "Ids of steps, names of A/B tests and names of a test's paths are unique in a journey.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
   - {id: pause, wait: 2 days}
   - send_email: hello
-  - {id: pause, wait: 5 days}
+  - {id: longer-pause, wait: 5 days}
   - send_email: hello
)x"},
    {"J066", "A journey has at most 1,000 steps. Several journeys, or a repeat, say it shorter.",
     R"x(sh
-{ printf 'journey: long\ntrigger: {event: Signed Up}\nsteps:\n'
-  for i in $(seq 1001); do echo '  - wait: 1 day'; done; } > journeys/long.yaml
)x"},
    {"J067",
     "With on_change: move, runs continue at the step of the same id. Ids that are made from the "
     "position would point to other steps after a change, so each step at which a run can rest "
     "needs one of its own.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 on_change: move
 steps:
-  - wait: 2 days
+  - {id: first-wait, wait: 2 days}
   - send_email: hello
)x"},
    {"J068",
     "A segment is judged after those that it reads. Two that read each other have no order: put "
     "what they share into a third one.",
     R"x(segments/example.yaml
 segment: example
-where: person.points > 100 && !in_segment("others")
+where: person.points > 100
 # segments/others.yaml
 segment: others
 where: '!in_segment("example")'
)x"},
    {"J069",
     "Each value of one_run_per has its own run, so the value must be a key: a text, a whole "
     "number or true and false.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Order Completed}
-one_run_per: event.total
+one_run_per: event.order_id
 steps:
   - send_email: hello
)x"},
    {"J070", "The catalogue says another type for the trait or property that is set here.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
-  - update_person: {points: '"ten"'}
+  - update_person: {points: "10"}
)x"},
    {"J071",
     "otherwise is for those whom no other choice takes. It stands once and at the end, where it "
     "is "
     "read last.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
   - choose:
-      - otherwise:
-          - wait: 1 day
-      - when: has(event.source)
-        then:
-          - wait: 2 days
+      - when: has(event.source)
+        then:
+          - wait: 2 days
+      - otherwise:
+          - wait: 1 day
   - send_email: hello
)x"},
    {"J072", "A date trigger needs a trait of type date or timestamp, written person.NAME.",
     R"x(journeys/example.yaml
 journey: example
-trigger: {date: person.points, at: "09:00"}
+trigger: {date: person.birthday, at: "09:00"}
 steps:
   - send_email: hello
)x"},
    {"J073", "The time ends before it begins, or at the same moment, so that it never is.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
-active: {from: 2026-12-24T00:00:00Z, until: 2026-11-01T00:00:00Z}
+active: {from: 2026-11-01T00:00:00Z, until: 2026-12-24T00:00:00Z}
 steps:
   - send_email: hello
)x"},
    {"J075",
     "With any_of each event has its own then, below the event. One beside it belongs to none.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
   - wait_until:
       any_of:
         - event: Order Completed
+          then:
+            - exit: bought
         - event: Email Opened
       up_to: 2 days
-    then:
-      - exit: bought
   - send_email: hello
)x"},
    {"J076",
     "The pool has no code to give: an empty list or file, or a file that is not there. Or "
     "something in its list is no code: one that stands twice, is longer than 255 characters or "
     "holds a space, a comma or a quote. In a file the first column of each line is the code.",
     R"x(coupons/example.yaml
 coupon_pool: example
-codes: [SPRING-1, SPRING-1]
+codes: [SPRING-1, SPRING-2]
)x"},
    {"J077", "Behind the front matter stands nothing. An empty mail is a slip.",
     R"x(templates/example.liquid
 ---
 template: example
 subject: Hello
 ---
+<p>Nice to meet you.</p>
)x"},
    {"J078",
     "A sender has an address, alone or behind a name: Name <address>. Without one no mail leaves.",
     R"x(company.yaml
 company: Example Shop
 postal_address: Example Shop, Main Street 1, 10115 Berlin
 senders:
-  hello: {from: Example Shop}
+  hello: {from: "Example Shop <hello@shop.example>"}
)x"},
};

}  // namespace

std::span<const Explanation> MeaningExplanations() { return kExplanations; }

}  // namespace sojourn::language
