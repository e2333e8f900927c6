"""In which orders a person's records and timers may have been handled, and whether one of them
gives the actions that were found.

The rule is: records in the order of log time, topic and offset, and before a record with logical
time T every timer that is due before T. That is a function of the committed input, except where a
record was not readable yet when the engine went on without it. So two deviations are allowed, and
counted:

- late record: a timer fired though a record with an earlier or the same log time was in the log;
- overtaking: a record of one topic was taken before an earlier one of another topic.

Both are allowed for log times at most LATE_MS apart, and no more: a process that has not heard of a
record for longer than the session timeout (10 s) is no member of the group any more, and what it
does cannot be committed. The second on top is for the broker, which stamps a record before it can
be read.

The embedded log knows at every moment what is in it: there neither is allowed (NEVER_LATE).

Nothing else is free: within a topic the order stands, each timer fires at the moment it is due, and
every action's content, logical time, entry number and cause must be those of the order found.
Standard library only.
"""

from model import NEVER, Person

LATE_MS = 11_000
NEVER_LATE = -1
MAX_MOVES = 50_000


class Found:
    """What a search came to: the expected outputs move by move, and how far they were met."""

    def __init__(self):
        self.met = False
        self.exhausted = True  # False: given up before every order was tried.
        self.moves = []  # [(cause or (), [Output])], all of the best order
        self.late = self.overtaken = 0


class _Branch:
    """A way that has been gone so far: a state, and how it came about."""

    def __init__(self, person, heads, position, trail, late, overtaken):
        self.person, self.heads, self.position = person, heads, position
        self.trail = trail  # (previous trail, outputs), so that branches share it
        self.late, self.overtaken = late, overtaken


def topics_of(records):
    """Per topic, in the order of topics, the records of a person in the order of offsets."""
    names = sorted({record.topic for record in records})
    return [sorted((record for record in records if record.topic == name),
                   key=lambda record: record.offset) for name in names]


def search(records, topic_order, matches, total, late_ms=LATE_MS):
    """Looks for an order whose n-th output matches(n, output) for all n below `total`."""
    queues = sorted(topics_of(records), key=lambda queue: topic_order.index(queue[0].topic))
    found, best_position, moves = Found(), -1, 0
    stack = [_Branch(Person(), (0,) * len(queues), 0, None, 0, 0)]
    best = stack[0]
    while stack:
        branch = stack.pop()
        choices = _choices(branch, queues, late_ms)
        if not choices and branch.position == total:
            return _result(found, branch, met=True)
        if branch.position > best_position:
            best, best_position = branch, branch.position
        moves += 1
        if moves > MAX_MOVES:
            found.exhausted = False
            break
        for choice in reversed(choices):
            following = _move(branch, queues, choice, matches, total)
            if following:
                stack.append(following)
    return _result(found, _finish(best, queues), met=False)


def by_rule(records, topic_order):
    """The outputs move by move where no record was late and no topic overtook another."""
    return search(records, topic_order, lambda n, output: False, 0).moves


def _pending(branch, queues):
    """The next record of each topic, as (record, topic index), in the order of the rule."""
    heads = [(queue[head], index) for index, (queue, head) in enumerate(zip(queues, branch.heads))
             if head < len(queue)]
    return sorted(heads, key=lambda item: (item[0].log_ms, item[1]))


def _choices(branch, queues, late_ms=LATE_MS):
    """What may come next, the rule's choice first: None is a timer, a number a topic's head."""
    pending = _pending(branch, queues)
    due_ms = branch.person.next_due_ms()
    if not pending:
        return [] if due_ms == NEVER else [(None, 0, 0)]
    first, index = pending[0]
    if due_ms < branch.person.logical_ms(first):
        return [(None, 0, 0)]
    choices = [(index, 0, 0)]
    choices += [(other, 0, 1) for record, other in pending[1:]
                if record.log_ms - first.log_ms <= late_ms
                and due_ms >= branch.person.logical_ms(record)]
    if due_ms - first.log_ms <= late_ms:
        choices.append((None, 1, 0))
    return choices


def _step(branch, queues, choice):
    index, late, overtaken = choice
    person = branch.person.copy()
    heads = list(branch.heads)
    if index is None:
        outputs = person.fire()
    else:
        outputs = person.take(queues[index][heads[index]])
        heads[index] += 1
    return _Branch(person, tuple(heads), branch.position + len(outputs), (branch.trail, outputs),
                   branch.late + late, branch.overtaken + overtaken)


def _move(branch, queues, choice, matches, total):
    """The branch that a choice leads to; None where its outputs are not those that were found."""
    following = _step(branch, queues, choice)
    outputs = following.trail[1]
    if following.position > total:
        return None
    if all(matches(branch.position + n, output) for n, output in enumerate(outputs)):
        return following
    return None


def _finish(branch, queues):
    """Goes on by the rule alone: what should have come where the search got stuck."""
    while choices := _choices(branch, queues):
        branch = _step(branch, queues, choices[0])
    return branch


def _result(found, branch, met):
    found.met, found.late, found.overtaken = met, branch.late, branch.overtaken
    trail = branch.trail
    while trail is not None:
        trail, outputs = trail
        found.moves.append(outputs)
    found.moves.reverse()
    return found
