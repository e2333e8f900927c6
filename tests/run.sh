#!/usr/bin/env bash
# Installs what is missing, builds and runs every test; works on a bare Debian 12 machine.
#
#   tests/run.sh           everything that takes under an hour on two cores
#   tests/run.sh --long    also what takes longer (SOJOURN_LONG_TESTS=1 tells the tests)
#   tests/run.sh --fast    only the unit tests, under the address sanitizer
#
# Ends with the one line `N passed, N failed`, followed by `, N skipped` if any. Every result stands
# in build/test/results.txt, what was built and printed in build/test/*.log.
set -uo pipefail
cd "$(dirname "$0")/.."

scope=all
case "${1:-}" in
  "") ;;
  --long) export SOJOURN_LONG_TESTS=1 ;;
  --fast) scope=fast ;;
  *) echo "usage: tests/run.sh [--fast|--long]" >&2; exit 2 ;;
esac

output=build/test
results=$output/results.txt
case_timeout_seconds=$([ -n "${SOJOURN_LONG_TESTS:-}" ] && echo 3600 || echo 1800)
mkdir -p "$output"
: >"$results"

# record LINE...: one result, counted at the end and shown at once.
record() { echo "$*" | tee -a "$results"; }

# step NAME COMMAND...: a command that is itself a test; its output goes to a log.
step() {
  local name=$1 log="$output/$1.log" start=$SECONDS
  shift
  if "$@" >"$log" 2>&1 </dev/null; then
    record "ok $name ($((SECONDS - start)) s)"
  else
    tail -n 40 "$log"
    record "not ok $name: see $log"
    return 1
  fi
}

configure_and_build() {
  local preset=$1
  shift
  cmake --preset "$preset" && cmake --build --preset "$preset" -j "$(nproc)" "$@"
}

# unit_tests PRESET CTEST-ARGUMENT...: every case of ctest is one result; only failures are shown.
unit_tests() {
  local preset=$1 report="$PWD/$output/ctest-$1.xml"
  shift
  rm -f "$report"
  ctest --test-dir "build/$preset" -j "$(nproc)" --timeout 300 --output-junit "$report" "$@" \
    >"$output/ctest-$preset.log" 2>&1 </dev/null
  if ! tests/support/junit_cases.py "$preset" "$report" >"$output/ctest-$preset.cases"; then
    record "not ok ctest.$preset: see $output/ctest-$preset.log"
  fi
  cat "$output/ctest-$preset.cases" >>"$results"
  grep -v '^ok ' "$output/ctest-$preset.cases"
  conformance "$report"
  echo "unit tests of $preset: $(grep -c '^ok ' "$output/ctest-$preset.cases") passed"
}

# conformance REPORT: how many cases of others' suites pass, as the tests printed it.
conformance() {
  grep -ohE '(CEL|Liquid) conformance: [0-9]+ of [0-9]+' "$1" || true
}

# script_test FILE: a script that prints its own results.
script_test() {
  local file=$1 log code
  log="$output/$(basename "$file" .py).log"
  timeout -k 30 "$case_timeout_seconds" "$file" </dev/null 2>"$log" | tee "$log.cases" |
    grep -E '^(ok|not ok|skipped) '
  code=${PIPESTATUS[0]}
  grep -E '^(ok|not ok|skipped) ' "$log.cases" >>"$results"
  if [ "$code" -ne 0 ] && ! grep -q '^not ok ' "$log.cases"; then
    record "not ok $(basename "$file" .py): exit code $code, see $log"
  elif ! grep -qE '^(ok|not ok|skipped) ' "$log.cases"; then
    record "not ok $(basename "$file" .py): it reported no result"
  fi
  if grep -q '^not ok ' "$log.cases"; then tail -n 40 "$log"; fi
}

# script_tests FILE...: twice as many at a time as there are cores, since they wait most of the time.
script_tests() {
  local file
  for file in "$@"; do
    while [ "$(jobs -rp | wc -l)" -ge $((2 * $(nproc))) ]; do wait -n; done
    script_test "$file" &
  done
  wait
}

deploy/install-packages.sh test || exit 1

if [ "$scope" = fast ]; then
  step build.debug configure_and_build debug && unit_tests debug
else
  for file in tests/tidy/*.py; do script_test "$file"; done
  step build.debug configure_and_build debug && unit_tests debug
  # The unit tests run in debug; what is measured and run whole is wanted here.
  step build.release configure_and_build release --target sojourn sojourn_write_mail sojourn_evaluate \
    bench_step power_loss
  step build.tsan configure_and_build tsan --target threads_tests && unit_tests tsan -L threads
  if [ -n "${SOJOURN_LONG_TESTS:-}" ]; then
    step build.mutants configure_and_build mutants
  fi
  # Those of chaos keep the whole machine busy.
  script_tests $(ls tests/integration/*.py | grep -vE '/chaos_(mutants_)?test.py')
  script_test tests/integration/chaos_test.py
  script_test tests/integration/chaos_mutants_test.py
fi

passed=$(grep -c '^ok ' "$results")
failed=$(grep -c '^not ok ' "$results")
skipped=$(grep -c '^skipped ' "$results")
grep -E '^(not ok|skipped) ' "$results"
if [ "$skipped" -gt 0 ]; then
  echo "$passed passed, $failed failed, $skipped skipped"
else
  echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
