#!/usr/bin/python3
"""New rules of a process whose way to `<app>.rules` is blocked for a while.

Debian's own Python runs this: it has python3-confluent-kafka.
"""

import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos"))
from cases import run_cases  # noqa: E402
from faults import TRANSACTION_APIS  # noqa: E402
from protocol import Api  # noqa: E402
from proxy import Fault, Side, cut  # noqa: E402
from shop import APP, Shop  # noqa: E402

PATIENCE_SECONDS = 180


def test_rules_are_loaded_once_they_can_be_written():
    with tempfile.TemporaryDirectory() as name, Shop(Path(name), 1, 1, seed=1) as shop:
        one = shop.instances["instance-1"]
        fault = shop.proxy.add(Fault(
            (Api.INIT_PRODUCER_ID, *TRANSACTION_APIS), Side.REQUEST, cut,
            wanted=lambda passing: passing.request.transactional_id == f"{APP}-rules"))
        shop.reload()
        # It says so, and goes on with the rules it has.
        refused = re.compile(rf'level=error message="Kafka: [^"]*{APP}.rules[^"]*"')
        one.wait_for(lambda: refused.search(one.log_file.read_text()), PATIENCE_SECONDS,
                     "the refusal")
        assert fault.hits > 0
        assert {number for _, number in one.samples("sojourn_rules_bundle")} <= {1}
        shop.proxy.clear()
        one.wait_for(lambda: {2} == {number for _, number in one.samples("sojourn_rules_bundle")},
                     PATIENCE_SECONDS, "the new rules, without another signal")
        one.stop()


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
