"""How the transactions of a topic ended, from the broker's own files: no client's filter is asked.

Reads the headers of record batches (magic 2) and the records of control batches; what clients wrote
may be compressed. Standard library only.
"""

import struct
from collections import defaultdict

from evidence import Batch

# Base offset, length; leader epoch, magic, checksum, attributes, last offset delta, first and last
# time, producer id, producer epoch, base sequence, record count.
FRAME = struct.Struct(">qi")
HEADER = struct.Struct(">ibIhiqqqhii")
TRANSACTIONAL, CONTROL = 0x10, 0x20
END_NAMES = {0: "abort", 1: "commit"}


def batches(data_directories, topic, partition_count):
    """Every batch of every partition as Batch, in the order of offsets; of several replicas, from
    the one that has the most."""
    found = []
    for partition in range(partition_count):
        replicas = [_of_partition(directory / f"{topic}-{partition}", partition)
                    for directory in data_directories]
        found += max(replicas, key=len)
    return found


def _of_partition(directory, partition):
    done, open_batches, ended = [], defaultdict(list), defaultdict(int)
    for path in sorted(directory.glob("*.log")):
        for first, last, producer, attributes, records in _raw_batches(path.read_bytes()):
            if not attributes & CONTROL:
                if attributes & TRANSACTIONAL:
                    open_batches[producer].append((first, last))
                else:
                    done.append(Batch(partition, first, last, f"{producer}.none", "none"))
                continue
            end = END_NAMES[_control_type(records)]
            name = f"{producer}.{ended[producer]}"
            done += [Batch(partition, *places, name, end)
                     for places in open_batches.pop(producer, [])]
            ended[producer] += 1
    for producer, left in open_batches.items():
        done += [Batch(partition, *places, f"{producer}.{ended[producer]}", "open")
                 for places in left]
    return sorted(done)


def _raw_batches(data):
    position = 0
    while position + FRAME.size + HEADER.size <= len(data):
        base, length = FRAME.unpack_from(data, position)
        header = HEADER.unpack_from(data, position + FRAME.size)
        end = position + FRAME.size + length
        if length < HEADER.size or end > len(data):
            return  # Preallocated or half written; nobody can have read it.
        assert header[1] == 2, f"a batch of magic {header[1]}"
        yield (base, base + header[4], header[7], header[3],
               data[position + FRAME.size + HEADER.size:end])
        position = end


def _control_type(records):
    """Of the one record of a control batch, whose key is (version, type)."""
    position = 0
    _, position = _varint(records, position)  # length
    position += 1  # attributes
    for _ in ("time", "offset", "key length"):
        _, position = _varint(records, position)
    return struct.unpack_from(">hh", records, position)[1]


def _varint(data, position):
    value, shift = 0, 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
