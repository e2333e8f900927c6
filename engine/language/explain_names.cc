// Explanations of codes about names.
#include "engine/language/explanations.h"

namespace sojourn::language {
namespace {

constexpr Explanation kExplanations[] = {
    {"J040", "Two rules of one kind have the same name. Rename one, or delete it.",
     R"x(segments/example.yaml
-segment: buyers
+segment: regular-buyers
 where: count("Order Completed") >= 5
)x"},
    {"J041",
     "There is a catalogue, and it does not have this event. A slip would otherwise be a journey "
     "that nobody ever enters. New events are added to catalog.yaml first.",
     R"x(journeys/example.yaml
 journey: example
-trigger: {event: Signed up}
+trigger: {event: Signed Up}
 steps:
   - send_email: hello
)x"},
    {"J042", "The catalogue knows the event, but not this property of it.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
-  - emit_event: {name: Order Completed, properties: {order: '"o1"', total: "1.0"}}
+  - emit_event: {name: Order Completed, properties: {order_id: '"o1"', total: "1.0"}}
)x"},
    {"J043", "The catalogue does not have this trait under traits.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
-  - update_person: {point: "10"}
+  - update_person: {points: "10"}
)x"},
    {"J044", "No file has a segment of this name.",
     R"x(journeys/example.yaml
 journey: example
-trigger: {enters_segment: buyer}
+trigger: {enters_segment: buyers}
 steps:
   - send_email: hello
)x"},
    {"J045",
     "No template has this name. The name is the one in the front matter, whatever the file is "
     "called.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
-  - send_email: helo
+  - send_email: hello
)x"},
    {"J046", "No file has a coupon pool of this name.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
-  - coupon: {pool: tenn}
+  - coupon: {pool: ten}
   - send_email: hello
)x"},
    {"J047",
     "company.yaml has no such consent topic. Without a known topic nobody could say whether a "
     "person agreed.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
-  - send_email: {template: hello, topic: newsletter}
+  - send_email: {template: hello, topic: marketing}
)x"},
    {"J048", "A template's from names a sender of company.yaml.",
     R"x(templates/example.liquid
 ---
 template: example
 subject: Hello
-from: shop
+from: hello
 ---
 <p>Nice to meet you.</p>
)x"},
    {"J049",
     "moved_steps sends runs of the old journey to a step of the new one; there is no step with "
     "this id. Write an id of the new journey, or exit.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
-moved_steps: {old-wait: first-wat}
+moved_steps: {old-wait: first-wait}
 steps:
   - {id: first-wait, wait: 2 days}
   - send_email: hello
)x"},
    {"J050",
     "The name is the engine's own: a built-in of person (id, consent, first_seen_at, ...), or a "
     "reason why it ends runs.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
   - send_email: hello
-  - exit: completed
+  - exit: greeted
)x"},
    {"J051",
     "The template reads a name that does not exist, or not where it is sent. Templates know "
     "person, event, trigger, ab_test, coupon, company, data and the two URLs.",
     R"x(templates/example.liquid
 ---
 template: example
 subject: Hello
 ---
-<p>Hello {{ first_name }}</p>
+<p>Hello {{ person.first_name }}</p>
)x"},
    {"J052", "The test file names a journey that no file declares.",
     R"x(tests/example.test.yaml
-journeys: [wellcome]
+journeys: [welcome]
 tests:
   - name: is welcomed
     start: 2026-03-02T09:00:00Z
     person: {id: u1, email: u1@shop.example}
     events:
       - {at: 0m, track: Signed Up}
     expect:
       - {at: 0m, send_email: hello}
)x"},
};

}  // namespace

std::span<const Explanation> NameExplanations() { return kExplanations; }

}  // namespace sojourn::language
