"""The rows of a data directory of the embedded log, read by RocksDB's own tool `ldb`, and the plain
encodings in them: nothing here is the engine's.

The directory's process must have ended, by whatever means; nothing is written. Standard library
only.
"""

import struct
import subprocess


def rows(data, family):
    """The rows of a family whose keys are places, in their order, as (partition, offset, value)."""
    scan = subprocess.Popen(["ldb", f"--db={data}/database", f"--column_family={family}", "--hex",
                             "scan"], stdout=subprocess.PIPE, text=True)
    for line in scan.stdout:
        key, separator, value = line.partition(" : ")
        if separator:
            place = struct.unpack(">iq", _bytes(key))
            yield (*place, _bytes(value))
    scan.stdout.close()
    assert scan.wait() == 0, f"ldb ended with {scan.returncode}"


def _bytes(text):
    return bytes.fromhex(text.strip().removeprefix("0x"))


def varint(data, at):
    """A number at a place, and the place behind it."""
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at


def text(data, at):
    """Bytes behind their length, and the place behind them."""
    size, at = varint(data, at)
    return data[at:at + size], at + size


def message_fields(message):
    """The fields of a protobuf message by number, each with all its values."""
    fields, at = {}, 0
    while at < len(message):
        tag, at = varint(message, at)
        if tag & 7 == 0:
            value, at = varint(message, at)
        elif tag & 7 == 1:
            value, at = struct.unpack_from("<d", message, at)[0], at + 8
        else:
            assert tag & 7 == 2, f"a field of kind {tag & 7}"
            value, at = text(message, at)
        fields.setdefault(tag >> 3, []).append(value)
    return fields
