#!/bin/sh
# Install iproute2 for the tests, which play two machines with network namespaces.
set -eu
if ! command -v apt-get >/dev/null; then
    echo "the tests need ip (iproute2) on the PATH: install it with your package manager" >&2
    exit 1
fi
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
$as_root env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get update -qq && apt-get install -y -qq --no-install-recommends iproute2 >/dev/null'
