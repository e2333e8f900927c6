"""What a data directory of the embedded log holds, decoded from the formats' descriptions
(connectors/embedded/FORMAT.md, proto/sojourn/v1/event.proto).

An independent way: nothing here is the engine's. The directory's process must have ended, by
whatever means; nothing is written. Standard library only.
"""

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from ldb_rows import message_fields, rows, text  # noqa: E402
from model import Record  # noqa: E402

ROW_VERSION = 1
TRACK, IDENTIFY = 0, 1
TOPIC = "events"


def input_records(data):
    """The log as the judge's records, in the order of partitions and offsets."""
    return [_record(partition, offset, value) for partition, offset, value in rows(data, "log")]


def action_times(data):
    """When the action at each (partition, offset) was committed, milliseconds by the wall clock."""
    return {(partition, offset): _time(value) for partition, offset, value in rows(data, "actions")}


def _time(row):
    assert row[0] == ROW_VERSION, row
    return struct.unpack_from("<q", row, 1)[0]


def _record(partition, offset, row):
    log_ms = _time(row)
    key, at = text(row, 9)
    encoded, at = text(row, at)
    assert at == len(row), "a row of the log is longer than it says"
    fields = message_fields(encoded)
    kind = fields.get(8, [TRACK])[0]
    assert kind in (TRACK, IDENTIFY), f"an event of type {kind}"
    properties = _map(fields.get(7, []))
    name = fields[4][0].decode()
    # Only what has an id can be a repetition.
    event = {"type": "track", "event": name, "properties": properties,
             "messageId": fields.get(1, [f"{partition}/{offset}".encode()])[0].decode()}
    if kind == IDENTIFY:
        event.update(type="identify", traits=properties)
    if fields.get(5):
        event["time_ms"] = fields[5][0]
    return Record(TOPIC, partition, offset, log_ms, key.decode(), event)


def _map(entries):
    pairs = [message_fields(entry) for entry in entries]
    return {pair[1][0].decode(): _value(message_fields(pair.get(2, [b""])[0])) for pair in pairs}


def _value(kinds):
    if 1 in kinds:
        return bool(kinds[1][0])
    if 2 in kinds:
        number = kinds[2][0]
        return number - (1 << 64) if number >> 63 else number
    if 3 in kinds:
        return kinds[3][0]
    return kinds[4][0].decode() if 4 in kinds else None
