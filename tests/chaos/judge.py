#!/usr/bin/env python3
"""Judges a run of chaos: were the actions exactly those that the committed input demands?

    judge.py DIRECTORY    judges the evidence in a directory once more (see evidence.py)

The verdict is `ok`, `failed` (something was found, each kind apart) or `vacuous` (too little
happened for the result to mean anything), which is a failure, too. Standard library only.
"""

import json
import sys
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path

import evidence as evidence_files
import order

# In the order in which they are told. Each is counted by itself.
KINDS = {
    "readers": "the two committed readers do not agree",
    "aborted-but-read": "a record of an aborted transaction reached a committed reader",
    "torn": "of what belongs together one part is there and another is not",
    "lost": "an action that the input demands is not there",
    "duplicate": "an action is there twice",
    "unexpected": "an action is there that the input does not demand",
    "changed": "an action is there with another content",
    "reordered": "a person's actions are all there, in no possible order",
    "late": "a timer fired only when a later record of its person came",
    "renamed": "an action has another id than when it was written before, in vain",
    "outside": "a record of the actions topic is in no transaction",
    "left open": "a transaction was left to its timeout by an instance that was there again",
    "ended": "an instance ended of its own accord",
    "dead letter": "a record was set aside although nothing is wrong with it",
    "unkept": "an acknowledged event is not in the log, or a part of what was sent together",
    "mail": "a mail left for no action, or twice, or not although it is said to have left",
    "undecided": "the search was given up",
}
MAX_TOLD = 5  # findings of one kind that are told in full
TOPIC_ORDER = ("visits", "orders")
EMBEDDED_ORDER = ("events",)


class Verdict:
    def __init__(self):
        self.findings = []  # (kind, text)
        self.counts = Counter()
        self.missing = []  # minima that were not reached, as text

    @property
    def result(self):
        if self.findings:
            return "failed"
        return "vacuous" if self.missing else "ok"

    def find(self, kind, text):
        assert kind in KINDS
        self.findings.append((kind, text))

    def kinds(self):
        return Counter(kind for kind, _ in self.findings)

    def text(self):
        lines = [f"  {name:32} {count:>10,}" for name, count in sorted(self.counts.items())]
        for kind, meaning in KINDS.items():
            of_kind = [text for found, text in self.findings if found == kind]
            if of_kind:
                lines.append(f"{kind}: {len(of_kind)} ({meaning})")
                lines += [f"  {text}" for text in of_kind[:MAX_TOLD]]
        lines += [f"vacuous: {text}" for text in self.missing]
        return "\n".join([*lines, f"verdict: {self.result}"])


def milliseconds(text):
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


class Action:
    """A committed action, as found."""

    def __init__(self, emitted):
        found = json.loads(emitted.value)
        why = found.get("why", {})
        self.place = f"{emitted.partition}/{emitted.offset}"
        self.partition, self.offset = emitted.partition, emitted.offset
        self.id, self.person = found["id"], found["person"]
        self.key = emitted.key
        self.name = (found["journey"], found.get("run_key", ""), found["entry"], found["step"])
        self.what = found.get("url") or f"{found['template']} to {found['address']}"
        self.data = found["values"].get("data", {})
        self.time_ms = milliseconds(found["time"])
        self.cause = ((why["topic"], why["partition"], why["offset"], why["input_id"])
                      if "topic" in why else ())

    @property
    def content(self):
        """Everything but the id, to be compared."""
        return (self.person, self.name, self.time_ms, self.cause, self.what,
                json.dumps(self.data, sort_keys=True))

    def same(self, output):
        return (self.name == output.name and self.time_ms == output.time_ms
                and self.cause == output.cause and self.what == output.what
                and self.data == output.data)

    def __str__(self):
        return f"{self.person} {self.name} {self.data} at {self.place}"


def judge(evidence):
    verdict = Verdict()
    _compare_readers(evidence, verdict)
    _compare_transactions(evidence, verdict)
    actions = _without_duplicates(evidence, verdict)
    for kind, text in evidence.numbers.get("told", []):
        verdict.find(kind, text)
    if not evidence.numbers.get("cut_short"):
        _compare_with_model(evidence, actions, verdict)
        _find_late(evidence.numbers.get("audit"), actions, verdict)
    _compare_sent(evidence, verdict)
    _compare_mails(evidence, verdict)
    _compare_replays(evidence, actions, verdict)
    for name, count in evidence.numbers.get("counts", {}).items():
        verdict.counts[name] = count
    if verdict.counts["dead letters"]:
        verdict.find("dead letter", f"{verdict.counts['dead letters']} records")
    for name, minimum in evidence.numbers["minima"].items():
        if verdict.counts[name] < minimum:
            verdict.missing.append(f"{name}: {verdict.counts[name]}, at least {minimum} wanted")
    return verdict


