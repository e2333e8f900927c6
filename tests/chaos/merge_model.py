"""People with several ids, what happens to them, and what must be known of each in the end.

Made by a seed, and written so that the outcome does not depend on when a merge happens: a plain count
of the events is the model. Standard library only.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, field

ANONYMOUS = "a:"
REPEATED, REFUSED = 0.06, 0.04
MOST_LATE = 0.02  # of the people, see has_late_city
OLD_IDS = 0.05  # of the people had another known id before


@dataclass
class Person:
    """What a person is under all their ids."""
    known: str
    ids: list = field(default_factory=list)  # those that merge: "a:..." or an old known one
    orders: set = field(default_factory=set)
    spent: int = 0
    city: str = ""  # said under the known id before anything merged: it holds
    other_cities: set = field(default_factory=set)  # otherwise one of these does
    refused: bool = False

    def differences(self, audit, has_mail):
        """What an audit says otherwise, as texts."""
        found = []
        for name, wanted in (("orders", len(self.orders)), ("spent", self.spent),
                             ("name", f"name of {self.known}")):
            if audit.get(name) != wanted:
                found.append(f"{self.known}: {name} is {audit.get(name)!r}, not {wanted!r}")
        cities = {self.city} if self.city else self.other_cities or {""}
        if audit.get("city") not in cities and not self.has_late_city(audit):
            found.append(f"{self.known}: city is {audit.get('city')!r}, not of {sorted(cities)}")
        if has_mail == self.refused:
            found.append(f"{self.known}: mail {has_mail}, refused {self.refused}")
        return found


    def has_late_city(self, audit):
        """What an old id says of itself counts for the person once it has merged, and then it is
        newer than what they had said: right where a fault held the record back for so long."""
        return bool(self.city) and audit.get("city") in self.other_cities


class Story:
    """The people and their records, in the order in which they are written."""

    def __init__(self, seed, merge_count, ids_of_one=4):
        self._draw = random.Random(seed)
        self._number = 0
        self.people = [self._person(number, ids_of_one)
                       for number in range(-(-merge_count // ids_of_one))]
        self.records = []  # (key, event)
        for events in self._interleaved():
            self.records += events

    def _person(self, number, ids_of_one):
        person = Person(f"person-{number}")
        person.ids = [f"{ANONYMOUS}v-{number}-{index}" for index in range(ids_of_one)]
        if self._draw.random() < OLD_IDS:
            person.ids[0] = f"old-{number}"
        return person

    def _interleaved(self):
        """Each person's records in their order, mixed with those of others who are about."""
        about, left = [], list(self.people)
        while left or about:
            while left and len(about) < 60:
                about.append(self._life(left.pop(0)))
            life = self._draw.choice(about)
            events = next(life, None)
            if events is None:
                about.remove(life)
            else:
                yield events

    def _life(self, person):
        """First what is said under the known id, then each id's visit, its login and what is late."""
        yield self._introduce(person)
        for own in person.ids:
            for _ in range(self._draw.randrange(1, 4)):
                yield self._happen(person, own)
            city = f"city of {own}"
            person.other_cities.add(city)
            yield self._write(own, {"type": "identify", "traits": {"city": city}})
            yield self._link(person, own)
            for _ in range(self._draw.randrange(3)):
                yield self._happen(person, self._draw.choice([own, person.known]))

    def _introduce(self, person):
        traits = {"email": f"{person.known}@shop.example", "name": f"name of {person.known}"}
        if self._draw.random() < 0.5:
            person.city = traits["city"] = f"city of {person.known}"
        return self._write(person.known, {"type": "identify", "traits": traits})

    def _happen(self, person, key):
        if self._draw.random() < REFUSED:
            person.refused = True
            return self._write(key, {"type": "track", "event": "Unsubscribed"})
        order, total = f"order-{self._number}", self._draw.randrange(1, 100)
        person.orders.add(order)
        person.spent += total
        return self._write(key, {"type": "track", "event": "Order Completed",
                                 "properties": {"order_id": order, "total": total}})

    def _link(self, person, own):
        """In one of the three ways to say it."""
        if not own.startswith(ANONYMOUS):
            return self._write(person.known, {"type": "track", "event": "Person Merged",
                                              "properties": {"from": own}})
        anonymous = own.removeprefix(ANONYMOUS)
        if self._draw.random() < 0.2:
            return self._write(person.known, {"type": "alias", "previousId": anonymous})
        return self._write(person.known, {"type": "identify", "anonymousId": anonymous})

    def contradictions(self):
        """Somebody else says that an id is theirs, which it has long not been; and late events."""
        for person, other in zip(self.people, self.people[1:]):
            own = self._draw.choice(person.ids)
            if own.startswith(ANONYMOUS):
                yield from self._link(other, own)
            yield from self._happen(person, own)

    def audits(self):
        for person in self.people:
            yield from self._write(person.known, {"type": "track", "event": "Audited"})

    def _write(self, key, event):
        self._number += 1
        owner = ({"anonymousId": key.removeprefix(ANONYMOUS)} if key.startswith(ANONYMOUS)
                 else {"userId": key})
        record = (key, {**event, **owner, "messageId": f"m-{self._number}"})
        return [record] * (2 if self._draw.random() < REPEATED else 1)


def judge(people, actions):
    """Findings, as texts. `actions`: (person, body) of every committed action, decoded."""
    found = []
    audits, mails = defaultdict(list), defaultdict(int)
    of_orders = {"confirmed": defaultdict(list), "shipped": defaultdict(list)}
    firsts, ids = defaultdict(int), defaultdict(int)
    for owner, action in actions:
        ids[action["id"]] += 1
        what = action.get("url", "").rsplit("/", 1)[-1]
        if what == "audit":
            audits[owner].append(action["values"]["data"])
        elif what in of_orders:
            of_orders[what][action["values"]["data"]["order"]].append(owner)
        elif what == "first":
            firsts[owner] += 1
        else:
            mails[owner] += 1
    found += [f"the action {name} is there {count} times" for name, count in ids.items()
              if count > 1]
    late = sum(person.has_late_city(audit) for person in people for audit in audits[person.known])
    if late > max(3, len(people) * MOST_LATE):
        found.append(f"{late} people have the city of an old id, although they named one before")
    for person in people:
        found += _judge_person(person, audits[person.known], mails[person.known])
        for what, owners_of in of_orders.items():
            for order in sorted(person.orders):
                owners = owners_of.pop(order, [])
                if len(owners) != 1 or owners[0] not in (person.known, *person.ids):
                    found.append(f"{order} of {person.known} is {what} for {owners}")
        found += _judge_firsts(person, firsts)
    for what, owners_of in of_orders.items():
        found += [f"nobody ordered {order}, which is {what}" for order in owners_of]
    return found


def _judge_person(person, audits, mail_count):
    if len(audits) != 1:
        return [f"{person.known} is audited {len(audits)} times"]
    return person.differences(audits[0], mail_count == 1)


def _judge_firsts(person, firsts):
    """Each id can have come to the end before it merged; none twice."""
    ids = [person.known, *person.ids]
    found = [f"{own} of {person.known} is first {firsts[own]} times"
             for own in ids if firsts[own] > 1]
    if person.orders and not any(firsts[own] for own in ids):
        found.append(f"{person.known} is never first")
    return found
