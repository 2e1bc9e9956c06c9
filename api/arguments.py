"""Arguments of a call as the text that is signed. The table of types: worker/host/calling.py."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..broker.errors import UsageError
from ..worker.host.encoding import NotEncodable, encode

_PREFIX: Final = "its result can't be encoded: "
NONE: Final = "[[],{}]"


def call_text(
    name: str, signature: inspect.Signature, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> str:
    """Return the JSON text `[[args...], {kwargs...}]` of a call.

    Raises:
        TypeError: the function takes other arguments, as when it is called here.
        UsageError: a value has no form in JSON.
    """
    try:
        signature.bind(*args, **kwargs)
    except TypeError as e:
        raise TypeError(f"{name}(): {e}") from None
    if not args and not kwargs:
        return NONE
    try:
        return encode([args, kwargs])
    except NotEncodable as e:
        problem = str(e).removeprefix(_PREFIX)
        raise UsageError(f"{name}(): its arguments can't be sent: {problem}") from e
