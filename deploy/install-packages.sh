#!/usr/bin/env bash
# Installs the Debian 12 packages that Sojourn needs; the one list that all scripts share.
#
#   deploy/install-packages.sh         what building and running need
#   deploy/install-packages.sh test    what the tests need, too; with SOJOURN_LONG_TESTS set also
#                                      what only the long ones need
#
# Quick and silent when everything is there; asks for sudo only when something is missing.
set -euo pipefail

build_packages=(
  ca-certificates ccache cmake curl dpkg-dev file g++ git mold ninja-build pkg-config python3
  python3-pip tzdata
  libboost-dev libcctz-dev libcli11-dev libcurl4-openssl-dev libfmt-dev libfyaml-dev libgtest-dev
  libidn2-dev liblz4-dev libprotobuf-dev libprotoc-dev librdkafka-dev libre2-dev librocksdb-dev
  libsimdjson-dev libspdlog-dev libssl-dev libzstd-dev nlohmann-json3-dev prometheus-cpp-dev protobuf-compiler
  zlib1g-dev
)
test_packages=(
  chromium fonts-noto-cjk     # pages as people see them
  clang-format clang-tidy
  default-jdk-headless maven  # a real Kafka broker, a library of senders
  faketime                    # wall clocks that jump
  graphviz                    # what `sojourn graph --format dot` is for
  kcat python3-confluent-kafka  # independent Kafka clients
  prometheus                  # promtool
  python3-aiosmtpd python3-dkim  # an independent mail relay, and a reader of signatures
  rocksdb-tools               # what a killed process left in its directory
)

long_test_packages=(
  clang-14 libclang-rt-14-dev  # fuzzers
)

# Node may have come from elsewhere, with an npm that Debian's does not go together with.
command -v npm >/dev/null || test_packages+=(nodejs npm)  # an independent reader of JSON Schema

[ -z "${SOJOURN_LONG_TESTS:-}" ] || test_packages+=("${long_test_packages[@]}")

case "${1:-build}" in
  build) wanted=("${build_packages[@]}") ;;
  test) wanted=("${build_packages[@]}" "${test_packages[@]}") ;;
  *) echo "usage: deploy/install-packages.sh [build|test]" >&2; exit 2 ;;
esac

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "install as root: apt-get install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "installing Debian packages: ${missing[*]}"
"${as_root[@]}" apt-get -o Acquire::Retries=3 -qq update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 -qq -y \
  --no-install-recommends install "${missing[@]}" >/dev/null
