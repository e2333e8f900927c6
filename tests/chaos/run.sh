#!/usr/bin/env bash
# A run of chaos: tests/chaos/run.sh --minutes M --seed N [--instances 3] [--brokers 1], or --embedded. See README.md.
exec "$(dirname "$0")/chaos.py" "$@"
