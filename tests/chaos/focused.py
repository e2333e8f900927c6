"""Short runs of chaos, each with the one fault that brings a kind of mistake to light.

Each is a Chaos with a strike of its own; mutants.py says which mutant each of them must find. Every
run must be `ok` where the engine makes no mistake.

For Debian's own Python: it has python3-confluent-kafka.
"""

import contextlib
import signal
import threading
import time

from confluent_kafka.admin import AdminClient, ConfigResource

from chaos import Chaos
from protocol import Api
from proxy import Fault, Side, call, delay, drop, hold
from shop import ACTIONS, PARTITIONS

WRITE_SECONDS = 5
MIN_ACTIONS = 100
# Takes the end of a transaction, which the broker writes itself, and no action.
MARKER_BYTES = 120


class Focused(Chaos):
    minimum = ("kills", 0)  # what must have happened, and how often, for the run to mean anything

    def minima(self, decks):
        del decks
        return {"expected actions": MIN_ACTIONS, self.minimum[0]: self.minimum[1]}


class KillInTransaction(Focused):
    """kill -9 as records of a transaction are asked to be written, or are; back at once."""
    minimum = ("kills", 4)

    def strike(self, shop, faults, writer):
        for side in (Side.REQUEST, Side.ANSWER) * 3:
            time.sleep(2)
            self._kill_at(shop, faults, side)

    def _kill_at(self, shop, faults, side):
        """A mutant's records may be in no transaction, so that any instance's will do."""
        hit = []

        def strike(passing):
            shop.signal(passing.request.client, signal.SIGKILL)
            hit.append(passing.request.client)
        faults.meet(Fault(Api.PRODUCE, side, call(strike), times=1,
                          wanted=lambda passing: passing.request.client in shop.instances), "kills")
        if shop.proxy.wait_for(lambda: hit, 5):
            shop.instances[hit[0]].process.wait()
            faults.counts["kills"] += 1
            shop.spawn(hit[0])


class LateZombie(Focused):
    """One instance is not heard of any more, and stands still with a transaction that it is about
    to begin; when it goes on, another has its partitions. Only timers are left to fire by then."""
    minimum = ("zombies", 1)
    victim = "instance-1"

    def strike(self, shop, faults, writer):
        time.sleep(WRITE_SECONDS)
        proxy, released, others = shop.proxy, threading.Event(), []
        silent = proxy.add(Fault(Api.HEARTBEAT, Side.REQUEST, drop, client=self.victim))
        writer.stop()
        time.sleep(5.5)  # The group gives it up after 7 to 10 seconds.
        stop = call(lambda _: shop.signal(self.victim, signal.SIGSTOP), then=hold(released))
        stopped = proxy.add(Fault(Api.ADD_PARTITIONS_TO_TXN, Side.REQUEST, stop, client=self.victim,
                                  times=1))
        assert proxy.wait_for(lambda: stopped.hits, 5), "nothing was to be committed"
        began, generations = time.monotonic(), len(proxy.generations)
        proxy.wait_for(lambda: len(proxy.generations) > generations, 8)
        committed = proxy.add(Fault(Api.END_TXN, Side.ANSWER, call(others.append),
                                    wanted=lambda passing: passing.request.client != self.victim))
        # What it was about to do waits no longer than the ten seconds of a transaction.
        while time.monotonic() - began < 8.5 and len(others) < 6:
            time.sleep(0.05)
        self.tell(f"  stood for {time.monotonic() - began:.1f} s: {len(others)} other commits")
        faults.counts["zombies"] += len(others) > 0
        for fault in (silent, stopped, committed):
            proxy.remove(fault)
        released.set()
        shop.signal(self.victim, signal.SIGCONT)


class SlowCommit(Focused):
    """The answer to a commit comes later than the engine waits for it."""
    minimum = ("slow commits (proxy)", 4)

    def strike(self, shop, faults, writer):
        for _ in range(4):
            time.sleep(1.5)
            faults.meet(Fault(Api.END_TXN, Side.ANSWER, delay(2), times=1), "slow commits")


class ActionsRefused(Focused):
    """For some seconds the broker takes no record of the actions topic, and of all others any."""
    minimum = ("rollbacks (log)", 3)

    def strike(self, shop, faults, writer):
        time.sleep(WRITE_SECONDS)
        for _ in range(2):
            self._set_limit(shop, MARKER_BYTES)
            time.sleep(3)
            self._set_limit(shop, 2 * 1024 * 1024)
            time.sleep(3)

    def _set_limit(self, shop, limit_bytes):
        admin = AdminClient({"bootstrap.servers": shop.broker.bootstrap})
        resource = ConfigResource(ConfigResource.Type.TOPIC, ACTIONS,
                                  {"max.message.bytes": str(limit_bytes)})
        for future in admin.alter_configs([resource]).values():
            future.result(10)
        self.tell(f"  records of at most {limit_bytes} bytes")


