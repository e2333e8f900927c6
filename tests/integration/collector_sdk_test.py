#!/usr/bin/env python3
"""The libraries that shops have send a session to a running process, as they are.

Each sends the same calls through a proxy that records them: every event must be in the log once,
with its id, name, person, properties and time; the recorded requests, sent twice more, and once
more after the process was killed, add nothing.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import sdk_packages  # noqa: E402
from cases import Skipped, run_cases  # noqa: E402
from chromium import Chromium, is_installed  # noqa: E402
from event_log import read_events  # noqa: E402
from recording_proxy import RecordingProxy  # noqa: E402
from small_rules import PING_URL, write_small_rules  # noqa: E402
from sojourn_process import Sojourn  # noqa: E402

KEY = "website-key"
SDKS = Path(__file__).resolve().parents[1] / "support/sdks"
PAGE_TYPES = {"identify", "track", "page", "screen"}
TIMEOUT_SECONDS = 90
# How far a clock that is right may be thought to be off: until the request is here.
TRANSIT = timedelta(seconds=10)

NAMES = {"identify": "Identify", "page": "Page Viewed", "screen": "Screen Viewed",
         "group": "Group Joined", "alias": "Alias"}
ADDRESS = {"city": "Zürich", "tags": ["neu", "größer ½"], "geo": {"lat": 47.5, "lng": 8.25}}


def session(person, types=None, many=50):
    """What every library sends; `types`: those that it has."""
    hours_ago = datetime.now(timezone.utc).replace(microsecond=250_000) - timedelta(hours=5)
    calls = [
        {"type": "identify", "userId": person,
         "traits": {"email": "zoe@shop.example", "name": "Zoë 李 😀", "age": 33, "vip": True,
                    "address": ADDRESS}},
        {"type": "track", "userId": person, "event": "Order Completed",
         "timestamp": hours_ago.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
         "properties": {"order_id": "o-1", "total": 20.5, "gift": False,
                        "products": [{"title": "Tasse „Größe ½“", "price": 10.25, "count": 2}]}},
        {"type": "page", "userId": person, "name": "Home", "properties": {"section": "Küche"}},
        {"type": "screen", "userId": person, "name": "Basket", "properties": {"items": 2}},
        {"type": "group", "userId": person, "groupId": "company-7", "traits": {"plan": "pro"}},
    ]
    calls += [{"type": "track", "userId": person, "event": "Ping",
               "properties": {"number": f"n{n}"}} for n in range(many)]
    calls.append({"type": "alias", "userId": person, "previousId": f"{person}-before"})
    return [call for call in calls if types is None or call["type"] in types]


def expected(call):
    """Name and properties of the event that a call becomes."""
    properties = dict(call.get("traits") or call.get("properties") or {})
    for member, name in (("name", "name"), ("groupId", "group_id"), ("previousId", "previous_id")):
        if member in call:
            properties[name] = call[member]
    return NAMES.get(call["type"]) or call["event"], properties


def key_of(name, properties):
    return f"{name} {properties.get('number', '')}"


@contextmanager
def running():
    with tempfile.TemporaryDirectory(prefix="sojourn-sdk-") as name:
        rules = write_small_rules(Path(name) / "rules")
        with Sojourn(Path(name) / "process", rules=rules,
                     write_keys={"website": KEY}) as sojourn:
            yield sojourn


def check_session(sojourn, proxy, calls, began):
    """Everything arrived once and as it was meant."""
    events = read_events(sojourn)
    sent = [message["messageId"] for message in proxy.messages()]
    assert len(set(sent)) == len(calls), f"{len(set(sent))} ids for {len(calls)} calls"
    assert sorted(event["id"] for event in events) == sorted(set(sent)), \
        f"{len(events)} events of {len(set(sent))} messages"
    by_key = {key_of(event["name"], event["properties"]): event for event in events}
    assert len(by_key) == len(calls)
    for call in calls:
        name, properties = expected(call)
        event = by_key[key_of(name, properties)]
        assert event["person"] == call["userId"], event
        assert event["type"] == ("identify" if call["type"] == "identify" else "track"), event
        differing = {name: (value, event["properties"].get(name))
                     for name, value in properties.items()
                     if event["properties"].get(name) != value}
        assert not differing, f"{name}: {differing}"
        check_time(event, call, began)


def check_time(event, call, began):
    happened = datetime.fromtimestamp(event["time"] / 1000, timezone.utc)
    if "timestamp" in call:
        given = datetime.fromisoformat(call["timestamp"].replace("Z", "+00:00"))
        assert abs(happened - given) < TRANSIT, (happened, given)
        return
    now = datetime.now(timezone.utc)
    assert began - timedelta(seconds=1) <= happened <= now, (began, happened, now)


def applied(sojourn):
    return sum(value for _, value in sojourn.samples("sojourn_events_total"))


def check_replays(sojourn, proxy, calls):
    pings = sum(call.get("event") == "Ping" for call in calls)

    def actions():
        return sum(action.get("url") == PING_URL for action in sojourn.actions())

    sojourn.wait_for(lambda: actions() >= pings, what="an action of every Ping")
    log = sorted(event["id"] for event in read_events(sojourn))
    for _ in range(2):
        proxy.replay(sojourn.port)
    sojourn.wait_settled(4)
    assert sorted(event["id"] for event in read_events(sojourn)) == log, "a replay adds events"
    assert actions() == pings, "a replay adds actions"
    sojourn.kill()
    sojourn.start()
    proxy.replay(sojourn.port)
    sojourn.wait_settled(4)
    assert actions() == pings, "a replay after a restart adds actions"


def with_library(send, calls):
    """`send` takes the address to send to, and a file with the calls."""
    with running() as sojourn, RecordingProxy(sojourn.port) as proxy:
        file = sojourn.directory / "session.json"
        file.write_text(json.dumps(calls))
        began = datetime.now(timezone.utc)
        send(proxy.url, file)
        assert all(request.status == 200 for request in proxy.requests), \
            [(request.path, request.status) for request in proxy.requests]
        check_session(sojourn, proxy, calls, began)
        check_replays(sojourn, proxy, calls)


def run(command, **options):
    result = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS,
                            check=False, **options)
    assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"


def with_node(library, calls):
    directory = sdk_packages.npm_directory()

    def send(url, file):
        run(["node", str(SDKS / "node_session.js"), library, url, KEY, str(file)], cwd=directory)
    with_library(send, calls)


def test_segment_for_node():
    with_node("@segment/analytics-node", session("node"))


def test_rudderstack_for_node():
    with_node("@rudderstack/rudder-sdk-node", session("rudder"))


def test_customer_io_for_node():
    with_node("@customerio/cdp-analytics-node", session("cio"))


def test_dittofeed_for_node():
    with_node("@dittofeed/sdk-node", session("ditto", PAGE_TYPES, many=20))


def test_segment_for_python():
    with_python([])


def test_segment_for_python_packed():
    with_python(["gzip"])


def with_python(flags):
    environment = {**os.environ, "PYTHONPATH": str(sdk_packages.python_path())}

    def send(url, file):
        run([sys.executable, str(SDKS / "python_session.py"), url, KEY, str(file), *flags],
            env=environment)
    with_library(send, session("python"))


def test_segment_for_java():
    classpath = sdk_packages.java_classpath()

    def send(url, file):
        run(["java", "-cp", classpath, "Session", url, KEY, str(file)])
    with_library(send, session("java"))


# ---- in a browser ------------------------------------------------------------------------------

# The library asks where its settings are kept.
PAGE = """<!doctype html><meta charset="utf-8"><title>Shop</title><script>
  window.analytics = [];
  window.analytics._writeKey = "%s";
  window.analytics._cdn = %s;
