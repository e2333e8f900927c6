#!/usr/bin/python3
"""The proxy of tests/chaos before a real broker: each fault meets what it should and nothing else.

Debian's own Python runs this: it has python3-confluent-kafka.
"""

import random
import sys
import threading
import time
from pathlib import Path

from confluent_kafka import KafkaException, Producer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos"))
from cases import run_cases  # noqa: E402
from kafka_broker import KafkaBroker  # noqa: E402
from kafka_reader import read_topic  # noqa: E402
from protocol import PRODUCER_FENCED, Api, Request  # noqa: E402
from proxy import Fault, Passing, Proxy, Side, call, cut, delay, drop, hold  # noqa: E402

TOPIC = "things"
PATIENCE_SECONDS = 60


class Bench:
    """One broker behind a proxy for all cases; started by the first."""

    broker = proxy = None

    @classmethod
    def start(cls):
        if cls.broker is None:
            cls.proxy = Proxy(seed=1)
            cls.broker = KafkaBroker(proxy_ports=cls.proxy.ports).start()
            cls.proxy.connect_to(cls.broker.proxied_addresses)
            cls.broker.create_topic(TOPIC)
        cls.proxy.clear()
        return cls.proxy


def producer(name):
    made = Producer({"bootstrap.servers": f"127.0.0.1:{Bench.proxy.ports[0]}", "client.id": name,
                     "transactional.id": name, "retry.backoff.ms": 20, "reconnect.backoff.ms": 20,
                     "log_level": 0})
    made.init_transactions(PATIENCE_SECONDS)
    return made


def write(made, value):
    """One transaction with one record."""
    made.begin_transaction()
    made.produce(TOPIC, value.encode(), value.encode())
    made.commit_transaction(PATIENCE_SECONDS)


def committed(value):
    return sum(record.value() == value.encode() for record in read_topic(Bench.broker, TOPIC, 1))


def test_everything_passes_through_it():
    proxy = Bench.start()
    before = proxy.passed.copy()
    write(producer("plain"), "plain")
    assert committed("plain") == 1
    for api in (Api.PRODUCE, Api.ADD_PARTITIONS_TO_TXN, Api.END_TXN, Api.INIT_PRODUCER_ID):
        for side in Side:
            assert proxy.passed[api, side] > before[api, side], (api, side)


def test_an_answer_that_is_cut_was_done():
    proxy = Bench.start()
    made = producer("answer-cut")
    ends = []
    fault = proxy.add(Fault(Api.END_TXN, Side.ANSWER, call(
        lambda passing: ends.append(committed("answer-cut")), then=cut), client="answer-cut",
                            times=1))
    before = proxy.passed[Api.END_TXN, Side.REQUEST]
    write(made, "answer-cut")
    assert fault.hits == 1 and ends == [1], "the broker had committed when the answer was cut"
    assert proxy.passed[Api.END_TXN, Side.REQUEST] >= before + 2, "the client asked again"
    assert committed("answer-cut") == 1


def test_a_request_that_is_cut_was_not_done():
    proxy = Bench.start()
    made = producer("request-cut")
    before = proxy.passed[Api.PRODUCE, Side.REQUEST]
    fault = proxy.add(Fault(Api.PRODUCE, Side.REQUEST, cut, client="request-cut", times=2))
    write(made, "request-cut")
    assert fault.hits == 2
    assert proxy.passed[Api.PRODUCE, Side.REQUEST] == before + 1, "two of three did not pass"
    assert committed("request-cut") == 1


def test_a_request_that_is_dropped_is_never_answered():
    proxy = Bench.start()
    made = producer("dropped")
    made.begin_transaction()
    made.produce(TOPIC, b"dropped")
    made.flush(PATIENCE_SECONDS)
    proxy.add(Fault(Api.END_TXN, Side.REQUEST, drop, client="dropped"))
    try:
        made.commit_transaction(2)
        raise AssertionError("committed")
    except KafkaException as error:
        assert error.args[0].retriable(), error
    assert proxy.open_transactions("dropped") == 1
    made = producer("dropped")  # Settles what the other left open.
    assert proxy.open_transactions("dropped") == 0 and committed("dropped") == 0


def test_delay_and_hold():
    proxy = Bench.start()
    made = producer("late")
    proxy.add(Fault(Api.END_TXN, Side.ANSWER, delay(1.5), client="late", times=1))
    begin = time.monotonic()
    write(made, "delayed")
    assert time.monotonic() - begin >= 1.5
    released = threading.Event()
    proxy.add(Fault(Api.END_TXN, Side.REQUEST, hold(released), client="late", times=1))
    threading.Timer(1.5, released.set).start()
    begin = time.monotonic()
    write(made, "held")
    assert time.monotonic() - begin >= 1.5
    assert committed("delayed") == committed("held") == 1


def test_only_who_is_meant_is_met():
    proxy = Bench.start()
    for fault in (Fault(Api.END_TXN, Side.REQUEST, cut, client="somebody else"),
                  Fault(Api.TXN_OFFSET_COMMIT, Side.REQUEST, cut),
                  Fault(Api.END_TXN, Side.REQUEST, cut, times=0),
                  Fault(Api.END_TXN, Side.REQUEST, cut, wanted=lambda passing: False)):
        proxy.add(fault)
    before = proxy.passed[Api.END_TXN, Side.REQUEST]
    write(producer("unharmed"), "unharmed")
    assert proxy.passed[Api.END_TXN, Side.REQUEST] == before + 1


def test_a_probability_is_drawn_by_the_seed():
    passing = Passing(Side.REQUEST, Request(Api.FETCH, 1, 1, "any", None), 0)

    def drawn(seed):
        draw, fault = random.Random(seed), Fault(Api.FETCH, Side.REQUEST, cut, probability=0.3)
        return [fault.fits(passing, draw) for _ in range(1000)]
    assert drawn(1) == drawn(1) != drawn(2)
    assert 200 < sum(drawn(1)) < 400


def test_who_is_fenced_is_counted():
    proxy = Bench.start()
    older, newer = producer("twin"), producer("twin")
    write(newer, "of the newer")
    try:
        write(older, "of the older")
        raise AssertionError("committed")
    except KafkaException:
        pass
    fenced = [key for key in proxy.fenced if key[0] == "twin"]
    assert fenced and fenced[0][2] in (47, PRODUCER_FENCED), proxy.fenced
    assert committed("of the older") == 0


def test_a_broker_that_dies_takes_its_connections_along():
    proxy = Bench.start()
    made = producer("patient")
    write(made, "before")
    Bench.broker.kill()
    Bench.broker.restart()
    write(made, "after")
    assert committed("before") == committed("after") == 1
    proxy.cut_all()
    write(made, "after the cut")
    assert committed("after the cut") == 1


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
