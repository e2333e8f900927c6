"""What a data directory says became of its mails, read by RocksDB's own tool `ldb`.

The directory's process must have ended, by whatever means: nothing is written. Standard library
only.
"""

import json
import subprocess

_FAMILY = "deliveries"


def delivery_records(data):
    """Every mail's record as {(partition, offset): {...}}, in the log's order."""
    scan = subprocess.run(["ldb", f"--db={data}/database", f"--column_family={_FAMILY}", "--hex",
                           "scan"], check=True, capture_output=True, text=True).stdout
    records = {}
    for line in scan.splitlines():
        if " : " not in line:
            continue
        key, value = (bytes.fromhex(part.strip().removeprefix("0x")) for part in line.split(" : "))
        place = (int.from_bytes(key[:4], "big"), int.from_bytes(key[4:], "big"))
        assert place not in records, f"two records of {place}"
        records[place] = json.loads(value)
    return records
