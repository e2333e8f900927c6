"""Made-up web, email and purchase events, so that every demo journey has something to do.

The CDNOW history holds nothing but orders. These forty people do not exist: their ids begin with
`sample-`, and each of their events says "made up for the demo" in its context. Each story below is
lived by five of them, on different days of spring 1997.
"""

from datetime import datetime, timedelta, timezone

LABEL = "made up for the demo"
PEOPLE_PER_STORY = 5
FIRST_DAY = datetime(1997, 2, 3, 15, 0, tzinfo=timezone.utc)

BLUE_TRAIN = {"product_id": "p-107", "title": "Blue Train", "artist": "John Coltrane",
              "price": 23.5}
KIND_OF_BLUE = {"product_id": "p-212", "title": "Kind of Blue", "artist": "Miles Davis",
                "price": 21.0}
IDLE_MOMENTS = {"product_id": "p-318", "title": "Idle Moments", "price": 19.8}


def days(count):
    return timedelta(days=count)


def hours(count):
    return timedelta(hours=count)


def checkout(order, value, item_count, top_item):
    return "Checkout Started", {"order_id": order, "value": value, "item_count": item_count,
                                "top_item": top_item}


def bought(order, total, quantity):
    return "Order Completed", {"order_id": order, "total": total, "currency": "USD",
                               "quantity": quantity}


# A story: name -> [(time after its beginning, (event, properties))]. "o1" becomes an order id of
# the person.
STORIES = {
    "newcomer who only reads": [
        (hours(0), ("Signed Up", {"source": "footer"})),
        (hours(1), ("Email Opened", {})),
    ],
    "newcomer who listens and buys": [
        (hours(0), ("Signed Up", {"source": "friend"})),
        (hours(1), ("Product Viewed", BLUE_TRAIN)),
        (days(3), checkout("o1", 23.5, 1, "Blue Train")),
        (days(3) + hours(0.2), bought("o1", 23.5, 1)),
    ],
    "leaves a full cart": [
        (hours(0), ("Product Viewed", KIND_OF_BLUE)),
        (hours(0.3), checkout("o1", 88.3, 4, "Kind of Blue")),
        (hours(3), ("Email Opened", {})),
    ],
    "leaves a small cart, clicks, buys": [
        (hours(0), checkout("o1", 19.8, 1, "Idle Moments")),
        (hours(2), ("Email Link Clicked", {})),
        (hours(2.2), bought("o1", 19.8, 1)),
    ],
    "leaves a small cart for good": [
        (hours(0), checkout("o1", 21.0, 1, "Kind of Blue")),
    ],
    "comes back to a record": [
        (hours(0), ("Product Viewed", IDLE_MOMENTS)),
        (hours(1.5), ("Product Viewed", BLUE_TRAIN)),
        (hours(1.6), ("Product Viewed", BLUE_TRAIN)),
    ],
    "buys once, lapses, clicks, buys again": [
        (hours(0), bought("o1", 41.0, 2)),
        (days(90) + hours(1), ("Email Opened", {})),
        (days(90) + hours(2), ("Email Link Clicked", {})),
        (days(94), bought("o2", 23.5, 1)),
    ],
    "best customer, one refund, then no more mail": [
        (hours(0), bought("o1", 310.0, 15)),
        (days(5), bought("o2", 47.0, 2)),
        (days(8), ("Order Refunded", {"order_id": "o2"})),
        (days(20), bought("o3", 220.5, 11)),
        (days(40), ("Unsubscribed", {})),
    ],
}


def people():
    """Yields (person id, first moment, story)."""
    number = 0
    for story_number, story in enumerate(STORIES.values()):
        for turn in range(PEOPLE_PER_STORY):
            number += 1
            start = FIRST_DAY + days(9 * turn + story_number) + timedelta(minutes=7 * number)
            yield f"sample-{number:02}", start, story


def events():
    """Yields (moment, Segment-shaped message) for each event; everybody's first is an identify."""
    context = {"sample": LABEL}
    for person, start, story in people():
        yield start - timedelta(minutes=1), {
            "type": "identify", "messageId": f"{person}-identify", "userId": person,
            "traits": {"email": f"{person}@example.test"}, "context": context}
        for number, (after, (name, properties)) in enumerate(story, start=1):
            properties = dict(properties)
            if "order_id" in properties:
                properties["order_id"] = f"{person}-{properties['order_id']}"
            yield start + after, {
                "type": "track", "messageId": f"{person}-{number}", "userId": person,
                "event": name, "properties": properties, "context": context}
