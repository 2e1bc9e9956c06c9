"""Check one requirement line; what is wrong is said with the place where it stands."""

import re
from typing import Final
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from ..errors import UsageError

_VARIABLES: Final = re.compile(r"(\$\{[A-Za-z_][A-Za-z0-9_]*\}|:)*")
_OWN_NAME: Final = "rq-agent"


def requirement(text: str, where: str) -> Requirement:
    """Parse a PEP 508 requirement.

    Raises:
        UsageError: it is malformed, or holds a password.
    """
    try:
        parsed = Requirement(text)
    except InvalidRequirement as e:
        problem = str(e).splitlines()[0]
        raise UsageError(f"{where}: {text!r} is not a requirement: {problem}") from e
    if parsed.url is not None:
        refuse_credentials(parsed.url, where)
    return parsed


def is_ourselves(parsed: Requirement) -> bool:
    """Tell whether a requirement is rq-agent: a worker puts its own sdk on the path."""
    return normal_name(parsed.name) == _OWN_NAME


def normal_name(name: str) -> str:
    """Return the one spelling of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def specifier(text: object, where: str) -> str:
    """Check a `requires-python`."""
    try:
        return str(SpecifierSet(str(text))) if text else ""
    except InvalidSpecifier as e:
        raise UsageError(f"{where}: requires-python {text!r} is not a version specifier") from e


def refuse_credentials(url: str, where: str) -> None:
    """Raise UsageError if a URL holds a user or password; `${VARIABLES}` are none yet."""
    try:
        parts = urlsplit(url)
    except ValueError as e:
        raise UsageError(f"{where}: a malformed URL: {e}") from e
    user, at, host = parts.netloc.rpartition("@")
    is_ssh = parts.scheme.endswith("ssh") and ":" not in user
    if at and not is_ssh and not _VARIABLES.fullmatch(user):
        raise UsageError(
            f"{where}: the URL on {host} holds a password, which would lie in Redis in clear; "
            "write ${NAME} in its place and set NAME on the workers"
        )
