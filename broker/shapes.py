"""What tasks of this namespace need: interned needs."""

import logging

import msgspec

from . import keys
from .namespace import Namespace
from .needs import Need

log = logging.getLogger(__name__)


class Shapes:
    """Reads the interned needs."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns

    async def all(self) -> dict[str, Need]:
        """Return every shape that this version can read, by id.

        A need that it can't read is one that it can't meet: such a shape fits nowhere here.
        """
        stored = await self._ns.redis.hgetall(keys.shapes(self._ns.prefix))
        shapes: dict[str, Need] = {}
        for shape, need in stored.items():
            try:
                shapes[_text(shape)] = msgspec.json.decode(need, type=Need)
            except msgspec.MsgspecError as e:
                log.warning("shape %s: %s; its tasks need a newer worker", _text(shape), e)
        return shapes


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "backslashreplace")
