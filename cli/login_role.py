"""What the login of a server's URL may, as far as its name tells, and what to say of it."""

from urllib.parse import unquote, urlsplit

from ..broker.errors import AccessDenied
from ..broker.roles import Role, role_of


def role_in(url: str) -> Role | None:
    """Return the role that a machine joined with; None where the URL does not tell."""
    try:
        return role_of(unquote(urlsplit(url).username or ""))
    except ValueError:  # not for us to say what is wrong with it
        return None


def check_may_work(url: str) -> None:
    """Raise AccessDenied if a worker would end at its start for want of rights."""
    if (role := role_in(url)) in ("submitter", "viewer"):
        raise AccessDenied(
            f"this machine joined as {role}, which runs no tasks; ask for a link of "
            "`rq-agent invite worker`"
        )


def problem_of_submitting(url: str) -> str:
    """Return what to warn of before a task is signed; empty for most."""
    if role_in(url) != "worker":
        return ""
    return (
        "this machine joined as worker: others refuse tasks signed here, unless they trust its "
        "key; ask for a link of `rq-agent invite submitter`"
    )
