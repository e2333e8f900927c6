#!/usr/bin/env python3
"""The judge of merges (tests/chaos/merge_model.py) finds what is planted, and nothing where all is well."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos"))
from cases import run_cases  # noqa: E402
from merge_model import Story, judge  # noqa: E402

SHOP = "https://shop.example/"


def perfect(story):
    """What the engine would do if every id merged at once, as a list that may be changed."""
    actions = []

    def add(owner, what, **data):
        action = {"id": f"act-{len(actions)}", "values": {"data": data}}
        actions.append((owner, action | ({"url": SHOP + what} if what else {"template": "news"})))
    for person in story.people:
        for order in sorted(person.orders):
            add(person.known, "confirmed", order=order)
            add(person.known, "shipped", order=order)
        if person.orders:
            add(person.known, "first")
        city = person.city or min(person.other_cities, default="")
        add(person.known, "audit", orders=len(person.orders), spent=person.spent, city=city,
            name=f"name of {person.known}")
        if not person.refused:
            add(person.known, "")
    return actions


def where(actions, what):
    return next(index for index, (_, action) in enumerate(actions)
                if action.get("url", "").endswith(what) and (what or "template" in action))


def test_finds_nothing_where_all_is_well():
    story = Story(3, 80)
    assert judge(story.people, perfect(story)) == []


def test_finds_what_is_planted():
    story = Story(3, 80)
    for what in ("confirmed", "shipped", "first", "audit", ""):
        actions = perfect(story)
        del actions[where(actions, what)]
        assert judge(story.people, actions), f"{what or 'mail'} is lost, and nothing is said"
    for what in ("confirmed", "shipped", "first", "audit", ""):
        actions = perfect(story)
        owner, action = actions[where(actions, what)]
        actions.append((owner, {**action, "id": "act-other"}))
        assert judge(story.people, actions), f"{what or 'mail'} is doubled, and nothing is said"
    for name, value in (("orders", 99), ("spent", -1), ("city", "elsewhere"), ("name", "Eve")):
        actions = perfect(story)
        actions[where(actions, "audit")][1]["values"]["data"][name] = value
        assert judge(story.people, actions), f"{name} is wrong, and nothing is said"


def test_finds_one_id_twice_and_an_order_of_nobody():
    story = Story(3, 80)
    actions = perfect(story)
    actions[1][1]["id"] = actions[0][1]["id"]
    assert any("2 times" in text for text in judge(story.people, actions))
    actions = perfect(story)
    actions[where(actions, "shipped")][1]["values"]["data"]["order"] = "order-nobody"
    assert any("nobody ordered" in text for text in judge(story.people, actions))
    actions = perfect(story)
    index = where(actions, "confirmed")
    actions[index] = ("somebody else", actions[index][1])
    assert any("is confirmed for" in text for text in judge(story.people, actions))


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
