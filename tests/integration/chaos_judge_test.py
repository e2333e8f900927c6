#!/usr/bin/env python3
"""The judge of tests/chaos tells every kind of mistake that is planted, and nothing where none is.

What is judged here is made up: records of a few persons, and the actions that the model says,
written as the engine writes them. Standard library only.
"""

import json
import random
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos"))
import evidence as evidence_files  # noqa: E402
import order  # noqa: E402
from cases import run_cases  # noqa: E402
from evidence import Batch, Delivery, Emitted, Evidence, Mail, Sent  # noqa: E402
from judge import TOPIC_ORDER, judge  # noqa: E402
from model import Record  # noqa: E402

BEGIN_MS = 1_780_000_000_000
PERSONS = [f"person-{number}" for number in range(6)]
MINIMA = {"expected actions": 100}


def records(seed=1, count=240):
    """Identifies, then orders and views of everybody, a few of them twice or late."""
    draw, made, offsets = random.Random(seed), [], {"orders": 0, "visits": 0}
    now = BEGIN_MS

    def add(topic, person, event):
        made.append(Record(topic, 0, offsets[topic], now, person, event))
        offsets[topic] += 1

    for person in PERSONS:
        add("orders", person, {"type": "identify", "messageId": f"i-{person}",
                               "traits": {"email": f"{person}@shop.example", "first_name": "Ann"}})
    for number in range(count):
        now += draw.randrange(20, 900)
        person = draw.choice(PERSONS)
        event = {"type": "track", "messageId": f"m-{number}"}
        if number % 80 == 77:
            add("orders", person, {**event, "event": "Person Erased", "properties": {}})
            continue
        if number % 3 == 0:
            add("visits", person, {**event, "event": "Product Viewed",
                                   "properties": {"view_id": f"v-{number}"}})
            continue
        event.update(event="Order Completed", properties={
            "order_id": f"o-{number}", "total": float(draw.randrange(1, 100))})
        if number % 20 == 1:
            event["time_ms"] = now - 30_000
        add("orders", person, event)
        if number % 10 == 1:
            add("orders", person, event)
    now += 60_000
    for person in PERSONS:
        add("orders", person, {"type": "track", "messageId": f"a-{person}", "event": "Audited",
                               "properties": {"audit_id": f"a-{person}"}})
    return made


