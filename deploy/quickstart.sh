#!/usr/bin/env bash
# From a fresh clone to a summary of what the demo's journeys would have sent, in one command.
#
#   deploy/quickstart.sh                          the demo: 23,570 customers of a real shop
#   deploy/quickstart.sh --data FILE              your own export, NDJSON of Segment-shaped calls
#   deploy/quickstart.sh --data FILE --map FILE   your own export as CSV (sojourn help import)
#   deploy/quickstart.sh --serve                  the same, and stay up until Ctrl-C
#
# Installs the Debian packages (asks for sudo where needed), builds, replays the events through the
# rules on a fresh data directory, shows a mail, and says where the time went. Run it as often as you
# like: no mail leaves the machine.
# With $SOJOURN_BINARY set, or run from the installed package, nothing is installed or built.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
ready_timeout_s=60
mail_timeout_s=20
stop_timeout_s=30
export PYTHONDONTWRITEBYTECODE=1

die() { echo "quickstart: $*" >&2; exit 1; }
say() { printf '\n== %s\n' "$*"; }

usage() {
  echo "usage: $(basename "$0") [--serve] [--data FILE [--map FILE]]" >&2
  exit 2
}

serve=false data_file="" map_file=""
while [ $# -gt 0 ]; do
  case "$1" in
    --serve) serve=true; shift ;;
    --data) [ $# -ge 2 ] || usage; data_file=$2; shift 2 ;;
    --map) [ $# -ge 2 ] || usage; map_file=$2; shift 2 ;;
    *) usage ;;
  esac
done
# What can be known to be wrong is said before anything is built.
for file in "$data_file" "$map_file"; do
  [ -z "$file" ] || [ -r "$file" ] || die "cannot read $file"
done
[ -z "$map_file" ] || [ -n "$data_file" ] || die "--map says what the columns of --data FILE mean"
case "$data_file" in
  *.csv) [ -n "$map_file" ] || die "a CSV file needs --map FILE; see: sojourn help import" ;;
esac

# In the source tree everything lives under build/; installed, in the home directory, with a copy of
# the rules that can be edited.
if [ -f "$here/../CMakeLists.txt" ]; then
  root=$(readlink -f "$here/..")
  demo=$here/demo
  rules=$root/rules
  work=${SOJOURN_QUICKSTART_DIR:-$root/build/quickstart}
  sojourn=${SOJOURN_BINARY:-}
else
  root=""
  demo=$here
  work=${SOJOURN_QUICKSTART_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/sojourn-demo}
  rules=$work/rules
  sojourn=${SOJOURN_BINARY:-$(command -v sojourn || true)}
  [ -n "$sojourn" ] || die "there is no sojourn on the PATH; name it in SOJOURN_BINARY"
  mkdir -p "$work"
  [ -d "$rules" ] || cp -r "$here/../rules" "$rules"
fi
[ -z "$sojourn" ] || [ -x "$sojourn" ] || die "SOJOURN_BINARY: there is no program $sojourn"
data=$work/data
log=$work/sojourn.log
mkdir -p "$work"

# The engine inherits the lock: as long as one runs here, its data directory is not taken away.
exec 9>"$work/lock"
flock -n 9 || die "another quickstart is still up in $work: stop it first"

times=()
step_start=$SECONDS
# took NAME: the time since the last call went into NAME.
took() {
  times+=("$1 $((SECONDS - step_start)) s")
  step_start=$SECONDS
}

engine=""
stop_engine() {
  [ -n "$engine" ] || return 0
  kill -TERM "$engine" 2>/dev/null || true
  local deadline=$((SECONDS + stop_timeout_s))
  while kill -0 "$engine" 2>/dev/null && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.1; done
  kill -KILL "$engine" 2>/dev/null || true
  wait "$engine" 2>/dev/null || true
  engine=""
}
trap stop_engine EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# A compiler takes up to 1.5 GB here: fewer at a time where memory is short.
build_jobs() {
  local by_memory
  by_memory=$(awk '/^MemAvailable/ {print int($2 / 1500000)}' /proc/meminfo)
  [ "$by_memory" -ge 1 ] || by_memory=1
  [ "$by_memory" -lt "$(nproc)" ] && echo "$by_memory" || nproc
}

build() {
  say "Debian packages"
  "$here/install-packages.sh" build || die "the packages could not be installed; see above"
  took packages
  say "Building build/release/sojourn"
  cd "$root"
  cmake --preset release >"$work/configure.log" 2>&1 ||
    { tail -n 20 "$work/configure.log" >&2; die "cmake failed; see $work/configure.log"; }
  cmake --build --preset release --target sojourn -j "$(build_jobs)" || die "the build failed"
  cd "$OLDPWD"
  sojourn=$root/build/release/sojourn
  took build
}

free_port() {
  python3 - <<'PYTHON'
import socket
for port in (8080, 0):
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            print(probe.getsockname()[1])
            break
    except OSError:
        pass
PYTHON
}

