"""What tasks of this namespace need: interned needs."""

import logging
from typing import Any

import msgspec

from . import keys
from .decoding import text
from .namespace import Namespace
from .needs import Need, shape_id
from .signed_task import brief

log = logging.getLogger(__name__)


class Shapes:
    """Reads the interned needs."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns

    async def all(self) -> dict[str, Need]:
        """Return every shape that this version can read, by id.

        A need that it can't read is one that it can't meet: such a shape fits nowhere here. Nor
        does one whose need was altered: then it has another id.
        """
        stored: Any = await self._ns.redis.hgetall(keys.shapes(self._ns.prefix))
        shapes: dict[str, Need] = {}
        for raw, encoded in stored.items():
            shape = text(raw)
            try:
                need = msgspec.json.decode(encoded, type=Need)
            except ValueError as e:  # also texts that are not UTF-8
                log.warning("shape %s: %s; its tasks need a newer worker", shape, brief(e))
                continue
            if shape_id(need) == shape:
                shapes[shape] = need
            else:
                log.warning("shape %s: its need was altered; its tasks stay in their queues", shape)
        return shapes