def as_json(person, number, output):
    """An action as the engine writes it."""
    journey, run_key, entry, step = output.name
    moment = datetime.fromtimestamp(output.time_ms // 1000, timezone.utc)
    action = {"id": f"act_{person}_{number}", "kind": "webhook", "person": person,
              "journey": journey, "entry": entry, "step": step, "values": {"data": output.data},
              "time": f"{moment:%Y-%m-%dT%H:%M:%S}.{output.time_ms % 1000:03}Z"}
    if run_key:
        action["run_key"] = run_key
    if output.what.startswith("https:"):
        action["url"] = output.what
    else:
        template, _, address = output.what.partition(" to ")
        action.update(kind="send_email", template=template, address=address)
    action["why"] = {"input": "timer"}
    if output.cause:
        action["why"] = dict(zip(("topic", "partition", "offset", "input_id"), output.cause))
    return json.dumps(action).encode()


def made_evidence(inputs, transaction_actions=8, topic_order=TOPIC_ORDER):
    """Everybody's actions in one partition, in transactions of a few actions each."""
    emitted, batches, offset = [], [], 0
    for person in PERSONS:
        own = [record for record in inputs if record.person == person]
        moves = order.by_rule(own, topic_order)
        for number, output in enumerate(output for outputs in moves for output in outputs):
            if emitted and len(emitted) % transaction_actions == 0:
                offset += 1  # the marker of the transaction before
            emitted.append(Emitted(0, offset, person, as_json(person, number, output)))
            offset += 1
    for begin in range(0, len(emitted), transaction_actions):
        places = emitted[begin:begin + transaction_actions]
        batches.append(Batch(0, places[0].offset, places[-1].offset, f"1.{begin}", "commit"))
    return Evidence(inputs, list(emitted), list(emitted), list(emitted), batches,
                    {"counts": {}, "minima": MINIMA})


def planted(change):
    """The verdict on what `change` makes of the actions; every view of them gets the same."""
    evidence = made_evidence(records())
    actions = list(evidence.at_end)
    change(actions)
    # The log has what the engine wrote, at the offsets that it gave.
    places = sorted(item.offset for item in actions)
    return judge(evidence._replace(along=actions, at_end=actions, uncommitted=actions,
                                   batches=[Batch(0, place, place, f"1.{place}", "commit")
                                            for place in places]))


def move_to(item, offset):
    return item._replace(offset=offset)


def position_of(actions, journey):
    """An action of the middle, so that there is something before and after."""
    return next(index for index, item in enumerate(actions)
                if index > len(actions) // 2 and json.loads(item.value)["journey"] == journey)


def assert_kinds(verdict, *wanted):
    assert verdict.result == "failed" and set(verdict.kinds()) == set(wanted), verdict.text()


def test_who_is_erased_begins_anew():
    inputs = a_view_and_two_identifies(1_005)
    erased = inputs[2]._replace(event={"type": "track", "messageId": "e", "event": "Person Erased"})
    again = inputs[2]._replace(offset=2, log_ms=inputs[2].log_ms + 1, event=inputs[0].event)
    moves = order.by_rule([*inputs[:2], erased, again], TOPIC_ORDER)
    outputs = [output for outputs in moves for output in outputs]
    # No mail of the view's run, and another action of an event that was there before.
    assert [output.name for output in outputs] == [("told", "", 1, "1"), ("seen", "", 1, "1"),
                                                   ("told", "", 1, "1")], outputs


def test_what_is_right_is_ok():
    verdict = judge(made_evidence(records()))
    assert verdict.result == "ok", verdict.text()
    assert verdict.counts["expected actions"] > 300, verdict.text()
    journeys = {json.loads(item.value)["journey"] for item in made_evidence(records()).at_end}
    assert journeys == {"audit", "browse", "busy", "level", "loyal", "order", "seen", "told"}


def test_an_empty_run_is_vacuous():
    empty = Evidence([], [], [], [], [], {"counts": {}, "minima": MINIMA})
    verdict = judge(empty)
    assert verdict.result == "vacuous" and "expected actions" in verdict.missing[0], verdict.text()


def test_too_few_faults_are_vacuous():
    evidence = made_evidence(records())
    numbers = {"counts": {"kills": 1}, "minima": {"kills": 2}}
    verdict = judge(evidence._replace(numbers=numbers))
    assert verdict.result == "vacuous", verdict.text()
    assert verdict.missing == ["kills: 1, at least 2 wanted"], verdict.text()


def test_a_drop():
    verdict = planted(lambda actions: actions.pop(position_of(actions, "seen")))
    assert_kinds(verdict, "lost")
    assert verdict.kinds()["lost"] == 1, verdict.text()


def test_a_drop_of_one_pass_of_a_repeat():
    assert_kinds(planted(lambda actions: actions.pop(position_of(actions, "loyal"))), "lost")


def test_a_drop_of_one_of_several_actions_of_a_step():
    def drop(actions):
        actions.pop(next(index for index, item in enumerate(actions)
                         if json.loads(item.value)["journey"] == "level"))
    assert_kinds(planted(drop), "torn")


def test_a_duplicate():
    def repeat(actions):
        actions.append(move_to(actions[position_of(actions, "order")], 100_000))
    assert_kinds(planted(repeat), "duplicate")


def test_a_duplicate_with_another_id():
    def repeat(actions):
        item = actions[position_of(actions, "seen")]
        other = dict(json.loads(item.value), id="act_other")
        actions.append(Emitted(0, 100_000, item.key, json.dumps(other).encode()))
    assert_kinds(planted(repeat), "unexpected")


def test_a_swap():
    def swap(actions):
        first = next(index for index, (one, other) in enumerate(zip(actions, actions[1:]))
                     if one.key == other.key)
        one, other = actions[first:first + 2]
        actions[first:first + 2] = [move_to(other, one.offset), move_to(one, other.offset)]
    assert_kinds(planted(swap), "reordered")


def change_payload(actions, member, value):
    index = position_of(actions, "order")
    changed = json.loads(actions[index].value)
    changed[member] = value
    actions[index] = actions[index]._replace(value=json.dumps(changed).encode())


def test_a_changed_payload():
    assert_kinds(planted(lambda actions: change_payload(
        actions, "values", {"data": {"order": "another"}})), "changed")


def test_a_changed_time():
    assert_kinds(planted(lambda actions: change_payload(
        actions, "time", "2026-06-01T00:00:00.001Z")), "changed")


def test_a_changed_cause():
    assert_kinds(planted(lambda actions: change_payload(
        actions, "why", {"topic": "orders", "partition": 0, "offset": 0, "input_id": "no"})),
                 "changed")


def test_a_record_under_another_key():
    def rename(actions):
        actions[5] = actions[5]._replace(key="somebody else")
    assert_kinds(planted(rename), "changed")


def test_a_torn_interval():
    """A reader that sees half of a transaction."""
    evidence = made_evidence(records())
    half = [item for item in evidence.at_end
            if not evidence.batches[3].first <= item.offset < evidence.batches[3].first + 4]
    verdict = judge(evidence._replace(along=half, at_end=half))
    assert "torn" in verdict.kinds() and verdict.result == "failed", verdict.text()
    assert any("transaction" in text for kind, text in verdict.findings if kind == "torn")


def test_an_aborted_record_that_is_read():
    evidence = made_evidence(records())
    batches = list(evidence.batches)
    batches[2] = batches[2]._replace(end="abort")
    assert_kinds(judge(evidence._replace(batches=batches)), "aborted-but-read")


def test_aborted_records_that_are_not_read_are_replays():
    evidence = made_evidence(records())
    again = [move_to(item, 100_000 + number) for number, item in enumerate(evidence.at_end[:5])]
    batches = [*evidence.batches, Batch(0, 100_000, 100_004, "2.0", "abort")]
    verdict = judge(evidence._replace(uncommitted=evidence.uncommitted + again, batches=batches))
    assert verdict.result == "ok" and verdict.counts["replays"] == 5, verdict.text()


def test_who_is_replayed_keeps_the_id():
    evidence = made_evidence(records())
    renamed = [Emitted(0, 100_000 + number, item.key,
                       json.dumps({**json.loads(item.value), "id": f"act_{number}"}).encode())
               for number, item in enumerate(evidence.at_end[:5])]
    batches = [*evidence.batches, Batch(0, 100_000, 100_004, "2.0", "abort")]
    verdict = judge(evidence._replace(uncommitted=evidence.uncommitted + renamed, batches=batches))
    assert_kinds(verdict, "renamed")
    assert verdict.kinds()["renamed"] == 5, verdict.text()


def test_a_record_outside_of_any_transaction():
    evidence = made_evidence(records())
    batches = list(evidence.batches)
    batches[2] = batches[2]._replace(end="none")
    assert_kinds(judge(evidence._replace(batches=batches)), "outside")


def test_a_timer_that_waited_for_the_last_records():
    evidence = made_evidence(records())
    timers = [item.offset for item in evidence.at_end
              if json.loads(item.value)["why"] == {"input": "timer"}]
    for offset, late in ((timers[-1] + 1, 0), (timers[-2], 2)):
        numbers = {"minima": {}, "audit": {"begin_ms": records()[-1].log_ms, "offsets": [offset]}}
        verdict = judge(evidence._replace(numbers=numbers))
        assert verdict.kinds()["late"] == late == len(verdict.findings), verdict.text()


def test_what_the_harness_tells():
    numbers = {"minima": {}, "told": [["ended", "instance-1"], ["left open", "a transaction"]]}
    assert_kinds(judge(made_evidence(records())._replace(numbers=numbers)), "ended", "left open")


def test_of_a_run_that_was_cut_short_nothing_is_missed():
    evidence = made_evidence(records())
    half = evidence.at_end[:len(evidence.at_end) // 2]
    batches = [batch for batch in evidence.batches if batch.last <= half[-1].offset]
    numbers = {"minima": {}, "cut_short": True, "told": [["ended", "instance-1"]]}
    half = [item for item in half if item.offset <= batches[-1].last]
    assert_kinds(judge(evidence._replace(along=half, at_end=half, uncommitted=half, batches=batches,
                                         numbers=numbers)), "ended")


def test_readers_that_do_not_agree():
    evidence = made_evidence(records())
    assert_kinds(judge(evidence._replace(along=evidence.along[:-1])), "readers")
    twice = [*evidence.along, evidence.along[0]]
    assert_kinds(judge(evidence._replace(along=twice)), "readers")


def a_view_and_two_identifies(last_ms):
    """The view leads to a mail 4,000 ms later."""
    identify = {"type": "identify", "messageId": "i", "traits": {"email": "a@shop.example"}}
    view = {"type": "track", "messageId": "m", "event": "Product Viewed",
            "properties": {"view_id": "v"}}
    return [Record("orders", 0, 0, BEGIN_MS, PERSONS[0], identify),
            Record("visits", 0, 0, BEGIN_MS + 1_000, PERSONS[0], view),
            Record("orders", 0, 1, BEGIN_MS + last_ms, PERSONS[0], {**identify, "messageId": "j"})]


def test_a_timer_before_a_late_record_is_counted():
    seen = a_view_and_two_identifies(5_000)
    # At the very moment of a timer a record comes first: it takes one more to be after it.
    after = [*seen[:2], seen[2]._replace(log_ms=BEGIN_MS + 5_001)]
    verdict = judge(made_evidence(after)._replace(numbers={"minima": {}}))
    assert verdict.result == "ok" and verdict.counts["late records"] == 0, verdict.text()

    def forget_a_millisecond(emitted):
        last = json.loads(emitted[-1].value)
        last["time"] = last["time"].replace(".001Z", ".000Z")  # A late record has the timer's time.
        return [*emitted[:-1], emitted[-1]._replace(value=json.dumps(last).encode())]
    for late_ms, result in ((3_000, "ok"), (order.LATE_MS + 1, "failed")):
        inputs = [seen[0]._replace(log_ms=BEGIN_MS - 60_000), seen[1],
                  seen[2]._replace(log_ms=BEGIN_MS + 5_000 - late_ms)]
        evidence = made_evidence([inputs[0], *after[1:]])
        emitted = forget_a_millisecond(evidence.at_end)
        verdict = judge(evidence._replace(inputs=inputs, along=emitted, at_end=emitted,
                                          uncommitted=emitted, numbers={"minima": {}}))
        assert verdict.result == result, verdict.text()
        assert verdict.counts["late records"] == (result == "ok"), verdict.text()


def test_a_topic_that_overtakes_another_is_counted():
    for ahead_ms, result in ((order.LATE_MS, "ok"), (order.LATE_MS + 1, "failed")):
        first, view, last = a_view_and_two_identifies(1_000)
        first = first._replace(log_ms=BEGIN_MS - 60_000)
        # Who comes second comes at the person's time, which never goes back.
        evidence = made_evidence([first, view, last], topic_order=("orders", "visits"))
        overtaken = [first, view._replace(log_ms=last.log_ms - ahead_ms), last]
        verdict = judge(evidence._replace(inputs=overtaken, numbers={"minima": {}}))
        assert verdict.result == result, verdict.text()
        assert verdict.counts["overtakings"] == (result == "ok"), verdict.text()


def embedded_evidence():
    """As over the embedded log: one topic, everything acknowledged, every mail delivered."""
    inputs = [record._replace(topic="events", offset=number)
              for number, record in enumerate(records())]
    evidence = made_evidence(inputs, topic_order=("events",))
    mails = [json.loads(item.value)["id"] for item in evidence.at_end
             if json.loads(item.value)["kind"] == "send_email"]
    times = {}
    for record in inputs:
        message_id = record.event["messageId"]
        times[message_id] = times.get(message_id, 0) + 1
    return evidence._replace(
        numbers={**evidence.numbers, "late_ms": order.NEVER_LATE},
        sent=[Sent([message_id], count, True) for message_id, count in times.items()],
        mails=[Mail(action) for action in mails],
        deliveries=[Delivery(action, "delivered") for action in mails])


def test_what_is_right_over_the_embedded_log_is_ok():
    verdict = judge(embedded_evidence())
    assert verdict.result == "ok" and verdict.counts["mails"] > 5, verdict.text()


def test_the_embedded_log_is_never_late():
    seen = a_view_and_two_identifies(5_000)
    inputs = [record._replace(topic="events", offset=number) for number, record in enumerate(seen)]
    late = [*inputs[:2], inputs[2]._replace(log_ms=BEGIN_MS + 4_999)]
    evidence = made_evidence([*inputs[:2], inputs[2]._replace(log_ms=BEGIN_MS + 5_001)],
                             topic_order=("events",))
    verdict = judge(evidence._replace(inputs=late, numbers={"minima": {},
                                                            "late_ms": order.NEVER_LATE}))
    assert verdict.result == "failed", verdict.text()


def test_an_acknowledged_event_that_is_gone():
    evidence = embedded_evidence()
    assert_kinds(judge(evidence._replace(sent=[*evidence.sent, Sent(["gone"], 1, True)])), "unkept")
    # One that was not acknowledged may be there or not.
    verdict = judge(evidence._replace(sent=[*evidence.sent, Sent(["gone"], 1, False)]))
    assert verdict.result == "ok", verdict.text()


def test_an_event_that_is_there_more_often_than_it_was_sent():
    evidence = embedded_evidence()
    assert_kinds(judge(evidence._replace(sent=[evidence.sent[0]._replace(attempts=0),
                                               *evidence.sent[1:]])), "unkept")


def test_a_part_of_what_was_sent_together():
    evidence = embedded_evidence()
    together = Sent([*evidence.sent[0].ids, "gone"], 1, False)
    assert_kinds(judge(evidence._replace(sent=[together, *evidence.sent[1:]])), "unkept")


def test_mails_that_should_not_have_left():
    evidence = embedded_evidence()
    for mails in ([*evidence.mails, Mail("act_of_nobody")], [*evidence.mails, evidence.mails[0]],
                  evidence.mails[1:]):
        assert_kinds(judge(evidence._replace(mails=mails)), "mail")
    skipped = [evidence.deliveries[0]._replace(state="skipped"), *evidence.deliveries[1:]]
    assert_kinds(judge(evidence._replace(deliveries=skipped)), "mail")


def test_evidence_is_judged_again_from_its_directory():
    evidence = made_evidence(records())
    with tempfile.TemporaryDirectory() as directory:
        evidence_files.save(evidence, Path(directory))
        again = evidence_files.load(Path(directory))
    assert judge(again).text() == judge(evidence).text()


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
