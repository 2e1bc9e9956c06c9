"""Where rq-agent keeps its files."""

from pathlib import Path

import msgspec


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """The four folders that everything lies in. None of them need exist yet."""

    config: Path
    """config.toml, trust.json, keys/"""
    state: Path
    """Journals and run folders of workers, below the machine's id: homes may lie on NFS."""
    cache: Path
    """Environments, code packs: can be deleted when no worker runs."""
    data: Path
    """The embedded server's database."""


def below(folder: Path) -> Home:
    """Return the home whose four folders all lie in one."""
    return Home(
        config=folder / "config",
        state=folder / "state",
        cache=folder / "cache",
        data=folder / "data",
    )


def platform_home() -> Home:
    """Return the folders that the platform prescribes for a user's files."""
    from platformdirs import PlatformDirs

    dirs = PlatformDirs("rq-agent", appauthor=False)
    return Home(
        config=dirs.user_config_path,
        state=dirs.user_state_path,
        cache=dirs.user_cache_path,
        data=dirs.user_data_path,
    )


def machine_id() -> str:
    """Return an id of this machine that survives a reboot, for folders on a shared home."""
    for path in (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id")):
        if path.is_file() and (text := path.read_text("ascii").strip()):
            return text
    import platform

    return platform.node() or "localhost"
