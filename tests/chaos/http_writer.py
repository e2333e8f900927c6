"""Writes what people of a shop do (people.py) to one process over HTTP, as a shop's own servers would:
calls and batches, repeated with the same ids until they are acknowledged. Standard library only.
"""

import queue
import random
import threading
import time
from http.client import HTTPException

from evidence import Sent
from people import People

SENDERS, MAX_BATCH = 4, 4
GIVEN_UP = 0.3  # of the calls whose answer was lost
FLUSH_SECONDS = 120


class HttpWriter(People):
    """As People; `sent` says afterwards what was acknowledged."""

    def __init__(self, sojourn, seed, person_count, records_per_second):
        super().__init__(seed, person_count, records_per_second)
        self._sojourn = sojourn
        self._calls = queue.Queue()
        self._lock = threading.Lock()
        self._sent = []  # of all senders
        self.answers_lost = 0
        self._senders = [threading.Thread(target=self._post_all, args=(random.Random(f"{seed}{n}"),),
                                          daemon=True) for n in range(SENDERS)]

    @property
    def sent(self):
        with self._lock:
            return list(self._sent)

    def __enter__(self):
        for sender in self._senders:
            sender.start()
        return super().__enter__()

    def _send(self, topic, person, event):
        self._calls.put(event)

    def _flush(self):
        deadline = time.monotonic() + FLUSH_SECONDS
        while self._calls.unfinished_tasks:
            assert time.monotonic() < deadline, "not every call came to an end"
            time.sleep(0.05)

    def _post_all(self, draw):
        while True:
            calls = [self._calls.get()]
            while len(calls) < draw.randrange(1, MAX_BATCH + 1) and not self._calls.empty():
                calls.append(self._calls.get())
            self._post(calls, draw)
            for _ in calls:
                self._calls.task_done()

    def _post(self, calls, draw):
        """Until it is acknowledged, or its answer was lost and it is given up."""
        path, body = f"/v1/{calls[0]['type']}", calls[0]
        if len(calls) > 1:
            path, body = "/v1/batch", {"batch": calls}
        attempts = 0
        while True:
            try:
                status, text = self._sojourn.post(path, body)
            except ConnectionRefusedError:
                time.sleep(0.02)  # nobody has it
                continue
            except (OSError, HTTPException):
                status, text = None, ""
            assert status in (None, 200, 503), (status, text)
            attempts += 1
            if status == 200 or (status is None and draw.random() < GIVEN_UP):
                break
            time.sleep(0.02)
        with self._lock:
            self.answers_lost += attempts - (status == 200)
            self._sent.append(Sent([call["messageId"] for call in calls], attempts, status == 200))
