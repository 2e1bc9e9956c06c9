#!/bin/sh
# Install Chromium for the tests of the dashboard, which start it without a window.
set -eu
if ! command -v apt-get >/dev/null; then
    echo "the tests need Chromium as /usr/bin/chromium: install it with your package manager" >&2
    exit 1
fi
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
$as_root env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null'
test -x /usr/bin/chromium
