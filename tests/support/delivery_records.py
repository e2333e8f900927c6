"""What a data directory says became of its mails.

The directory's process must have ended, by whatever means: nothing is written. Standard library
only.
"""

import json

from ldb_rows import rows


def delivery_records(data):
    """Every mail's record as {(partition, offset): {...}}, in the log's order."""
    records = {}
    for partition, offset, value in rows(data, "deliveries"):
        assert (partition, offset) not in records, f"two records of {partition}/{offset}"
        records[partition, offset] = json.loads(value)
    return records
