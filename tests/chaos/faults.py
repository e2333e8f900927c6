"""The faults, drawn by a seed, and what is counted of them.

A deck holds every kind of fault as often as DECK says; it is shuffled, played, and shuffled again
as long as there is time; the first is played to its end however slow the machine is. So any run has
seen every kind, and a seed repeats the order (not the moment within a transaction, which is the
machine's).

For Debian's own Python: it has python3-confluent-kafka.
"""

import shutil
import signal
import time
from collections import Counter

from protocol import Api
from proxy import Fault, Side, call, cut, delay, drop

# Longer than session and transaction timeout (10 s), the coordinator's look-out included.
PAST_TIMEOUTS_SECONDS = 15
READY_SECONDS = STOP_SECONDS = 120
HEAL_SECONDS = 300
MEET_SECONDS = 20  # how long a fault waits for its request
GROUP_APIS = (Api.HEARTBEAT, Api.JOIN_GROUP, Api.SYNC_GROUP, Api.OFFSET_FETCH)
# Requests of an open transaction, and which of them must not reach the broker.
IN_TRANSACTION = ((Api.ADD_PARTITIONS_TO_TXN, Side.ANSWER, None), (Api.PRODUCE, Side.REQUEST, None),
                  (Api.PRODUCE, Side.ANSWER, None), (Api.TXN_OFFSET_COMMIT, Side.REQUEST, None),
                  (Api.TXN_OFFSET_COMMIT, Side.ANSWER, None), (Api.END_TXN, Side.REQUEST, drop))
AT_COMMIT = ((Api.END_TXN, Side.REQUEST, None), (Api.END_TXN, Side.ANSWER, None))
TRANSACTION_APIS = (Api.ADD_PARTITIONS_TO_TXN, Api.PRODUCE, Api.ADD_OFFSETS_TO_TXN,
                    Api.TXN_OFFSET_COMMIT, Api.END_TXN)

DECK = {"kill": 2, "kill_in_transaction": 4, "kill_at_commit": 2, "pause": 1,
        "pause_in_transaction": 2, "lose_disk": 1, "stale_disk": 1,
        "failing_disk": 1, "cut_off": 1, "broker_restart": 1,
        "broker_dies_at_commit": 1, "leave_and_join": 1, "answer_lost": 3, "request_lost": 2,
        "slow_commit": 1, "slow_fetch": 1, "group_trouble": 1, "all_connections_cut": 1,
        "unlucky": 1, "reload": 2}


