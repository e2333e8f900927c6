"""As much of Kafka's protocol as the proxy must read: who asks for what, and how it was answered.

https://kafka.apache.org/protocol. Requests of other versions than these are passed on all the same;
what cannot be read is None. Standard library only.
"""

import struct
from enum import IntEnum
from typing import NamedTuple, Optional


class Api(IntEnum):
    PRODUCE = 0
    FETCH = 1
    METADATA = 3
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    LEAVE_GROUP = 13
    SYNC_GROUP = 14
    INIT_PRODUCER_ID = 22
    ADD_PARTITIONS_TO_TXN = 24
    ADD_OFFSETS_TO_TXN = 25
    END_TXN = 26
    WRITE_TXN_MARKERS = 27
    TXN_OFFSET_COMMIT = 28


# The first version with compact strings and tagged fields.
FLEXIBLE_FROM = {Api.PRODUCE: 9, Api.INIT_PRODUCER_ID: 2, Api.ADD_PARTITIONS_TO_TXN: 3,
                 Api.ADD_OFFSETS_TO_TXN: 3, Api.END_TXN: 3, Api.TXN_OFFSET_COMMIT: 3,
                 Api.HEARTBEAT: 4, Api.JOIN_GROUP: 6}
# Requests whose body begins with the transactional id.
TRANSACTIONAL = {Api.PRODUCE, Api.INIT_PRODUCER_ID, Api.ADD_PARTITIONS_TO_TXN,
                 Api.ADD_OFFSETS_TO_TXN, Api.END_TXN, Api.TXN_OFFSET_COMMIT}
# Answers that begin with the time of throttling, then an error.
ONE_ERROR = {Api.INIT_PRODUCER_ID, Api.ADD_OFFSETS_TO_TXN, Api.END_TXN, Api.HEARTBEAT,
             Api.JOIN_GROUP}
THROTTLE_TIME_FROM = {Api.HEARTBEAT: 1, Api.JOIN_GROUP: 2}
# Answers with an error for each partition, behind the time of throttling.
PARTITION_ERRORS = {Api.ADD_PARTITIONS_TO_TXN, Api.TXN_OFFSET_COMMIT}

ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, INVALID_PRODUCER_EPOCH = 22, 25, 47
FENCED_INSTANCE_ID, PRODUCER_FENCED = 82, 90
FENCING_ERRORS = {ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, INVALID_PRODUCER_EPOCH,
                  FENCED_INSTANCE_ID, PRODUCER_FENCED}


class Request(NamedTuple):
    api: int
    version: int
    correlation: int
    client: Optional[str]  # client.id
    transactional_id: Optional[str]


class Answer(NamedTuple):
    errors: tuple  # those that are not 0
    generation: Optional[int]  # of JoinGroup


class _Reader:
    def __init__(self, data):
        self.data, self.position = data, 0

    def take(self, layout):
        value = struct.unpack_from(">" + layout, self.data, self.position)[0]
        self.position += struct.calcsize(">" + layout)
        return value

    def varint(self):
        value, shift = 0, 0
        while True:
            byte = self.take("B")
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def string(self, flexible):
        length = self.varint() - 1 if flexible else self.take("h")
        if length < 0:
            return None
        data = bytes(self.data[self.position:self.position + length])
        self.position += length
        return data.decode()

    def count(self, flexible):
        return self.varint() - 1 if flexible else self.take("i")

    def skip_tags(self):
        for _ in range(self.varint()):
            self.varint()
            self.position += self.varint()


def is_flexible(api, version):
    return version >= FLEXIBLE_FROM.get(api, 1 << 15)


def read_request(frame):
    """Of a frame without its length."""
    reader = _Reader(frame)
    api, version, correlation = reader.take("h"), reader.take("h"), reader.take("i")
    client, transactional_id = reader.string(False), None
    if api in TRANSACTIONAL:
        if is_flexible(api, version):
            reader.skip_tags()
        transactional_id = reader.string(is_flexible(api, version))
    return Request(api, version, correlation, client, transactional_id)


def correlation_of(frame):
    return struct.unpack_from(">i", frame)[0]


def read_answer(request, frame):
    """Of a frame without its length. What is not understood counts as no error."""
    reader = _Reader(frame)
    reader.take("i")  # correlation
    flexible = is_flexible(request.api, request.version)
    if flexible:
        reader.skip_tags()
    try:
        if request.api in ONE_ERROR:
            return _read_one_error(request, reader)
        if request.api in PARTITION_ERRORS:
            return Answer(_partition_errors(reader, flexible), None)
        if request.api == Api.PRODUCE and request.version in range(5, 8):
            return Answer(_produce_errors(reader), None)
    except (struct.error, UnicodeDecodeError):
        pass
    return Answer((), None)


def _read_one_error(request, reader):
    if request.version >= THROTTLE_TIME_FROM.get(request.api, 0):
        reader.take("i")  # throttled for
    error = reader.take("h")
    generation = reader.take("i") if request.api == Api.JOIN_GROUP and not error else None
    return Answer((error,) if error else (), generation)


def _partition_errors(reader, flexible):
    reader.take("i")  # throttled for
    errors = []
    for _ in range(reader.count(flexible)):
        reader.string(flexible)
        for _ in range(reader.count(flexible)):
            reader.take("i")
            errors.append(reader.take("h"))
            if flexible:
                reader.skip_tags()
        if flexible:
            reader.skip_tags()
    return tuple(error for error in errors if error)


def _produce_errors(reader):
    errors = []
    for _ in range(reader.count(False)):
        reader.string(False)
        for _ in range(reader.count(False)):
            reader.take("i")
            errors.append(reader.take("h"))
            for _ in ("base offset", "append time", "log start"):
                reader.take("q")
    return tuple(error for error in errors if error)
