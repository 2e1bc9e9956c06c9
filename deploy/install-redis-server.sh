#!/bin/sh
# Install redis-server for the tests, which start their own on a private socket.
set -eu
if ! command -v apt-get >/dev/null; then
    echo "the tests need redis-server on the PATH: install it with your package manager" >&2
    exit 1
fi
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
# RUNLEVEL=1 keeps the package from starting a system-wide server.
$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 sh -c \
    'apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server >/dev/null'
