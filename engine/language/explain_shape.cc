// Explanations of codes about keys and values.
#include "engine/language/explanations.h"

namespace sojourn::language {
namespace {

constexpr Explanation kExplanations[] = {
    {"J020",
     "The key is not known at this place: a slip, or a key that belongs one level higher or "
     "lower. The hint names what is known there. A comma inside an expression ends the value in "
     "{...}: put the whole expression in quotes.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
-  - send_mail: hello
+  - send_email: hello
)x"},
    {"J021", "Something that must be said is missing; the message names the key.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
-  - wait: {days: 3}
+  - wait: {days: 3, at: "10:00"}
   - send_email: hello
)x"},
    {"J022",
     "A list, a mapping or a text stands where another of them is expected, or nothing stands "
     "there at all.",
     R"x(journeys/example.yaml
 journey: example
-trigger: Signed Up
+trigger: {event: Signed Up}
 steps:
   - send_email: hello
)x"},
    {"J023",
     "Each of the two keys says what this is, and only one can. A step does one thing: make two "
     "steps of it.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
-  - wait: 2 days
-    send_email: hello
+  - wait: 2 days
+  - send_email: hello
)x"},
    {"J024", "Only certain words are allowed here; the hint lists them.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
-reentry: no
+reentry: never
 steps:
   - send_email: hello
)x"},
    {"J025", "A whole number is needed here, within the limits that the message names.",
     R"x(coupons/example.yaml
 coupon_pool: example
-generate: {prefix: "HI-", length: 4}
+generate: {prefix: "HI-", length: 8}
)x"},
    {"J026",
     "A duration is a whole number of at least 1 and a unit: seconds, minutes, hours, days or "
     "weeks. Several follow each other, the larger one first. There are no months: they have no "
     "fixed length.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
-  - wait: 1 month
+  - wait: 30 days
   - send_email: hello
)x"},
    {"J027",
     "A time of day is written with two digits each, from 00:00 to 23:59, and in quotes: without "
     "them some readers of YAML take it for a number.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
-  - wait: {days: 1, at: 9:00}
+  - wait: {days: 1, at: "09:00"}
   - send_email: hello
)x"},
    {"J028", "A moment is written with date, time and time zone; Z means UTC.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
-active: {from: 2026-11-01}
+active: {from: 2026-11-01T00:00:00+01:00}
 steps:
   - send_email: hello
)x"},
    {"J029",
     "Names of journeys, segments, templates and the like are kebab-case: small letters, digits "
     "and single hyphens. They stand in metrics and file names.",
     R"x(segments/example.yaml
-segment: Best Buyers
+segment: best-buyers
 where: count("Order Completed") >= 10
)x"},
    {"J030",
     "Names that expressions read (of A/B tests, their paths, values under data) are snake_case: "
     "small letters, digits and single underscores.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
-  - ab_test: first-mail
+  - ab_test: first_mail
     paths:
       - {name: none, percent: 50}
       - name: hello
         percent: 50
         steps:
           - send_email: hello
)x"},
    {"J031", "An event's name has 1 to 100 characters.",
     R"x(journeys/example.yaml
 journey: example
-trigger: {event: ""}
+trigger: {event: Signed Up}
 steps:
   - send_email: hello
)x"},
    {"J032",
     "There is no such day in the calendar, or it is not written as 12-24 (each year) or "
     "2026-12-01 (once).",
     R"x(journeys/example.yaml
 journey: example
-trigger: {schedule: {date: 24-12, at: "09:00"}}
+trigger: {schedule: {date: 12-24, at: "09:00"}}
 steps:
   - send_email: hello
)x"},
    {"J033",
     "Time zones have the names of the IANA list, such as Europe/Berlin or America/New_York. "
     "Abbreviations like CET do not know of every summer time.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
-timezone: Berlin
+timezone: Europe/Berlin
 steps:
   - send_email: hello
)x"},
    {"J034", "A list without anything in it says nothing here. Fill it, or leave the key out.",
     R"x(segments/example.yaml
 segment: example
-where: []
+where:
+  - count("Order Completed") >= 2
)x"},
    {"J035", "A percentage is a number from 0 to 100 with at most two decimals, without a sign.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
-holdout: 10%
+holdout: 10
 steps:
   - send_email: hello
)x"},
    {"J036",
     "Types of the catalogue are bool, int, double, string, timestamp, date, list and map; a ? "
     "behind one says that it may be absent.",
     R"x(catalog.yaml
 catalog: shop
 events:
   Signed Up: {source: string?}
-  Order Completed: {order_id: text, total: double, coupon: string?}
+  Order Completed: {order_id: string, total: double, coupon: string?}
 traits: {email: string, first_name: string?, birthday: date?, points: int?}
)x"},
    {"J037",
     "A webhook goes to a fixed address over https (over http only to this machine). What changes "
     "from person to person belongs under data.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
-  - webhook: {url: http://crm.example/hook}
+  - webhook: {url: https://crm.example/hook, data: {email: person.email}}
)x"},
};

}  // namespace

std::span<const Explanation> ShapeExplanations() { return kExplanations; }

}  // namespace sojourn::language