</script><script src="/standalone.js"></script>"""


def browser_settings(host, strategy):
    return {"integrations": {"Segment.io": {"apiKey": KEY, "apiHost": host, "protocol": "http",
                                            "deliveryStrategy": strategy}},
            "metrics": {"sampleRate": 1, "host": host, "protocol": "http"}}


SEND = """(async () => {
  const calls = %s, analytics = window.analytics;
  for (const call of calls) {
    const options = call.timestamp ? {timestamp: new Date(call.timestamp)} : {};
    if (call.type === "identify") await analytics.identify(call.userId, call.traits, options);
    if (call.type === "track") await analytics.track(call.event, call.properties, options);
    if (call.type === "page") await analytics.page(call.name, call.properties, options);
    if (call.type === "screen") await analytics.screen(call.name, call.properties, options);
    if (call.type === "group") await analytics.group(call.groupId, call.traits, options);
    if (call.type === "alias") await analytics.alias(call.userId, call.previousId, options);
  }
  return true;
})()"""


def with_browser(strategy, many):
    """The page is of another origin than the process: the browser asks before it sends.

    `strategy`: of settings that the shop's own server has; None: the process itself has them.
    """
    if not is_installed():
        raise Skipped("Chromium is not installed; deploy/install-packages.sh test")
    library = sdk_packages.npm_directory() / "node_modules/@segment/analytics-next/dist/umd"
    scripts = {f"/{path.name}": ("text/javascript", path.read_bytes())
               for path in library.glob("*.js")}
    calls = session("browser", many=many)
    with running() as sojourn, RecordingProxy(sojourn.port) as proxy:
        settings = browser_settings(proxy.url.removeprefix("http://") + "/v1", strategy)
        cdn = "location.origin" if strategy else json.dumps(proxy.url)
        files = {**scripts, "/": ("text/html", (PAGE % (KEY, cdn)).encode()),
                 f"/v1/projects/{KEY}/settings": ("application/json",
                                                  json.dumps(settings).encode())}
        began = datetime.now(timezone.utc)
        with RecordingProxy(sojourn.port, files) as shop, Chromium() as browser:
            browser.show(shop.url + "/")
            browser.wait_for("window.analytics && window.analytics.initialized")
            browser.run(SEND % json.dumps(calls))
            end = time.monotonic() + TIMEOUT_SECONDS
            while len(proxy.messages()) < len(calls) and time.monotonic() < end:
                time.sleep(0.1)
        assert any(request.method == "OPTIONS" for request in proxy.requests), "no preflight"
        asked = [request.path for request in proxy.requests if request.method == "GET"]
        assert asked == ([] if strategy else [f"/v1/projects/{KEY}/settings"]), asked
        assert all(request.status == 200 for request in proxy.requests)
        check_session(sojourn, proxy, calls, began)
        check_replays(sojourn, proxy, calls)


def test_segment_for_browsers():
    with_browser({"strategy": "standard"}, many=20)


def test_segment_for_browsers_asks_us_where_to_send():
    with_browser(None, many=20)


def test_segment_for_browsers_in_batches():
    with_browser({"strategy": "batching", "config": {"size": 10, "timeout": 500}}, many=20)


if __name__ == "__main__":
    sys.exit(run_cases(globals()))
