#!/usr/bin/env python3
"""Prints a ctest JUnit report as result lines: junit_cases.py PREFIX REPORT.

One line per case: `ok PREFIX.CASE`, `not ok PREFIX.CASE: reason` or `skipped PREFIX.CASE: reason`;
a failing case is preceded by the end of its output. Exits 1 when there is no readable report.
"""

import sys
import xml.etree.ElementTree as ElementTree

OUTPUT_LINES = 30


def print_case(prefix, case):
    name = f"{prefix}.{case.get('name')}"
    status = case.get("status")
    if status == "run":
        print(f"ok {name}")
        return
    problem = case.find("failure") if status == "fail" else case.find("skipped")
    reason = problem.get("message") if problem is not None else status
    if status != "fail":
        print(f"skipped {name}: {reason}")
        return
    output = (case.findtext("system-out") or "").splitlines()[-OUTPUT_LINES:]
    print("\n".join("  " + line for line in output))
    print(f"not ok {name}: {reason or 'failed'}")


def main():
    prefix, report = sys.argv[1:]
    try:
        cases = ElementTree.parse(report).getroot().iter("testcase")
        for case in cases:
            print_case(prefix, case)
    except (OSError, ElementTree.ParseError) as error:
        print(f"junit_cases: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
