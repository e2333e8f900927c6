// Explanations of codes about files and YAML.
#include "engine/language/explanations.h"

namespace sojourn::language {
namespace {

constexpr Explanation kExplanations[] = {
    {"J001",
     "The file is there, but it cannot be read: no permission, a broken link, or no plain file at "
     "all. Rules are read whole or not at all, so one such file stops the whole directory.",
     R"x(sh
-mkfifo segments/pipe.yaml
)x"},
    {"J002",
     "A rules file has at most 1 MiB (a file of coupon codes 64 MiB). Nobody writes so much by "
     "hand: something else has got into the directory, or several journeys share one file.",
     R"x(sh
-head -c 1048577 /dev/zero | tr '\0' '#' > journeys/large.yaml
)x"},
    {"J003", "Only names that end in .yaml are read, so that no rule is left out by a slip.",
     R"x(sh
-mv segments/buyers.yaml segments/buyers.yml
)x"},
    {"J004",
     "Rules are text in UTF-8 without control characters. An editor on an old setting, or a text "
     "that was copied out of another program, brings others in.",
     R"x(sh
-printf 'segment: regulars\nwhere: person.first_name == "Ren\xe9"\n' > segments/regulars.yaml
)x"},
    {"J005",
     "The file cannot be read as YAML. Most often: a colon and a space inside a text without "
     "quotes, a tab for indentation, a bracket or a quote that is never closed.",
     R"x(journeys/example.yaml
 journey: example
-description: Hello: our first mail
+description: "Hello: our first mail"
 trigger: {event: Signed Up}
 steps:
   - send_email: hello
)x"},
    {"J006", "A file without content says nothing. Delete it, or write the rule.",
     R"x(segments/new.yaml
-# The segment of new buyers comes here.
+segment: new-buyers
+where: count("Order Completed", days(30)) > 0
)x"},
    {"J007", "One file holds one rule. Put the second one into a file of its own.",
     R"x(segments/two.yaml
 segment: one
 where: count("Order Completed") == 1
----
-segment: two
-where: count("Order Completed") == 2
+# segments/three.yaml
+segment: two
+where: count("Order Completed") == 2
)x"},
    {"J008",
     "The same key stands twice in one mapping, so that one of them would be lost. Two conditions "
     "are written as a list: all of them must hold.",
     R"x(segments/example.yaml
 segment: example
-where: count("Order Completed") >= 2
-where: person.points > 100
+where:
+  - count("Order Completed") >= 2
+  - person.points > 100
)x"},
    {"J009", "YAML tags (words behind !) have no meaning in rules. Leave them out.",
     R"x(segments/example.yaml
 segment: example
-where: !!str person.points > 100
+where: person.points > 100
)x"},
    {"J010", "Lists and mappings are nested at most 64 deep.",
     R"x(sh
-printf 'segment: deep\nwhere: %s' "$(printf '[%.0s' $(seq 70))" > segments/deep.yaml
)x"},
    {"J011",
     "Aliases (*name) that repeat aliases grow beyond all measure; together they may stand for "
     "1 MiB.",
     R"x(sh
-{ echo 'a0: &a0 [x, x, x, x, x, x, x, x]'
-  for i in 1 2 3 4 5 6; do
-    b=a$((i - 1)); echo "a$i: &a$i [*$b, *$b, *$b, *$b, *$b, *$b, *$b, *$b]"
-  done; } > segments/large.yaml
)x"},
    {"J012",
     "The first key of a file says what it is: company, catalog, segment, coupon_pool or journey "
     "(journeys in a test file). It must stand first.",
     R"x(segments/example.yaml
-where: person.points > 100
-segment: example
+segment: example
+where: person.points > 100
)x"},
    {"J013",
     "A template begins with its front matter: a line ---, its keys, and a line --- again. Behind "
     "that stands the text of the mail.",
     R"x(templates/example.liquid
-template: example
-subject: Hello
+---
+template: example
+subject: Hello
+---
 <p>Nice to meet you.</p>
)x"},
    {"J014",
     "Something in the template is not Liquid: a tag that is never closed or not known, a filter "
     "that does not exist, a value that cannot be read.",
     R"x(templates/example.liquid
 ---
 template: example
 subject: Hello
 ---
 {% if person.first_name %}
 <p>Hello {{ person.first_name }}</p>
-{% if %}
+{% endif %}
)x"},
    {"J015",
     "A symbolic link leads out of the rules directory. What is outside may change unseen, and is "
     "not there on the next machine. Copy the file into the directory.",
     R"x(sh
-ln -s /etc/passwd segments/link.yaml
)x"},
    {"J016", "An alias (*name) repeats what an anchor (&name) has marked before; there is none.",
     R"x(segments/example.yaml
 segment: example
-where: *regulars
+where: person.points > 100
)x"},
    {"J017",
     "A key is a text. A list or a mapping stands where a key is expected; most often a template's "
     "braces without quotes around them.",
     R"x(company.yaml
 company: Example Shop
 postal_address: Example Shop, Main Street 1, 10115 Berlin
 topics:
-  [marketing, orders]: {default: opted_in}
+  marketing: {default: opted_in}
+  orders: {default: opted_in, kind: transactional}
 senders:
   hello: {from: "Example Shop <hello@shop.example>"}
)x"},
};

}  // namespace

std::span<const Explanation> FileExplanations() { return kExplanations; }

}  // namespace sojourn::language
