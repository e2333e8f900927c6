// Explanations of codes about expressions.
#include "engine/language/explanations.h"

namespace sojourn::language {
namespace {

constexpr Explanation kExplanations[] = {
    {"E001",
     "The text is no expression: a sign that does not belong there, a bracket or quote that is "
     "never closed, or nothing at all. Equality is ==, and is &&, or is ||, text stands in quotes.",
     R"x(segments/example.yaml
 segment: example
-where: person.points = 100
+where: person.points == 100
)x"},
    {"E002",
     "An expression has at most 16 KiB and 64 levels of brackets and operators. A list of "
     "conditions, a segment of its own or `in [...]` says it shorter.",
     R"x(sh
-printf 'segment: deep\nwhere: "%strue"\n' "$(printf '!%.0s' $(seq 70))" > segments/deep.yaml
)x"},
    {"E003",
     "There is no such name. Fields are written event.NAME or person.NAME; text needs quotes.",
     R"x(segments/example.yaml
 segment: example
-where: points > 100
+where: person.points > 100
)x"},
    {"E004",
     "The name exists, and not at this place. A segment looks at the person at any time, so it "
     "has no event; what is counted cannot look at now.",
     R"x(segments/example.yaml
 segment: example
-where: event.total > 100.0
+where: last("Order Completed", event.total) > 100.0
)x"},
    {"E005", "The catalogue does not have the event that is counted here.",
     R"x(segments/example.yaml
 segment: example
-where: count("Order completed") > 2
+where: count("Order Completed") > 2
)x"},
    {"E006", "None of the events that can be meant here has this property.",
     R"x(journeys/example.yaml
 journey: example
-trigger: {event: Order Completed, where: 'event.order == "o1"'}
+trigger: {event: Order Completed, where: 'event.order_id == "o1"'}
 steps:
   - send_email: hello
)x"},
    {"E007", "The catalogue does not have this trait.",
     R"x(segments/example.yaml
 segment: example
-where: person.point > 100
+where: person.points > 100
)x"},
    {"E008", "No file has a segment of this name.",
     R"x(segments/example.yaml
 segment: example
-where: in_segment("buyer") && person.points > 100
+where: in_segment("buyers") && person.points > 100
)x"},
    {"E009", "company.yaml has no consent topic of this name.",
     R"x(segments/example.yaml
 segment: example
-where: person.consent.markting
+where: person.consent.marketing
)x"},
    {"E010", "No A/B test of this name can have been passed before this step.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
 steps:
   - ab_test: greeting
     paths:
       - {name: short, percent: 50}
       - {name: long, percent: 50}
-  - if: ab_test.greetings == "long"
+  - if: ab_test.greeting == "long"
     then:
       - send_email: hello
)x"},
    {"E011", "There is no function of this name.",
     R"x(segments/example.yaml
 segment: example
-where: counts("Order Completed") > 2
+where: count("Order Completed") > 2
)x"},
    {"E012", "The function takes another number of arguments; the hint shows how it is called.",
     R"x(segments/example.yaml
 segment: example
-where: sum("Order Completed", days(30)) > 100.0
+where: sum("Order Completed", days(30), event.total) > 100.0
)x"},
    {"E013",
     "The operator or function has no meaning for values of these types. Conditions are joined "
     "with && and ||, times and durations with + and -.",
     R"x(segments/example.yaml
 segment: example
-where: person.points > "100"
+where: person.points > 100
)x"},
    {"E014",
     "Whole numbers (int) and numbers with a decimal point (double) are compared, but not added or "
     "multiplied with each other: write both in one way.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Order Completed}
-only_if: event.total * 2 > 100.0
+only_if: event.total * 2.0 > 100.0
 steps:
   - send_email: hello
)x"},
    {"E015",
     "Names of events and segments stand in quotes: what is counted must be known before any event "
     "comes.",
     R"x(segments/example.yaml
 segment: example
-where: count(person.first_name) > 2
+where: count("Order Completed") > 2
)x"},
    {"E016",
     "The window of a history function is a constant duration such as days(90), or the word ever.",
     R"x(segments/example.yaml
 segment: example
-where: count("Order Completed", 90) > 2
+where: count("Order Completed", days(90)) > 2
)x"},
    {"E017",
     "A segment changes by time alone at a moment that must be known beforehand. So now may only "
     "be compared: now, now - X or now + D on one side, and nothing with now on the other.",
     R"x(segments/example.yaml
 segment: example
-where: local(now).month == 12
+where: last("Order Completed") < now - days(90)
)x"},
    {"E018",
     "local() gives parts of a moment: hour, minute, day, month, year, weekday. It is never used "
     "alone, and a date, which has no time of day, has no local one.",
     R"x(journeys/example.yaml
 journey: example
 trigger: {event: Signed Up}
-only_if: local(now) == 9
+only_if: local(now).hour == 9
 steps:
   - send_email: hello
)x"},
    {"E019", "Values of these two types are never equal, so the comparison always gives the same.",
     R"x(segments/example.yaml
 segment: example
-where: person.points == "100"
+where: person.points == 100
)x"},
    {"E020",
     "The text is no regular expression. Brackets that are meant as such need \\\\ before them.",
     R"x(segments/example.yaml
 segment: example
-where: person.email.matches("(shop.example$")
+where: person.email.matches("shop.example$")
)x"},
    {"E021",
     "The expression is well formed, and gives a value of another type than its place needs: a "
     "condition gives true or false.",
     R"x(segments/example.yaml
 segment: example
-where: count("Order Completed", days(30))
+where: count("Order Completed", days(30)) > 0
)x"},
    {"E022", "Whatever the person, this ends in an error, and an error counts as false.",
     R"x(segments/example.yaml
 segment: example
-where: person.points > 100 / 0
+where: person.points > 100 / 10
)x"},
};

}  // namespace

std::span<const Explanation> ExpressionExplanations() { return kExplanations; }

}  // namespace sojourn::language