class FullQueue(Focused):
    """Intervals are larger than what the producer's queue takes at once."""
    minimum = ("pauses", 3)

    def __init__(self, *arguments):
        super().__init__(*arguments, properties={"queue.buffering.max.messages": 8})

    def strike(self, shop, faults, writer):
        for _ in range(3):
            time.sleep(2)
            for number in (signal.SIGSTOP, signal.SIGCONT):
                for name in shop.instances:
                    shop.signal(name, number)
                time.sleep(2)
            faults.counts["pauses"] += 1


class OutdatedRules(Focused):
    """An instance begins anew with rules that were replaced since."""
    minimum = ("orderly leaves", 1)
    draft, final = "https://shop.example/draft", "https://shop.example/seen"
    path = "journeys/seen.yaml"

    def __init__(self, *arguments):
        super().__init__(*arguments, change_rules=self._to_draft)

    def _to_draft(self, rules):
        text = (rules / self.path).read_text()
        assert self.final in text
        (rules / self.path).write_text(text.replace(self.final, self.draft))

    def prepare(self, shop):
        for sojourn in shop.instances.values():
            text = (sojourn.rules / self.path).read_text()
            (sojourn.rules / self.path).write_text(text.replace(self.draft, self.final))
        shop.read_rules()
        for sojourn in shop.instances.values():
            sojourn.wait_for(lambda sojourn=sojourn: all(
                number == 2 for _, number in sojourn.samples("sojourn_rules_bundle")), 60,
                             "the second rules")

    def strike(self, shop, faults, writer):
        time.sleep(WRITE_SECONDS)
        name = next(iter(shop.instances))
        shop.instances[name].stop()
        faults.counts["orderly leaves"] += 1
        self._to_draft(shop.instances[name].rules)
        shop.spawn(name)
        with contextlib.suppress(AssertionError):  # It may end; that is told.
            shop.instances[name].wait_ready()
        time.sleep(WRITE_SECONDS)


class MarkersHeld(Focused):
    """A commit is done, but one broker is not told yet; whoever takes over must wait for that.

    Of two brokers: the one that keeps the group's offsets knows, so that they are stable, and the
    other, which has half of the changelog, does not.
    """
    minimum = ("markers held", 1)
    first, second = "instance-1", "instance-2"

    def __init__(self, *arguments):
        super().__init__(*arguments, broker_properties={"inter.broker.listener.name": "PROXIED"})

    def strike(self, shop, faults, writer):
        proxy, released = shop.proxy, threading.Event()
        faults.keep_down(self.second)  # When it comes back it has no transaction of its own to end.
        self._wait_owner(shop, self.first)
        beat = []
        proxy.add(Fault(Api.HEARTBEAT, Side.REQUEST, call(beat.append), times=1, client=self.first))
        assert proxy.wait_for(lambda: beat, 10)
        held = proxy.add(Fault(Api.WRITE_TXN_MARKERS, Side.REQUEST, hold(released),
                               wanted=lambda passing: passing.broker != beat[0].broker))
        assert proxy.wait_for(lambda: held.hits, 20), "no markers were to be written"
        time.sleep(2)
        faults.keep_down(self.first)
        writer.stop()
        faults.start(self.second)
        time.sleep(20)  # The first one's session, and some time to restore.
        faults.counts["markers held"] += held.hits
        proxy.remove(held)
        released.set()

    def _wait_owner(self, shop, name):
        def owns_all():
            samples = shop.instances[name].samples("sojourn_partition_restoring")
            return len(samples) == PARTITIONS and not any(value for _, value in samples)
        shop.instances[name].wait_for(owns_all, 60, "owning every partition")


class ClockJumps(Focused):
    """The wall clocks of the instances jump, forward and back, each for itself. Not by more than
    five seconds behind the broker's: then the engine takes its own time for a record's."""
    minimum = ("clock jumps", 12)

    def __init__(self, *arguments):
        super().__init__(*arguments, own_clocks=True)

    def strike(self, shop, faults, writer):
        for ahead in (4, -4, 0, 3, 0, -3, 0):
            for number, name in enumerate(shop.instances):
                shop.set_clock(name, ahead if number == 0 else -ahead)
                faults.counts["clock jumps"] += 1
            time.sleep(3)