def _compare_readers(evidence, verdict):
    along, at_end = sorted(evidence.along), sorted(evidence.at_end)
    verdict.counts["actions read along"] = len(along)
    verdict.counts["actions read at the end"] = len(at_end)
    if along == at_end:
        return
    for item in sorted(set(along) ^ set(at_end))[:MAX_TOLD]:
        who = "along" if item in along else "at the end"
        verdict.find("readers", f"{item.partition}/{item.offset} was read only {who}")
    if set(along) == set(at_end):
        verdict.find("readers", "the same records, some of them more than once")


def _compare_transactions(evidence, verdict):
    """What the committed reader saw against what the log itself says of each transaction."""
    read = {(item.partition, item.offset) for item in evidence.at_end}
    written = {(item.partition, item.offset) for item in evidence.uncommitted}
    of_transaction = defaultdict(list)
    for batch in evidence.batches:
        places = [(batch.partition, offset) for offset in range(batch.first, batch.last + 1)]
        of_transaction[batch.partition, batch.transaction, batch.end] += places
    known = {place for places in of_transaction.values() for place in places}
    ends = Counter()
    for (partition, transaction, end), places in of_transaction.items():
        ends[end] += 1
        seen = [place for place in places if place in read]
        missing = [place for place in places if place not in read]
        name = f"transaction {transaction} of partition {partition}"
        if end == "none":
            verdict.find("outside", f"{len(places)} records of partition {partition}")
        elif end != "commit" and seen:
            verdict.find("aborted-but-read", f"{name} ({end}): {len(seen)} records were read")
        elif end == "commit" and missing:
            kind = "torn" if seen else "lost"
            verdict.find(kind, f"{name}: {len(missing)} of {len(places)} records were not read")
        if missing and not written.issuperset(missing):
            verdict.find("lost", f"{name}: records that even an uncommitted reader did not see")
    for place in sorted(read - known)[:MAX_TOLD]:
        verdict.find("unexpected", f"{place} was read and is in no batch of the log")
    for end in ("commit", "abort", "open", "none"):
        verdict.counts[f"transactions ({end})"] = ends[end]


def _without_duplicates(evidence, verdict):
    """The committed actions in order, the first of each id."""
    actions, first = [], {}
    for item in sorted(evidence.at_end):
        action = Action(item)
        if action.id in first:
            verdict.find("duplicate", f"{action} and {first[action.id].place}")
            continue
        if action.key != action.person:
            verdict.find("changed", f"{action} has the key {action.key}")
        first[action.id] = action
        actions.append(action)
    return actions


def _compare_with_model(evidence, actions, verdict):
    inputs, late_ms = evidence.inputs, evidence.numbers.get("late_ms", order.LATE_MS)
    records_of, actions_of = defaultdict(list), defaultdict(list)
    for record in inputs:
        records_of[record.person].append(record)
    for action in actions:
        actions_of[action.person].append(action)
    verdict.counts["input records"] = len(inputs)
    verdict.counts["persons"] = len(records_of)
    for person in sorted(records_of.keys() | actions_of.keys()):
        _judge_person(records_of[person], actions_of[person], late_ms, verdict)


def _judge_person(records, found, late_ms, verdict):
    topics = EMBEDDED_ORDER if records and records[0].topic in EMBEDDED_ORDER else TOPIC_ORDER
    result = order.search(records, topics, lambda n, output: found[n].same(output), len(found),
                          late_ms)
    expected = sum(map(len, result.moves))
    verdict.counts["expected actions"] += expected
    if result.met:
        verdict.counts["persons with a late record"] += result.late > 0
        verdict.counts["late records"] += result.late
        verdict.counts["overtakings"] += result.overtaken
        return
    if not result.exhausted:
        verdict.find("undecided", f"{records[0].person}: none of the first {order.MAX_MOVES} moves")
    # A deviation that hides one mistake for a while must not make three of it.
    by_rule = order.by_rule(records, topics)
    differences = min(_differences(result.moves, found), _differences(by_rule, found), key=len)
    for kind, text in differences or [("reordered", _first_difference(result.moves, found))]:
        verdict.find(kind, text)


