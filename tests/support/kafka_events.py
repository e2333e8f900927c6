"""Events as a producer of one's own would write them to Kafka: partition, JSON, protobuf.

Written from the formats' descriptions and sharing nothing with the engine, so that a mistake there
shows: Kafka's default partitioner, the wire format of proto/sojourn/v1/event.proto.
Standard library only.
"""

import json
import struct

MASK = 0xFFFFFFFF
EVENT_TYPES = {"track": 0, "identify": 1}


def murmur2(data):
    """As Kafka's Utils.murmur2, unsigned."""
    multiplier, rotation = 0x5BD1E995, 24
    h = 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for (k,) in struct.iter_unpack("<I", data[:whole]):
        k = k * multiplier & MASK
        k ^= k >> rotation
        h = (h * multiplier & MASK) ^ (k * multiplier & MASK)
    if len(data) > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * multiplier & MASK
    h = (h ^ h >> 13) * multiplier & MASK
    return h ^ h >> 15


def partition_of(key, partition_count):
    """Where every Kafka client that keeps to the default puts a record with this key."""
    return (murmur2(key) & 0x7FFFFFFF) % partition_count


def encode_json(message):
    return json.dumps(message, separators=(",", ":")).encode()


def encode_protobuf(message, time_ms):
    """A Segment-shaped message as sojourn.v1.Event."""
    values = message["traits" if message["type"] == "identify" else "properties"]
    name = message.get("event", message["type"])
    return b"".join([
        _bytes(1, message["messageId"].encode()), _bytes(2, message["userId"].encode()),
        _bytes(4, name.encode()), _varint(5, time_ms),
        *(_bytes(7, _bytes(1, key.encode()) + _bytes(2, _value(value)))
          for key, value in values.items()),
        _varint(8, EVENT_TYPES[message["type"]])])


def _value(value):
    if isinstance(value, bool):
        return _varint(1, int(value))
    if isinstance(value, int):
        return _varint(2, value)
    if isinstance(value, float):
        return _number(3 << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, str):
        return _bytes(4, value.encode())
    raise TypeError(f"{value!r} has no encoding here")


def _number(number):
    number &= 0xFFFFFFFFFFFFFFFF
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _varint(field, number):
    return _number(field << 3) + _number(number)


def _bytes(field, data):
    return _number(field << 3 | 2) + _number(len(data)) + data
