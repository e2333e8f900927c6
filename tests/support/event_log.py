"""The recorded events of a running `sojourn run`, as dictionaries.

Written from proto/sojourn/v1/event.proto and the pages of /-/log, and sharing nothing with the
engine, so that a mistake there shows. Standard library only.
"""

import json
import struct

TYPES = {0: "track", 1: "identify"}
PAGE_HEADER = struct.Struct("<4q")      # first, next, ended, count
EVENT_HEADER = struct.Struct("<qII")    # log time, bytes of the person, of the event


def read_events(sojourn, partitions=4):
    """All events that came from outside, in the order of the log."""
    token = json.loads((sojourn.data / "instance.json").read_text())["token"]
    events = []
    for part in range(partitions):
        at, ended = 0, False
        while not ended:
            page = sojourn.request_bytes("GET", f"/-/log?part={part}&from={at}&person=",
                                         headers={"Authorization": f"Bearer {token}"})
            _, at, ended, count = PAGE_HEADER.unpack_from(page)
            events += list(_events(page[PAGE_HEADER.size + 8 * count:]))
    return [event for event in events if event is not None]


def _events(data):
    at = 0
    while at < len(data):
        log_time, person_bytes, event_bytes = EVENT_HEADER.unpack_from(data, at)
        at += EVENT_HEADER.size
        person = data[at:at + person_bytes].decode()
        at += person_bytes
        yield _event(data[at:at + event_bytes], person, log_time)
        at += event_bytes


def _event(data, person, log_time):
    event = {"person": person, "log_time": log_time, "id": "", "time": log_time, "type": 0,
             "anonymous_id": "", "properties": {}, "traits": {}, "redirects": 0}
    names = {1: "id", 3: "anonymous_id", 4: "name"}
    numbers = {5: "time", 6: "received_at", 8: "type", 12: "redirects"}
    maps = {7: "properties", 9: "traits"}
    for field, value in _fields(data):
        if field in names:
            event[names[field]] = value.decode()
        elif field in numbers:
            event[numbers[field]] = value
        elif field in maps:
            key, of_key = _entry(value)
            event[maps[field]][key] = of_key
    # What the product wrote or sent on itself did not come from outside.
    if event["type"] not in TYPES or event["redirects"]:
        return None
    event["type"] = TYPES[event["type"]]
    return event


def _entry(data):
    key, value = "", None
    for field, content in _fields(data):
        if field == 1:
            key = content.decode()
        else:
            value = _value(content)
    return key, value


def _value(data):
    for field, content in _fields(data):
        if field == 1:
            return bool(content)
        if field in (2, 5):
            return content
        if field == 3:
            return struct.unpack("<d", content)[0]
        if field == 4:
            return content.decode()
        if field == 6:
            return [_value(item) for _, item in _fields(content)]
        return dict(_entry(entry) for _, entry in _fields(content))
    return None


def _fields(data):
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            value -= (value >> 63) << 64
        elif kind == 1:
            value, at = data[at:at + 8], at + 8
        else:
            size, at = _varint(data, at)
            value, at = data[at:at + size], at + size
        yield tag >> 3, value


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
