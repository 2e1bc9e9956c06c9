"""What config.toml may say."""

from pathlib import Path
from typing import Final

import msgspec

from . import toml_file

FILE_NAME: Final = "config.toml"


class RedisTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[redis]` of the configuration file."""

    url: str = ""
    namespace: str = ""
    strict: bool = False
    """Workers don't start on a server that there is a warning about."""


class ArchiveTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[archive]` of the configuration file."""

    location: str = ""


class SubmitTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[submit]` of the configuration file."""

    queue: str = ""
    """For `submit`, `run` and `schedule add` where none is given."""
    service_queue: str = ""
    """The same, with --service."""
    durability: str = ""
    """For `submit` and `run` where none is given: `stored`, `acked` or `acked:2`."""


class WorkTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[work]` of the configuration file: for `work` where no option says it."""

    watchdog: str = ""
    """A time, e.g. `30m`; `0`: never."""
    spool_limit: str = ""
    """A size, e.g. `1G`."""
    host_lag: str = ""
    """Of hosts of light tasks: a time, e.g. `2s`."""
    host_mem: str = ""
    """A size, e.g. `2G`; `0`: no limit."""
    host_idle: str = ""
    """A time, e.g. `60s`."""


class ConfigFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The configuration file."""

    redis: RedisTable = RedisTable()
    archive: ArchiveTable = ArchiveTable()
    submit: SubmitTable = SubmitTable()
    work: WorkTable = WorkTable()


def read_file(path: Path) -> ConfigFile:
    """Return what the configuration file says; nothing when there is none.

    Raises:
        UsageError: it can't be read or understood; says where and what is allowed.
    """
    return toml_file.read(path, ConfigFile) or ConfigFile()
