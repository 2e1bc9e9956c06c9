#!/bin/sh
# Install libfaketime for the tests that step the clocks of servers and workers.
set -eu
if ! command -v apt-get >/dev/null; then
    echo "the tests need faketime on the PATH: install it with your package manager" >&2
    exit 1
fi
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
$as_root env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get update -qq && apt-get install -y -qq --no-install-recommends faketime >/dev/null'
