"""Tells workers of news of the owner's."""

from typing import Final

from .. import keys
from ..namespace import Namespace
from ..presence import KEYRING, Workers

_INBOX_LENGTH: Final = 256
"""As in `lua/prelude.lua`."""


async def tell_of_keyring(ns: Namespace) -> None:
    """Let live workers look at the keyring now, not only in a minute."""
    pipe = ns.redis.pipeline(transaction=False)
    for worker in await Workers(ns).live():
        inbox = keys.inbox(ns.prefix, worker.name)
        pipe.xadd(inbox, {"c": KEYRING}, maxlen=_INBOX_LENGTH, approximate=True)
    await pipe.execute(raise_on_error=False)
