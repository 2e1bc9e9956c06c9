"""Contexts: the servers that this user works with, by names. One file for each, and one that is current.

`<config>/contexts/<name>.toml`   address, namespace, role; only for its owner's eyes
`<config>/contexts/<name>.pem`    the certificate that the server must show, where it is pinned
`<config>/current-context`        a name
"""

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from ..broker import urls
from ..broker.errors import SelectorError, UsageError
from ..broker.home import Home
from ..broker.keys import NAME_PATTERN
from . import private_file, toml_file

LOCAL: Final = "local"
"""The embedded server."""
CONFIGURED: Final = "config"
"""What `[redis]` of config.toml says."""
RESERVED: Final = (LOCAL, CONFIGURED)

_PINNED: Final = ("ssl_ca_certs", "ssl_check_hostname")


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """One server, and as what we come to it."""

    name: str
    url: str
    """With its password: never to be shown; see broker.urls.redacted."""
    namespace: str = ""
    """Empty: the one that the configuration names."""
    role: str = ""
    """submitter, worker, viewer or operator; empty where nobody said."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    url: str
    namespace: str = ""
    role: str = ""
    certificate: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]*$")] = ""
    """Name of the pinned certificate's file beside this one: a home may move."""


def save(home: Home, context: Context, *, pem: bytes | None = None) -> Path:
    """Write a context, in the place of one of the same name; return its file.

    Args:
        home: of the user.
        context: what to write.
        pem: the only certificate that the server may show. Put into the URL by load().

    Raises:
        UsageError: name, address or namespace is none, or the file can't be written.
    """
    import tomlkit

    check_name(context.name)
    urls.parse(context.url)
    path = _path(home, context.name)
    certificate = path.with_suffix(".pem")
    file = _File(
        url=context.url if pem is None else _without_pin(context.url),
        namespace=checked_namespace(context.namespace),
        role=context.role,
        certificate="" if pem is None else certificate.name,
    )
    try:
        if pem is not None:
            private_file.write(certificate, pem)
        private_file.write(path, tomlkit.dumps(msgspec.to_builtins(file)).encode())
        if pem is None:
            certificate.unlink(missing_ok=True)
    except UnicodeEncodeError as e:
        raise UsageError(f"context {context.name}: its address is not UTF-8 text") from e
    except OSError as e:
        raise UsageError(f"context {context.name}: can't write {path}: {e.strerror or e}") from e
    return path


def load(home: Home, name: str) -> Context:
    """Return a context.

    Raises:
        SelectorError: there is none of this name.
        UsageError: its file can't be read or used.
    """
    path = _path(home, name)
    if NAME_PATTERN.fullmatch(name) is None or (file := _read(path)) is None:
        raise SelectorError(f"no context is named {name}; {_others(home, name)}")
    url = file.url
    try:
        urls.parse(url)
        if file.certificate:
            url = _pinned(url, path.with_name(file.certificate))
        checked_namespace(file.namespace)
    except UsageError as e:
        raise UsageError(f"{path}: {e}") from e
    return Context(name=name, url=url, namespace=file.namespace, role=file.role)


def names(home: Home) -> list[str]:
    """Return the names of all contexts that have a file, in order."""
    found = (path.stem for path in _folder(home).glob("*.toml"))
    return sorted(name for name in found if NAME_PATTERN.fullmatch(name))


def current(home: Home) -> str:
    """Return the name of the current context; empty when there is none.

    Raises:
        UsageError: the file that names it can't be read.
    """
    path = _current_file(home)
    try:
        return path.read_text("utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as e:
        raise UsageError(f"{path}: can't be read: {e}") from e


def load_current(home: Home, name: str) -> Context:
    """Return the context that current() names.

    Raises:
        UsageError: its file is gone, or can't be read or used.
    """
    if name in names(home):
        return load(home, name)
    path = _path(home, name)
    raise UsageError(
        f"the current context is {name!r}, but {path} is gone; choose another one with "
        f"`rq-agent context use NAME`: {', '.join([*names(home), LOCAL])}"
    )


def use(home: Home, name: str) -> None:
    """Make a context the current one.

    Raises:
        SelectorError: there is none of this name.
        UsageError: it can't be read or used.
    """
    if name not in RESERVED:
        load(home, name)
    path = _current_file(home)
    try:
        private_file.write(path, f"{name}\n".encode())
    except OSError as e:
        raise UsageError(f"can't write {path}: {e.strerror or e}") from e


def remove(home: Home, name: str) -> None:
    """Delete a context, also one whose file can't be understood; none is current if it was.

    Raises:
        SelectorError: there is none of this name.
        UsageError: it can't be deleted.
    """
    was_current = current(home) == name
    if name not in names(home) and not was_current:
        raise SelectorError(f"no context is named {name}; {_others(home, name)}")
    path = _path(home, name)
    try:
        if was_current:
            _current_file(home).unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        path.with_suffix(".pem").unlink(missing_ok=True)
    except OSError as e:
        raise UsageError(f"context {name}: can't delete {path}: {e.strerror or e}") from e


def check_name(name: str) -> str:
    """Return a name that a new context may have.

    Raises:
        UsageError: it may not.
    """
    if name in RESERVED:
        raise UsageError(f"a context can't be named {name}: that name is taken; use another one")
    if not NAME_PATTERN.fullmatch(name):
        raise UsageError(
            f"context {name!r}: use 1 to 63 letters, digits, dots, dashes, underscores, "
            "with no dot or dash in front"
        )
    return name


def checked_namespace(namespace: str) -> str:
    """Return a namespace, or nothing where nothing is given.

    Raises:
        UsageError: it is none.
    """
    if namespace and not NAME_PATTERN.fullmatch(namespace):
        raise UsageError(
            f"namespace {namespace!r}: use 1 to 63 letters, digits, dots, dashes, underscores"
        )
    return namespace


def _read(path: Path) -> _File | None:
    return toml_file.read(path, _File, is_private=True)


def _folder(home: Home) -> Path:
    return home.config / "contexts"


def _path(home: Home, name: str) -> Path:
    return _folder(home) / f"{name}.toml"


def _current_file(home: Home) -> Path:
    return home.config / "current-context"


def _others(home: Home, name: str) -> str:
    known = [*names(home), LOCAL]
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"there is: {', '.join(known)}"


def _without_pin(url: str) -> str:
    parts = urlsplit(url)
    kept = [(name, text) for name, text in parse_qsl(parts.query) if name not in _PINNED]
    return parts._replace(query=urlencode(kept)).geturl()


def _pinned(url: str, certificate: Path) -> str:
    """Return the URL for a server that must show this certificate, whatever its host is called."""
    if not certificate.is_file():  # without it any certificate would do: nothing is sent there
        raise UsageError(
            f"the pinned certificate {certificate} is gone: join again, or remove this context"
        )
    parts = urlsplit(_without_pin(url))
    pin = urlencode({"ssl_ca_certs": str(certificate), "ssl_check_hostname": "false"})
    return parts._replace(query=f"{parts.query}&{pin}".lstrip("&")).geturl()