class Faults:
    """Plays on a Shop from the thread that calls play(), which is the broker's, too."""

    def __init__(self, shop, draw, tell):
        self._shop, self._proxy, self._draw, self._tell = shop, shop.proxy, draw, tell
        self.counts = Counter()
        self._down_until = {}  # instance -> when it is started again

    def play(self, until):
        """Until the moment (monotonic), and at least one deck."""
        while True:
            deck = [kind for kind, times in DECK.items() for _ in range(times)]
            self._draw.shuffle(deck)
            for kind in deck:
                if self.counts["decks"] > 0 and time.monotonic() > until:
                    return
                self._tell(kind)
                getattr(self, f"_{kind}")()
                self.counts["faults"] += 1
                self._breathe()
            self.counts["decks"] += 1
            if time.monotonic() > until:
                return

    def kill_one(self):
        """kill -9, without any luck."""
        self._kill()

    def heal(self):
        """Everything runs and nothing stands between."""
        self._proxy.clear()
        for name in list(self._shop.failing):
            self._shop.signal(name, signal.SIGKILL)
            self._shop.instances[name].process.wait()
        for name in list(self._down_until):
            self._spawn(name)
        deadline = time.monotonic() + HEAL_SECONDS
        while not all(map(self._shop.is_ready, self._shop.instances)):
            assert time.monotonic() < deadline, f"not ready {HEAL_SECONDS} s after the last fault"
            self._check_alive()
            time.sleep(0.5)

    def keep_down(self, name):
        """Kills an instance, which stays away until start() or heal()."""
        self._shop.signal(name, signal.SIGKILL)
        self._shop.instances[name].process.wait()
        self._down_until[name] = float("inf")
        self.counts["kills"] += 1

    def start(self, name):
        self._spawn(name)

    # ---- helpers

    def _breathe(self):
        """Some seconds between two faults, so that most of them meet work and not the last one's
        repair; those whose time has come are started again."""
        end = time.monotonic() + self._draw.uniform(0.5, 4)
        while time.monotonic() < end or len(self._down_until) + len(self._shop.failing) > 1:
            self._check_alive()
            for name, moment in list(self._down_until.items()):
                if time.monotonic() >= moment:
                    self._spawn(name)
            time.sleep(0.05)

    def _spawn(self, name):
        self._down_until.pop(name, None)
        self._shop.spawn(name)
        self.counts["instance starts"] += 1

    def _check_alive(self):
        given_up = self._shop.revive(self._down_until)
        self.counts["starts given up"] += given_up
        self.counts["instance starts"] += given_up

    def _up(self):
        self._check_alive()
        failing = self._shop.failing
        return [name for name in self._shop.instances if name not in failing | set(self._down_until)]

    def _gone(self, name):
        """Killed: comes back at once, or so late that the group has noticed."""
        self._shop.instances[name].process.wait()
        late = self._draw.random() < 0.4
        wait = self._draw.uniform(11, 14) if late else self._draw.uniform(0.2, 4)
        self._down_until[name] = time.monotonic() + wait
        self.counts["kills"] += 1

    def meet(self, fault, what):
        """Waits until a fault has met all that it should; then it is taken away."""
        self._proxy.add(fault)
        met = self._proxy.wait_for(lambda: fault.hits >= fault.times, MEET_SECONDS)
        self._proxy.remove(fault)
        self.counts[f"{what} (proxy)"] += fault.hits
        if not met:
            self._tell(f"  {what}: met {fault.hits} of {fault.times}")
        return met

    def _signal_at(self, places, number):
        """A signal to whoever's frame passes; the instance's name, None where none came by."""
        api, side, then = self._draw.choice(places)
        hit, up = [], self._up()

        def strike(passing):
            self._shop.signal(passing.request.client, number)
            is_open = self._proxy.open_transactions(passing.request.client) > 0
            hit.append((passing.request.client, is_open))
        fault = Fault(api, side, call(strike, then=then), times=1,
                      wanted=lambda passing: passing.request.client in up
                      and passing.request.transactional_id is not None)
        self._tell(f"  at {api.name}, {side.value}")
        if not self.meet(fault, "signals"):
            return None, False
        self._proxy.wait_for(lambda: hit, 5)
        return hit[0]

    # ---- processes

    def _kill(self):
        name = self._draw.choice(self._up())
        self._shop.signal(name, signal.SIGKILL)
        self._gone(name)

    def _kill_in_transaction(self):
        name, is_open = self._signal_at(IN_TRANSACTION, signal.SIGKILL)
        if name:
            self._gone(name)
            self.counts["kills inside open transactions"] += is_open

    def _kill_at_commit(self):
        """The commit is asked for, or done, and nobody is there to hear of it."""
        name, _ = self._signal_at(AT_COMMIT, signal.SIGKILL)
        if name:
            self._gone(name)
            self.counts["kills at a commit"] += 1

    def _pause(self):
        """Shorter than a session: nobody takes over."""
        name = self._draw.choice(self._up())
        self._shop.signal(name, signal.SIGSTOP)
        time.sleep(self._draw.uniform(1, 6))
        self._shop.signal(name, signal.SIGCONT)
        self.counts["pauses"] += 1

    def _pause_in_transaction(self):
        """Past every timeout: when it wakes up, others have its partitions."""
        name, is_open = self._signal_at(IN_TRANSACTION[:-1] + AT_COMMIT[:1], signal.SIGSTOP)
        if name:
            time.sleep(PAST_TIMEOUTS_SECONDS)
            self._shop.signal(name, signal.SIGCONT)
            self.counts["pauses"] += 1
            self.counts["pauses past timeouts in open transactions"] += is_open

    def _lose_disk(self):
        """Killed, and what it kept is gone: its state comes from the changelog alone."""
        name = self._draw.choice(self._up())
        self._shop.signal(name, signal.SIGKILL)
        self._gone(name)
        shutil.rmtree(self._shop.instances[name].data)
        self.counts["disks lost"] += 1

    def _stale_disk(self):
        """Killed, and what it kept is put back to an older copy of itself: what came since then
        comes from the changelog."""
        name = self._draw.choice(self._up())
        data = self._shop.instances[name].data
        copy = data.with_name("stale")
        self._shop.signal(name, signal.SIGKILL)
        self._shop.instances[name].process.wait()
        shutil.copytree(data, copy)
        self._spawn(name)
        self._proxy.wait_for(lambda: self._shop.is_ready(name), READY_SECONDS)
        self._breathe()
        self._shop.signal(name, signal.SIGKILL)
        self._gone(name)
        shutil.rmtree(data)
        copy.rename(data)
        self.counts["disks put back"] += 1

    def _failing_disk(self):
        """Its next write to a file fails: it ends, and is started again."""
        name = self._draw.choice(self._up())
        self._shop.fail_disk(name)
        if self._draw.random() < 0.5:  # else it writes when it likes to
            self._shop.signal(name, signal.SIGTERM)
        self.counts["disks that failed"] += 1

    def _leave_and_join(self):
        name = self._draw.choice(self._up())
        # One that has hardly begun takes the signal as anything does that has no handler yet.
        self._proxy.wait_for(lambda: self._shop.is_ready(name), READY_SECONDS)
        self._check_alive()
        self._shop.instances[name].stop(STOP_SECONDS)
        self._down_until[name] = time.monotonic() + self._draw.uniform(1, 8)
        self.counts["orderly leaves"] += 1

    def _reload(self):
        self._shop.reload()
        self.counts["reloads"] += 1

    # ---- the broker and the way to it

    def _broker_restart(self):
        node = self._draw.randrange(self._shop.broker_count)
        self._shop.broker.kill(node)
        self._broker_comes_back(node)

    def _broker_comes_back(self, node):
        time.sleep(self._draw.uniform(0, 3))
        self._shop.broker.restart(node)
        self.counts["broker restarts"] += 1

    def _broker_dies_at_commit(self):
        """Before or after it has noted the end of a transaction; markers may be missing."""
        node = self._draw.randrange(self._shop.broker_count)
        fault = Fault(Api.END_TXN, self._draw.choice(list(Side)),
                      call(lambda _: self._shop.broker.kill(node)), times=1)
        if self.meet(fault, "broker deaths"):
            self._broker_comes_back(node)

    def _cut_off(self):
        """One instance does not reach the broker for longer than a session."""
        name = self._draw.choice(self._up())
        fault = Fault(tuple(range(100)), Side.REQUEST, cut, client=name)
        self._proxy.add(fault)
        self._proxy.cut_all(name)
        time.sleep(PAST_TIMEOUTS_SECONDS)
        self._proxy.remove(fault)
        self.counts["instances cut off"] += 1

    def _all_connections_cut(self):
        self._proxy.cut_all()
        self.counts["all connections cut"] += 1

    def _answer_lost(self):
        """The broker has done it; the client must find that out."""
        api = self._draw.choice(TRANSACTION_APIS)
        self.meet(Fault(api, Side.ANSWER, self._draw.choice((cut, cut, drop)),
                         times=self._draw.randrange(1, 3)), "answers lost")

    def _request_lost(self):
        api = self._draw.choice(TRANSACTION_APIS)
        self.meet(Fault(api, Side.REQUEST, self._draw.choice((cut, cut, drop)),
                         times=self._draw.randrange(1, 3)), "requests lost")

    def _slow_commit(self):
        """Slower than the engine waits for: the outcome is not known to it."""
        self.meet(Fault(Api.END_TXN, self._draw.choice(list(Side)),
                         delay(self._draw.uniform(1.2, 3)), times=2), "slow commits")

    def _slow_fetch(self):
        self.meet(Fault(Api.FETCH, Side.ANSWER, delay(self._draw.uniform(0.5, 3)), times=3),
                   "slow fetches")

    def _group_trouble(self):
        self.meet(Fault(GROUP_APIS, self._draw.choice(list(Side)),
                         self._draw.choice((cut, drop, delay(2))), times=2), "group requests lost")

    def _unlucky(self):
        """For some seconds, one request in fifty of every kind fails."""
        fault = Fault(tuple(range(100)), self._draw.choice(list(Side)), cut, probability=0.02)
        self._proxy.add(fault)
        time.sleep(self._draw.uniform(3, 8))
        self._proxy.remove(fault)
        self.counts["cut by chance (proxy)"] += fault.hits