def _first_difference(moves, found):
    wanted = [output for outputs in moves for output in outputs]
    for output, action in zip(wanted, found):
        if not action.same(output):
            return f"{action}, where {output} was to be"
    return f"{found[0].person}: the same actions, and no order of timers and records gives them"


def _differences(moves, found):
    """Lost, torn, unexpected and changed, as (kind, text). What is there as it should be is set
    aside first, so that one missing pass of a repeat is not told as three changed ones."""
    left, differences = list(found), []
    missing = []  # (output, whether others of the same step of the engine are there)
    for outputs in moves:
        absent = [output for output in outputs
                  if not _take(left, lambda action, output=output: action.same(output))]
        missing += [(output, len(absent) < len(outputs)) for output in absent]
    for output, has_siblings in missing:
        action = _take(left, lambda action, output=output: action.name == output.name)
        if action:
            differences.append(("changed", f"{action}, where {output} was to be"))
        else:
            differences.append(("torn" if has_siblings else "lost", str(output)))
    return differences + [("unexpected", str(action)) for action in left]


def _take(actions, wanted):
    """Removes the first action that is wanted and gives it; None where there is none."""
    for index, action in enumerate(actions):
        if wanted(action):
            return actions.pop(index)
    return None


def _compare_sent(evidence, verdict):
    """What was acknowledged stands in the log, and what was sent together stands there together."""
    seen = Counter(record.event["messageId"] for record in evidence.inputs)
    least, most = Counter(), Counter()
    for sent in evidence.sent:
        verdict.counts["calls acknowledged"] += len(sent.ids) * sent.acknowledged
        for message_id in sent.ids:
            least[message_id] += sent.acknowledged
            most[message_id] += sent.attempts
    for message_id in sorted(most):
        # What comes again within the hour is acknowledged because it is in the log already.
        if not min(least[message_id], 1) <= seen[message_id] <= most[message_id]:
            verdict.find("unkept", f"{message_id}: acknowledged {least[message_id]} times, sent "
                                   f"{most[message_id]} times, {seen[message_id]} times in the log")
    sent_once = Counter(message_id for sent in evidence.sent for message_id in sent.ids)
    for sent in evidence.sent:
        times = {seen[message_id] for message_id in sent.ids if sent_once[message_id] == 1}
        if len(times) > 1:
            verdict.find("unkept", f"{sent.ids} were sent together; in the log: {sorted(times)}")


def _compare_mails(evidence, verdict):
    """No mail left for an action that is not there, and each at most once."""
    actions = {json.loads(item.value)["id"]: item for item in evidence.at_end}
    left = Counter(mail.action for mail in evidence.mails)
    verdict.counts["mails"] = sum(left.values())
    for action, times in sorted(left.items()):
        if action not in actions:
            verdict.find("mail", f"{action}: a mail left, and there is no such action")
        if times > 1:
            verdict.find("mail", f"{action}: {times} mails left")
    for delivery in evidence.deliveries:
        verdict.counts[f"mails ({delivery.state})"] += 1
        wanted = {"delivered": (1,), "unknown": (0, 1)}.get(delivery.state, (0,))
        if left[delivery.action] not in wanted:
            verdict.find("mail", f"{delivery.action}: {delivery.state}, and "
                                 f"{left[delivery.action]} mails left")


def _find_late(audit, actions, verdict):
    """When the last records were written, all timers before them had fired."""
    if not audit:
        return
    for action in actions:
        behind = action.offset >= audit["offsets"][action.partition]
        if behind and not action.cause and action.time_ms < audit["begin_ms"]:
            verdict.find("late", str(action))


def _compare_replays(evidence, actions, verdict):
    """Actions that were written in vain first: they show that intervals were made again. What comes
    to the same is called the same."""
    committed = {action.id for action in actions}
    ids = {action.content: action.id for action in actions}
    read = {(item.partition, item.offset) for item in evidence.at_end}
    in_vain = {action.id: action for action in map(Action, evidence.uncommitted)
               if (action.partition, action.offset) not in read}
    verdict.counts["actions aborted"] = len(in_vain)
    verdict.counts["replays"] = len(in_vain.keys() & committed)
    for action in in_vain.values():
        if action.id not in committed and action.content in ids:
            verdict.find("renamed", f"{action}: {action.id}, then {ids[action.content]}")


def main():
    if len(sys.argv) != 2:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    verdict = judge(evidence_files.load(Path(sys.argv[1])))
    print(verdict.text())
    return 0 if verdict.result == "ok" else 1


if __name__ == "__main__":
    sys.exit(main())
