#!/usr/bin/python3
"""A broker that never answers a request of a transaction.

Debian's own Python runs this: it has python3-confluent-kafka.
"""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos"))
from cases import run_cases  # noqa: E402
from protocol import Api  # noqa: E402
from proxy import Fault, Side, drop  # noqa: E402
from shop import APP, Shop  # noqa: E402
from writer import Writer  # noqa: E402

# Behind the transaction timeout, and behind librdkafka's look at requests that took too long.
SILENCE_SECONDS, PATIENCE_SECONDS = 25, 180


def test_the_process_outlives_a_request_that_is_never_answered():
    with tempfile.TemporaryDirectory() as name, Shop(Path(name), 1, 1, seed=1) as shop:
        one = shop.instances["instance-1"]
        with Writer(shop.broker.bootstrap, 1, person_count=20, records_per_second=20):
            one.wait_for(lambda: one.metric("sojourn_actions_total") > 0, PATIENCE_SECONDS)
            for api in (Api.ADD_PARTITIONS_TO_TXN, Api.ADD_OFFSETS_TO_TXN):
                fault = shop.proxy.add(Fault(
                    api, Side.REQUEST, drop, times=2,
                    wanted=lambda passing: passing.request.transactional_id != f"{APP}-rules"))
                assert shop.proxy.wait_for(lambda: fault.hits == fault.times, PATIENCE_SECONDS)
                end = time.monotonic() + SILENCE_SECONDS
                one.wait_for(lambda: time.monotonic() > end, PATIENCE_SECONDS)
                before = one.metric("sojourn_actions_total")
                one.wait_for(lambda: one.metric("sojourn_actions_total") > before,
                             PATIENCE_SECONDS, "going on")
        assert shop.logged("a commit did not take effect") > 0


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
