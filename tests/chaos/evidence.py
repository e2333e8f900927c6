"""What a run of chaos left behind, as plain data: read from the broker, written to a directory and
read from there again.

    inputs.jsonl       the committed input records
    along.jsonl        the committed actions, by the reader that ran along
    at-end.jsonl       the same, by the reader that began when all was quiet
    uncommitted.jsonl  all actions, those of aborted transactions included
    batches.jsonl      who wrote which offsets of the actions topic, and how it ended (segments.py)
    sent.jsonl         over HTTP: what was sent, and whether it was acknowledged
    mails.jsonl        the actions whose mails a relay was given, in its order
    deliveries.jsonl   what the log says became of each mail
    numbers.json       what the harness counted, and the minima

Standard library only.
"""

import base64
import json
from typing import NamedTuple

from model import Record


class Emitted(NamedTuple):
    """A record of the actions topic."""
    partition: int
    offset: int
    key: str
    value: bytes


class Batch(NamedTuple):
    """Adjacent offsets of one transaction in one partition of the actions topic.

    `transaction` tells the transactions of a partition apart; `end` is "commit", "abort", "open", or
    "none" for what was written outside of any.
    """
    partition: int
    first: int
    last: int
    transaction: str
    end: str


class Sent(NamedTuple):
    """Calls that were sent together, `attempts` times; all attempts but an acknowledged last one
    may have been taken or not."""
    ids: list
    attempts: int
    acknowledged: bool


class Mail(NamedTuple):
    """A mail as a relay got it."""
    action: str


class Delivery(NamedTuple):
    """What became of the mail of an action, by the log."""
    action: str
    state: str


class Evidence(NamedTuple):
    inputs: list
    along: list
    at_end: list
    uncommitted: list
    batches: list
    # {"counts": {name: n}, "minima": {name: n}}; and, where there is any: "late_ms", see order.py, its
    # own where absent; "told", what the harness itself found, as [kind, text]; "audit", {"begin_ms",
    # "offsets"}: when the last records were written, all being at rest, and where each partition of
    # the actions topic ended; and "cut_short", whether it never came to rest, so that nothing can be
    # said of what is missing.
    numbers: dict
    sent: list = []
    mails: list = []
    deliveries: list = []


_LISTS = {"inputs": Record, "along": Emitted, "at_end": Emitted, "uncommitted": Emitted,
          "batches": Batch, "sent": Sent, "mails": Mail, "deliveries": Delivery}


def _to_json(item):
    fields = item._asdict()
    if isinstance(item, Emitted):
        fields["value"] = base64.b64encode(item.value).decode()
    return json.dumps(fields)


def _from_json(kind, line):
    fields = json.loads(line)
    if kind is Emitted:
        fields["value"] = base64.b64decode(fields["value"])
    return kind(**fields)


def save(evidence, directory):
    directory.mkdir(parents=True, exist_ok=True)
    for name in _LISTS:
        with open(directory / f"{name.replace('_', '-')}.jsonl", "w") as file:
            file.writelines(_to_json(item) + "\n" for item in getattr(evidence, name))
    (directory / "numbers.json").write_text(json.dumps(evidence.numbers, indent=1) + "\n")


def load(directory):
    lists = {}
    for name, kind in _LISTS.items():
        with open(directory / f"{name.replace('_', '-')}.jsonl") as file:
            lists[name] = [_from_json(kind, line) for line in file]
    return Evidence(**lists, numbers=json.loads((directory / "numbers.json").read_text()))
