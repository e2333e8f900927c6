"""A proxy between Kafka clients and brokers that knows where a request and an answer end.

    proxy = Proxy(brokers=1)
    with KafkaBroker(nodes=1, proxy_ports=proxy.ports) as broker, proxy:
        proxy.connect_to(broker.proxied_addresses)
        proxy.add(Fault(Api.END_TXN, Side.ANSWER, cut, times=1))

A Fault meets single requests or answers by what they ask for: once, some times, or with a seeded
probability. An effect on the side of the answer takes place when the broker has done what was asked
and the client does not know yet. What a broker tells as its own address is the proxy's
(advertised.listeners), so no connection goes round it.

Threads: everything runs on one thread of the proxy's; add(), clear() and the counts may be used
from any. Standard library only.
"""

import asyncio
import enum
import functools
import random
import struct
import threading
import time
from collections import Counter

from protocol import Api, FENCING_ERRORS, correlation_of, read_answer, read_request

LIMIT_BYTES = 64 * 1024 * 1024
CONNECT_PAUSE_SECONDS = 0.1


class Side(enum.Enum):
    REQUEST = "request"  # the broker has not seen it
    ANSWER = "answer"  # the broker has done it, the client has not heard


class Cut(Exception):
    """Both ends of the connection are closed at once."""


class Dropped(Exception):
    """This frame is not passed on; the connection stays."""


# ---- effects: coroutines that get the Passing and return to let it pass on


async def cut(_):
    raise Cut


async def drop(_):
    raise Dropped


def delay(seconds):
    async def effect(_):
        await asyncio.sleep(seconds)
    return effect


def hold(released):
    """Until the threading.Event `released` is set."""
    async def effect(_):
        while not released.is_set():
            await asyncio.sleep(0.01)
    return effect


def call(function, then=None):
    """Calls function(passing) on the proxy's thread, then has the effect `then`."""
    async def effect(passing):
        function(passing)
        if then:
            await then(passing)
    return effect


def name_of(api):
    return Api(api).name if api in Api._value2member_map_ else f"API {api}"


class Passing:
    """A request, or the answer to it, on its way; `broker` counts those behind the proxy."""

    def __init__(self, side, request, broker):
        self.side, self.request, self.broker = side, request, broker

    def __str__(self):
        return f"{name_of(self.request.api)}, {self.side.value}, of {self.request.client}"


class Fault:
    """What shall happen to which frames.

    `client`: only of this client.id; `times`: so often at most; `probability`: of each that fits,
    by the proxy's seed; `wanted`: a function of the Passing. `hits` counts.
    """

    def __init__(self, api, side, effect, *, client=None, times=None, probability=1.0, wanted=None):
        self.apis = {api} if isinstance(api, int) else set(api)
        self.side, self.effect, self.client = side, effect, client
        self.times, self.probability, self.wanted = times, probability, wanted
        self.hits = 0

    def fits(self, passing, draw):
        request = passing.request
        if passing.side != self.side or request.api not in self.apis:
            return False
        if self.client is not None and request.client != self.client:
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        if self.wanted and not self.wanted(passing):
            return False
        return self.probability >= 1.0 or draw.random() < self.probability


