"""Arguments of a call as the text that is signed. The table of types: worker/host/calling.py."""

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from ..broker.errors import UsageError
from ..worker.host.encoding import NotEncodable, encode

_PREFIX: Final = "its result can't be encoded: "
_BY_PLACE: Final = re.compile(r"result\[0\]\[(\d+)\]")
_BY_NAME: Final = re.compile(r"result\[1\]\['(\w+)'\]")
_NONE: Final = "[[],{}]"
_PLAIN: Final = frozenset(
    {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
)

_encoder: Final = msgspec.json.Encoder()


class Arguments:
    """Writes the arguments of one function."""

    def __init__(self, name: str, function: Any) -> None:
        self._name = name
        self._signature = inspect.signature(function)
        parameters = self._signature.parameters.values()
        is_plain = all(each.kind in _PLAIN for each in parameters)
        required = [each for each in parameters if each.default is inspect.Parameter.empty]
        self._counts = range(len(required), len(parameters) + 1) if is_plain else range(0)
        """So many positional arguments fit, whatever they are."""

    def text(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """Return the JSON text `[[args...], {kwargs...}]` of a call.

        Raises:
            TypeError: the function takes other arguments, as when it is called here.
            UsageError: a value has no form in JSON.
        """
        if kwargs or len(args) not in self._counts:
            try:
                self._signature.bind(*args, **kwargs)
            except TypeError as e:
                raise TypeError(f"{self._name}(): {e}") from None
        if not args and not kwargs:
            return _NONE
        try:
            encoded = _encoder.encode((args, kwargs))
            if b"null" not in encoded:  # it may be NaN, which only the slower one refuses
                return encoded.decode()
        except (TypeError, ValueError, RecursionError):
            pass  # what msgspec does not know, the slower one does, or says why not
        return self._slowly(args, kwargs)

    def _slowly(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        try:
            return encode([args, kwargs])
        except NotEncodable as e:
            problem = _in_words(str(e).removeprefix(_PREFIX))
            raise UsageError(f"{self._name}(): its arguments can't be sent: {problem}") from e


def _in_words(problem: str) -> str:
    """Return a problem with the names of arguments, where the encoder counts a list of them."""
    problem = _BY_PLACE.sub(lambda found: f"argument {int(found[1]) + 1}", problem)
    return _BY_NAME.sub(r"argument \1", problem)
