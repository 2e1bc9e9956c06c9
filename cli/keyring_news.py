"""Looks at the keyring before a command reads what other people signed."""

from typing import TYPE_CHECKING

from ..broker.keyrings import Keyrings
from ..broker.trust import TrustFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..broker.namespace import Namespace
    from .config import Settings


async def look(
    namespace: "Namespace", settings: "Settings", *, warn: "Callable[[str], None]"
) -> None:
    """Learn whom this user's keepers trust by now. A trouble is told; what is known counts on."""
    trust = TrustFile(settings.home.config / "trust.json")
    await Keyrings(namespace, trust, warn=warn).look()
