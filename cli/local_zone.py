"""Which time zone this machine lives in."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ..broker.cron_times import zone_of
from ..broker.errors import UsageError

_LINK: Final = Path("/etc/localtime")
_FOLDER: Final = "zoneinfo/"


def local_zone(environ: Mapping[str, str], link: Path = _LINK) -> str:
    """Return the name of the zone that TZ or the system names; `UTC` where neither does.

    Args:
        environ: the environment.
        link: to the zone's file, as most systems have it.
    """
    for name in (environ.get("TZ", "").removeprefix(":"), _linked(link)):
        try:
            return zone_of(name).key or "UTC"
        except UsageError:  # e.g. a rule like CET-1CEST, which other machines may not know
            continue
    return "UTC"


def _linked(link: Path) -> str:
    try:
        return os.readlink(link).partition(_FOLDER)[2]
    except OSError:  # no link: a copy, or none at all
        return ""