start_engine() {
  rm -rf "$data"
  port=$(free_port)
  "$sojourn" run --rules "$rules" --data "$data" --listen "127.0.0.1:$port" >"$log" 2>&1 &
  engine=$!
  local deadline=$((SECONDS + ready_timeout_s))
  until curl --noproxy '*' -sf -o /dev/null "http://127.0.0.1:$port/-/ready"; do
    kill -0 "$engine" 2>/dev/null || { tail -n 20 "$log" >&2; die "sojourn run ended; see $log"; }
    [ "$SECONDS" -lt "$deadline" ] || die "sojourn run is not ready; see $log"
    sleep 0.1
  done
}

import_events() {
  local mapping=() code=0
  [ -z "$map_file" ] || mapping=(--map "$map_file")
  "$sojourn" import --data "$data" "${mapping[@]}" --yes "$data_file" || code=$?
  # 1: some lines were no events; they are named, and the others are in.
  [ "$code" -le 1 ] || die "the import failed; see above and $log"
}

quoted() { printf '%q' "$1"; }

# What the history decided is late and only counted. An order of now is thanked for with a mail that
# goes the whole way: from the event to the file that stands for the relay.
send_demo_order() {
  curl --noproxy '*' -sf -o /dev/null "http://127.0.0.1:$port/v1/batch" \
    -H 'Content-Type: application/json' -d '{"batch": [
      {"type": "identify", "userId": "demo-visitor",
       "traits": {"email": "robin@visitor.example", "first_name": "Robin"}},
      {"type": "track", "userId": "demo-visitor", "event": "Order Completed",
       "properties": {"order_id": "demo-1", "total": 20.0, "currency": "USD", "quantity": 1}}]}'
}

# The path of the demo order's mail; fails where none comes, as other rules may have it.
wait_for_mail() {
  local deadline=$((SECONDS + mail_timeout_s)) found
  while [ "$SECONDS" -lt "$deadline" ]; do
    found=$(grep -l '^To: .*robin@visitor.example' "$data"/mail/*.eml 2>/dev/null | head -n 1)
    [ -z "$found" ] || { echo "$found"; return 0; }
    sleep 0.2
  done
  return 1
}

# PERSON TEMPLATE of the first mail that the journeys decided on.
first_mail() {
  "$sojourn" actions --data "$data" --format json 2>/dev/null | python3 -c '
import json, sys
for line in sys.stdin:
    action = json.loads(line)
    if action["kind"] == "send_email":
        print(action["person"], action["template"], sep="\t")
        break'
}

show_demo_mail() {
  local mail
  send_demo_order && mail=$(wait_for_mail) || return 0
  say "An order comes in now, and this mail goes out (into a directory; nobody gets it)"
  "$demo/show_mail.py" "$mail"
  printf '\nAll of them: file://%s\n' "$(readlink -f "$data/mail/index.html")"
}

# With events of your own nothing is made up: the first mail that they would have caused.
show_own_mail() {
  local person template
  IFS=$'\t' read -r person template < <(first_mail) || return 0
  say "The first of these mails: $template to $person"
  "$sojourn" preview "$template" --person "$person" --data "$data" --rules "$rules" \
    --out "$work/preview" || return 0
}

next_steps() {
  local calls='{"batch": [
  {"type": "identify", "userId": "me", "traits": {"email": "me@example.test"}},
  {"type": "track", "userId": "me", "event": "Order Completed",
   "properties": {"order_id": "my-1", "total": 20.0, "currency": "USD", "quantity": 1}}]}'
  calls=$(tr -s "\n " " " <<<"$calls")
  calls=${calls% }
  if $serve; then
    say "In another terminal you can"
  else
    say "With $0 --serve it stays up, and in another terminal you can"
  fi
  cat <<TEXT
1. watch actions:     $(quoted "$sojourn") actions --data $(quoted "$data") --new --follow
2. send an order:     curl http://127.0.0.1:$port/v1/batch -H 'Content-Type: application/json' -d '$calls'
3. change a journey:  edit $rules/journeys/post-purchase-thanks.yaml, save, and send an order with another order_id: changes are in force within two seconds
4. look at a mail:    $(quoted "$sojourn") preview welcome --rules $(quoted "$rules") --out $(quoted "$work/preview"), or any other of $rules/templates
TEXT
}

[ -n "$sojourn" ] || build
command -v curl >/dev/null || die "curl is missing: apt-get install curl"
own_events=true
if [ -z "$data_file" ]; then
  own_events=false
  say "The demo's events"
  data_file=$work/events.ndjson
  "$demo/make_events.py" "$data_file" || die "no events for the demo; --data FILE takes your own"
  took "making events"
fi

say "Importing $data_file"
start_engine
import_events
took import
say "Replaying: what would have been sent"
"$sojourn" summary --data "$data" --wait --replayed || die "no summary; see $log"
took replay

if $own_events; then show_own_mail; else show_demo_mail; fi
took mail

printf '\nWhere the time went:'
printf ' %s;' "${times[@]}" | sed 's/;$/\n/'
next_steps

if $serve; then
  trap 'exit 0' INT TERM
  printf '\nUp at http://127.0.0.1:%s (log: %s). Ctrl-C stops it.\n' "$port" "$log"
  wait "$engine" || die "sojourn run ended; see $log"
else
  stop_engine
  printf '\nStopped. %s --serve stays up.\n' "$0"
fi
