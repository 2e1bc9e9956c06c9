"""Which Redis a command speaks to: the configured one, else the embedded one."""

from collections.abc import Callable

from .config import Settings


def working_url(settings: Settings, *, report: Callable[[str], None] = lambda text: None) -> str:
    """Return a URL to work with; start the embedded server where none is configured."""
    if settings.url:
        return settings.url
    from ..broker.embedded.start import ensure

    return ensure(settings.home.data, report=report)


def reading_url(settings: Settings) -> str | None:
    """Return a URL to read from; None where nothing was ever submitted. Starts no first server."""
    if settings.url:
        return settings.url
    if not settings.home.data.is_dir() or not any(settings.home.data.iterdir()):
        return None
    return working_url(settings)


def existing_url(settings: Settings) -> str | None:
    """Return a URL that can be used now; None where that would mean to start a server."""
    if settings.url:
        return settings.url
    from ..broker.embedded.stop import url_if_running

    return url_if_running(settings.home.data)


def likely_url(settings: Settings) -> str:
    """Return the URL of a server that is most likely there, without asking; empty if unknown."""
    if settings.url:
        return settings.url
    from ..broker.embedded.last import last_url

    return last_url(settings.home.data)
