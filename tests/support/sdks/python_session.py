"""Sends a session with segment-analytics-python: python_session.py HOST KEY SESSION [gzip].

Wants the library in PYTHONPATH. Ends when everything was sent.
"""

import datetime
import json
import sys

from segment.analytics.client import Client

host, key, file = sys.argv[1:4]
failures = []
client = Client(key, host=host, gzip="gzip" in sys.argv, upload_size=20,
                on_error=lambda error, items: failures.append(str(error)))
NAMES = {"userId": "user_id", "anonymousId": "anonymous_id", "previousId": "previous_id",
         "groupId": "group_id"}
with open(file, encoding="utf-8") as text:
    calls = json.load(text)
for call in calls:
    arguments = {NAMES.get(name, name): value for name, value in call.items() if name != "type"}
    if "timestamp" in arguments:
        arguments["timestamp"] = datetime.datetime.fromisoformat(
            arguments["timestamp"].replace("Z", "+00:00"))
    getattr(client, call["type"])(**arguments)
client.flush()
client.join()
sys.exit("; ".join(failures) or 0)
