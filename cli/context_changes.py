"""Adds contexts, removes them, and makes one current."""

import sys
from collections.abc import Mapping

from ..broker import urls
from ..broker.errors import UsageError
from . import config, contexts, exits
from .config import Settings
from .config_file import FILE_NAME, read_file
from .confirming import is_wanted
from .context_listing import warn_of_outranking
from .contexts import Context
from .render.screen import Screen


def add(
    settings: Settings,
    screen: Screen,
    name: str,
    url: str,
    *,
    namespace: str,
    is_used: bool,
    replaces: bool,
) -> None:
    """Write a context.

    Args:
        settings: whose it is.
        screen: to ask and to tell on.
        name: that it gets.
        url: its server; `-` is read from stdin, or asked for.
        namespace: in it; empty for the configured one.
        is_used: it becomes the current one.
        replaces: also where there is one of this name.

    Raises:
        UsageError: one of them is not acceptable, or the name is taken.
    """
    contexts.check_name(name)
    if url != "-":
        outright_url(url, again=f"rq-agent context add {name} -")
    if name in contexts.names(settings.home) and not replaces:
        raise UsageError(f"there is a context {name} already; --replace puts this in its place")
    address = secret_url() if url == "-" else url
    context = Context(name=name, url=address, namespace=namespace)
    contexts.save(settings.home, context)
    if is_used:
        contexts.use(settings.home, name)
    if screen.json:
        shown = {"name": name, "server": urls.redacted(address), "is_current": is_used}
        screen.print_json({"schema": 1, "context": shown})
        return
    screen.put(f"{name} {urls.redacted(address)}")
    if not is_used:
        screen.say(f"  rq-agent context use {name}")
    screen.say(f"  rq-agent doctor --context {name}")


def outright_url(url: str, *, again: str) -> None:
    """Raise UsageError if an argument is no address, or has a password in it.

    Args:
        url: that was given.
        again: the command that reads it from elsewhere.
    """
    address = urls.parse(url)
    if address.password or address.sentinel_password:
        raise UsageError(
            "there is a password in the URL: everybody on this machine can read arguments, and "
            f"the shell keeps them. Change that password, then give the URL to: {again}"
        )


def secret_url() -> str:
    """Return an address, asked for without an echo, or read from stdin.

    Raises:
        UsageError: it is none.
    """
    if sys.stdin.isatty():
        import getpass

        url = getpass.getpass("URL of the server (not shown): ", stream=sys.stderr)
    else:
        try:
            url = sys.stdin.readline()
        except UnicodeDecodeError as e:
            raise UsageError("the address on stdin is not UTF-8 text") from e
    urls.parse(url.strip())
    return url.strip()


def use(settings: Settings, screen: Screen, name: str, environ: Mapping[str, str]) -> None:
    """Make a context the current one.

    Raises:
        SelectorError: there is none of this name.
        UsageError: it can't be used.
    """
    context = config.named(name, settings.home, read_file(settings.home.config / FILE_NAME).redis)
    contexts.use(settings.home, name)
    server = urls.redacted(context.url) if context.url else "the embedded server"
    if screen.json:
        shown = {"name": name, "server": server if context.url else "embedded"}
        screen.print_json({"schema": 1, "context": shown})
    else:
        screen.put(f"{name} {server}")
    warn_of_outranking(screen, environ)


def remove(settings: Settings, screen: Screen, name: str, *, is_sure: bool) -> int:
    """Delete a context, after asking where it is the current one; return an exit code.

    Raises:
        SelectorError: there is none of this name.
        UsageError: it is a reserved one, or nobody is there to be asked.
    """
    home = settings.home
    if name in contexts.RESERVED:
        what = "the embedded server" if name == contexts.LOCAL else "the server of config.toml"
        raise UsageError(f"{name} is {what}: it has no file of its own to remove")
    is_current = contexts.current(home) == name
    if is_current and name in contexts.names(home):
        question = f"remove the current context {name}, its password too"
        if not is_wanted(screen, question, is_sure=is_sure):
            return exits.FAILED
    contexts.remove(home, name)
    if screen.json:
        screen.print_json({"schema": 1, "context": {"name": name, "is_removed": True}})
    else:
        screen.put(f"{name} removed")
    if is_current:
        screen.say(f"now in use: {_in_use(settings)}; see rq-agent context ls")
    return exits.OK


def _in_use(settings: Settings) -> str:
    redis = read_file(settings.home.config / FILE_NAME).redis
    return f"config.toml's {urls.redacted(redis.url)}" if redis.url else "the embedded server"