class Proxy:
    """Listens on a port for each broker from the beginning; connects when it is told where to."""

    def __init__(self, seed=0, brokers=1):
        self._draw = random.Random(seed)
        self._upstreams = []
        self.ports = []
        self._faults = []
        self._lock = threading.Lock()  # guards all below that is not said to be the thread's
        self.passed = Counter()  # (api, side) -> frames passed on
        self.fenced = Counter()  # (client, api, error) -> answers that turn a client away
        self.generations = set()
        self._open_transactions = {}  # transactional id -> client.id
        self._loop = asyncio.new_event_loop()
        self._connections = set()  # of the thread
        listening = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(brokers, listening), daemon=True)
        self._thread.start()
        listening.wait()

    def connect_to(self, addresses):
        """(host, port) of each broker, in the order of the ports."""
        self._upstreams = addresses

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    # ---- faults and what was seen

    def add(self, fault):
        with self._lock:
            self._faults.append(fault)
        return fault

    def remove(self, fault):
        with self._lock:
            if fault in self._faults:
                self._faults.remove(fault)

    def clear(self):
        with self._lock:
            self._faults.clear()

    def open_transactions(self, client):
        """How many transactions a client has begun and not ended, by what has passed here."""
        with self._lock:
            return sum(owner == client for owner in self._open_transactions.values())

    def left_open(self):
        """The transactional ids of all transactions that were begun and not ended, with their
        clients. What ended by its timeout is among them."""
        with self._lock:
            return dict(self._open_transactions)

    def cut_all(self, client=None):
        """Closes every connection, or those of a client."""
        self._loop.call_soon_threadsafe(self._cut_all, client)

    def wait_for(self, condition, timeout):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if condition():
                return True
            time.sleep(0.01)
        return False

    # ---- on the proxy's thread

    def _run(self, brokers, listening):
        asyncio.set_event_loop(self._loop)
        servers = [self._loop.run_until_complete(asyncio.start_server(
            functools.partial(self._serve, broker), "127.0.0.1", 0, limit=LIMIT_BYTES))
                   for broker in range(brokers)]
        self.ports = [server.sockets[0].getsockname()[1] for server in servers]
        listening.set()
        self._loop.run_forever()
        for server in servers:
            server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    def _cut_all(self, client):
        for connection in list(self._connections):
            if client is None or connection.client == client:
                connection.close()

    async def _serve(self, broker, reader, writer):
        connection = _Connection(self, reader, writer, broker)
        self._connections.add(connection)
        try:
            await connection.run(self._upstreams[broker])
        finally:
            self._connections.discard(connection)
            connection.close()

    def fault_for(self, passing):
        with self._lock:
            for fault in self._faults:
                if fault.fits(passing, self._draw):
                    fault.hits += 1
                    return fault
        return None

    def note(self, passing, answer=None):
        """Counts what passes on; an answer is counted even where the client will not hear it."""
        request = passing.request
        with self._lock:
            self.passed[request.api, passing.side] += 1
            if passing.side is Side.REQUEST:
                return self._note_request(request)
            self._note_answer(request, answer)

    def _note_request(self, request):
        if request.transactional_id and request.api in (Api.ADD_PARTITIONS_TO_TXN, Api.PRODUCE):
            self._open_transactions[request.transactional_id] = request.client

    def _note_answer(self, request, answer):
        if request.api in (Api.END_TXN, Api.INIT_PRODUCER_ID) and not answer.errors:
            self._open_transactions.pop(request.transactional_id, None)
        if answer.generation is not None:
            self.generations.add(answer.generation)
        # A member that joins for the first time is told its name by an error.
        if request.api != Api.JOIN_GROUP:
            for error in FENCING_ERRORS.intersection(answer.errors):
                self.fenced[request.client, name_of(request.api), error] += 1


class _Connection:
    """One client's connection and the one to the broker behind it."""

    def __init__(self, proxy, reader, writer, broker):
        self._proxy, self._reader, self._writer, self._broker = proxy, reader, writer, broker
        self._upstream_writer = None
        self._asked = {}  # correlation -> Request
        self.client = None

    def close(self):
        for writer in (self._writer, self._upstream_writer):
            if writer:
                writer.transport.abort()

    async def run(self, upstream):
        try:
            upstream_reader, self._upstream_writer = await asyncio.open_connection(
                *upstream, limit=LIMIT_BYTES)
        except OSError:
            await asyncio.sleep(CONNECT_PAUSE_SECONDS)
            return
        pumps = [asyncio.ensure_future(self._pump(self._reader, self._upstream_writer,
                                                  self._on_request)),
                 asyncio.ensure_future(self._pump(upstream_reader, self._writer,
                                                  self._on_answer))]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()

    async def _pump(self, reader, writer, on_frame):
        """Frame by frame until an end is closed; what is late delays what is behind it."""
        try:
            while True:
                length = await reader.readexactly(4)
                frame = await reader.readexactly(struct.unpack(">i", length)[0])
                try:
                    await on_frame(frame)
                except Dropped:
                    continue
                writer.write(length + frame)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError, Cut):
            return

    async def _on_request(self, frame):
        request = read_request(frame)
        self.client = request.client
        passing = Passing(Side.REQUEST, request, self._broker)
        await self._apply(passing)
        self._asked[request.correlation] = request
        self._proxy.note(passing)

    async def _on_answer(self, frame):
        request = self._asked.pop(correlation_of(frame), None)
        if request is None:
            return
        passing = Passing(Side.ANSWER, request, self._broker)
        self._proxy.note(passing, read_answer(request, frame))
        await self._apply(passing)

    async def _apply(self, passing):
        fault = self._proxy.fault_for(passing)
        if fault:
            await fault.effect(passing)
