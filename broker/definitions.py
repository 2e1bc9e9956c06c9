"""Definitions of tasks, read by their digest."""

from collections import OrderedDict
from typing import Final

import msgspec

from . import keys
from .definition import MAX_BYTES, Definition, digest
from .errors import TrustError
from .namespace import Namespace
from .signed_task import brief
from .stored import stored_bytes

_CACHED: Final = 256


class Definitions:
    """Reads definitions. What was read once is kept: an address never changes its content."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._known: OrderedDict[str, Definition] = OrderedDict()

    def known(self, address: str) -> Definition | None:
        """Return a definition that was read before."""
        known = self._known.get(address)
        if known is not None:
            self._known.move_to_end(address)
        return known

    async def get(self, address: str) -> Definition:
        """Return the definition of a digest.

        Raises:
            TrustError: it is absent, too large, altered or malformed.
        """
        if (known := self.known(address)) is not None:
            return known
        key = keys.definition(self._namespace.prefix, address)
        encoded = await stored_bytes(self._namespace.redis, key, most=MAX_BYTES)
        definition = decode(address, encoded)
        self._known[address] = definition
        if len(self._known) > _CACHED:
            self._known.popitem(last=False)
        return definition


def decode(address: str, encoded: bytes) -> Definition:
    """Return a definition whose bytes are what its address says.

    Raises:
        TrustError: they are not, or they are no definition.
    """
    if not encoded:
        raise TrustError(f"definition {address[:12]} is not in redis: submit the task again")
    if len(encoded) > MAX_BYTES:
        raise TrustError(f"definition {address[:12]} is larger than {MAX_BYTES} bytes")
    if digest(encoded) != address:
        raise TrustError(f"definition {address[:12]} was altered: its content has another digest")
    try:
        return msgspec.msgpack.decode(encoded, type=Definition)
    except ValueError as e:  # also texts that are not UTF-8
        raise TrustError(f"definition {address[:12]} is malformed: {brief(e)}") from e
