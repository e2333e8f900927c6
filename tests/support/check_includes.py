#!/usr/bin/env python3
"""The include arrows: which folder of engine/ and connectors/ may include which.

    check_includes.py [ROOT]

prints one line per forbidden include and exits 1 if there is any. The tables below are the rule;
CONTRIBUTING.md explains it. Standard library only.
"""

import re
import sys
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]

BASE = {"engine/base"}
INSIGHTS = BASE | {"engine/insights"}
MODEL = BASE | {"engine/model"}
LIQUID = MODEL | {"engine/liquid"}
EXPR = MODEL | {"engine/expr"}
LANGUAGE = EXPR | LIQUID | {"engine/language"}
STEP = LANGUAGE | {"engine/step"}
STORE = MODEL | {"engine/store"}
TELEMETRY = MODEL | {"engine/telemetry"}
RUNTIME = STEP | STORE | {"engine/runtime"}
SIMULATE = RUNTIME | TELEMETRY | {"engine/simulate"}
DELIVER = LANGUAGE | STORE | TELEMETRY | {"engine/liquid", "engine/deliver"}

# A folder of engine/ -> the folders that it and its tests may include.
ALLOWED = {
    "engine/base": BASE,
    "engine/insights": INSIGHTS,
    "engine/model": MODEL,
    "engine/expr": EXPR,
    "engine/liquid": LIQUID,
    "engine/language": LANGUAGE,
    "engine/step": STEP,
    "engine/store": STORE,
    "engine/telemetry": TELEMETRY,
    "engine/runtime": RUNTIME,
    "engine/simulate": SIMULATE,
    "engine/deliver": DELIVER,
}

# A connector sees the engine through the ports it implements, and of other connectors nothing.
# Deliverers reach the world through connectors: mails, transports and links are shared with them.
# Telemetry implements a port, too: it observes the runtime, which knows nothing of it.
CONNECTOR_MAY_INCLUDE = STORE | TELEMETRY | {"engine/deliver"}
RUNTIME_PORTS = {"engine/runtime/event_decoder.h", "engine/runtime/observer.h",
                 "engine/runtime/ports.h"}
# Tests of a connector may drive it with the runtime's own test helpers.
TEST_HELPERS = {"engine/runtime/test_support.h"}

# Generated from proto/; the other folders know only the plain structs of engine/model.
PROTO_USERS = {"engine/model", "engine/simulate"}

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')


def room_of(path):
    """The folder a path belongs to: engine/X, connectors/X or its first part."""
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] in ("engine", "connectors") else parts[0]


def is_allowed(room, included):
    """Whether a file of the folder `room` may include the path `included`."""
    target = room_of(included)
    if room == "engine/cli":
        return target.startswith(("engine/", "connectors/")) or target == "proto"
    if room.startswith("connectors/"):
        return (target in CONNECTOR_MAY_INCLUDE or target in (room, "proto")
                or included in RUNTIME_PORTS)
    if room == "engine/telemetry" and included in RUNTIME_PORTS:
        return True
    if target == "proto":
        return room in PROTO_USERS
    return target in ALLOWED.get(room, set())


def violations(root):
    """The forbidden includes below `root`, as lines `FILE:LINE: text`, sorted by file."""
    found = []
    for top in ("engine", "connectors"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".h", ".cc"):
                continue
            name = path.relative_to(root).as_posix()
            room = room_of(name)
            for number, line in enumerate(path.read_text().splitlines(), start=1):
                match = INCLUDE.match(line)
                if match is None or (match.group(1) in TEST_HELPERS and name.endswith("_test.cc")):
                    continue
                if not is_allowed(room, match.group(1)):
                    found.append(f"{name}:{number}: {room} may not include {match.group(1)}")
    return found


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT_ROOT
    found = violations(root)
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
