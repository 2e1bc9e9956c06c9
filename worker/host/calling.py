"""Calls a function with JSON, and takes its result as JSON.

What may stand in annotations, and how it looks in JSON; the same in both directions, with and
without msgspec in the environment of the task (where it is there, its rules are these):

    Python                                      JSON
    ------------------------------------------  ----------------------------------------------
    None, bool, str                             null, true/false, string
    int                                         number without fraction (2.0 is taken too)
    float                                       number; NaN and infinity have no form
    list, Sequence, Iterable, Collection        array
    tuple, tuple[int, str], tuple[int, ...]     array
    set, frozenset                              array
    dict, Mapping; also dict[int, ...]          object; keys that are no texts as texts: "1"
    Optional, Union, X | Y                      the member of exactly that type, else the first
                                                from the left that accepts the value
    Literal, Enum                               the value
    bytes, bytearray                            string, base64
    datetime, time, date                        string, RFC 3339: "2026-01-31T12:00:00Z"
    timedelta                                   string, ISO 8601: "P1DT2.5S"
    UUID, Decimal, Path                         string
    dataclass, TypedDict, msgspec.Struct, attrs object (names that it does not know are ignored)
    NamedTuple                                  array
    pydantic model                              what its own methods read and write
    Any, object, nothing, a name that is not    the JSON value itself
    there at run time
    anything else                               by msgspec, else an error

A value that is not given is left to the function's own default; null is taken where that is None.
"""

from __future__ import annotations

from .encoding import NotEncodable, encode
from .parameters import Parameters, WrongArguments
from .targets import BadTarget, resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

__all__ = ["BadTarget", "NotEncodable", "WrongArguments", "bind", "encode", "resolve"]

_known: dict[Callable[..., Any], Parameters] = {}


def bind(
    function: Callable[..., Any], arguments: Sequence[Any]
) -> tuple[Sequence[Any], dict[str, Any]]:
    """Return what to call a function with: positional and keyword arguments, converted.

    Args:
        function: what `resolve` returned.
        arguments: `[[positional ...], {name: value}]`, decoded from JSON.

    Raises:
        WrongArguments: too many, too few, unknown names, or values of other types.
    """
    wanted = _known.get(function)
    if wanted is None:
        wanted = _known[function] = Parameters(function)
    args, kwargs = arguments
    if not kwargs and wanted.fits_as_it_is(len(args)):
        return args, kwargs
    return wanted.bind(args, kwargs)
