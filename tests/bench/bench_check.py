#!/usr/bin/env python3
"""Time and peak memory of `sojourn check` over many journeys: bench_check.py [JOURNEYS]."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 2

COMPANY = """company: Example Shop
timezone: Europe/Berlin
postal_address: Example Shop, Main Street 1, 10115 Berlin
"""
CATALOG = """catalog: shop
events:
  Checkout Started: {order_id: string, total: double}
  Order Completed: {order_id: string, total: double, coupon: string?}
traits: {email: string, first_name: string?, points: int?}
"""
SEGMENT = """segment: regulars-NUMBER
where: count("Order Completed", days(90)) >= NUMBER && last("Order Completed") < now - days(14)
"""
JOURNEY = """journey: reminder-NUMBER
trigger: {event: Checkout Started, where: 'event.order_id != "" && event.total > NUMBER.0'}
reentry: after 7 days
goal: {event: Order Completed, where: event.order_id == trigger.order_id, within: 14 days}
exit_on: [goal]
steps:
  - wait: 2 hours
  - ab_test: tone
    paths:
      - {name: control, percent: 50}
      - name: mail
        percent: 50
        steps:
          - send_email: reminder-NUMBER
  - if: in_segment("regulars-NUMBER")
    then:
      - wait: {days: 1, at: "10:00"}
      - update_person: {points: "NUMBER"}
  - wait_until: {event: Checkout Started, where: event.total > 50.0, up_to: 3 days}
    then:
      - exit: came-back
"""
TEMPLATE = """---
template: reminder-NUMBER
subject: "Still there, {{ person.first_name | default: 'friend' }}?"
---
<p>{% if trigger.total > 100 %}A big one: {% endif %}{{ trigger.total | round: 2 }}</p>
"""
TEST = """journeys: [reminder-NUMBER]
tests:
  - name: is reminded
    start: 2026-03-02T09:00:00Z
    person: {id: u1, email: u1@shop.example}
    force: {reminder-NUMBER.tone: mail}
    events:
      - {at: 0m, track: Checkout Started, properties: {order_id: c1, total: 12345.0}}
    expect:
      - {at: 2h, send_email: reminder-NUMBER}
"""


def write_rules(directory, journeys):
    (directory / "company.yaml").write_text(COMPANY)
    (directory / "catalog.yaml").write_text(CATALOG)
    kinds = {"segments/NUMBER.yaml": SEGMENT, "journeys/NUMBER.yaml": JOURNEY,
             "templates/NUMBER.liquid": TEMPLATE, "tests/NUMBER.test.yaml": TEST}
    for name, text in kinds.items():
        (directory / name).parent.mkdir()
        for number in range(1, journeys + 1):
            path = directory / name.replace("NUMBER", str(number))
            path.write_text(text.replace("NUMBER", str(number)))


def main():
    journeys = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    binary = os.environ.get("SOJOURN_BINARY") or str(PROJECT_ROOT / "build/release/sojourn")
    with tempfile.TemporaryDirectory() as name:
        write_rules(Path(name), journeys)
        begin = time.monotonic()
        result = subprocess.run([binary, "check", name], capture_output=True, text=True)
        seconds = time.monotonic() - begin
    if result.returncode != 0:
        sys.exit(result.stdout + result.stderr)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{journeys} journeys, each with a segment, a template and a test: "
          f"{seconds:.2f} seconds (limit {LIMIT_SECONDS}), at most {peak:.0f} MiB")


if __name__ == "__main__":
    main()
