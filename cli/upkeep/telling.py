"""Gathers what `up` has to say, once what it was asked for is done."""

from ...broker.errors import RqAgentError
from ...web.running import running
from .. import serving
from ..config import Settings
from . import logs, settled
from .invitations import ROLES, invite
from .place import PartState, Place
from .report import Told
from .wanted import Wanted


def told(settings: Settings, here: Place, wanted: Wanted, *, changed: bool, invites: bool) -> Told:
    """Wait until it is done, and return what there is to say.

    Args:
        settings: of this process.
        here: the files of `up`.
        wanted: what was asked for.
        changed: it was not so before.
        invites: machines that may join are invited, where `up` listens.

    Raises:
        RqAgentError: the supervisor is gone.
    """
    state = settled.wait(here, wanted)
    if state is None:
        log = here.log("up")
        raise RqAgentError(f"the supervisor has ended; {log} says:\n{logs.since(log, 0)}")
    runs = {part.name: part for part in state.parts if part.state == "running"}
    invited = invite(settings, wanted, ROLES) if invites and "relay" in runs else []
    page, login = _page(settings, runs["web"]) if "web" in runs else ("", "")
    return Told(state=state, changed=changed, page=page, login=login, invitations=invited)


def _page(settings: Settings, part: PartState) -> tuple[str, str]:
    """Return the address of the page, and one that logs in."""
    for found in running(serving.folder(settings)):
        if part.process and found.pid == part.process.pid:
            return found.url, serving.login_link(settings, found)
    return "", ""
