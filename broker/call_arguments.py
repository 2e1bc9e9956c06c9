"""The arguments of a function call as JSON text: `[[positional...], {keyword...}]`. Pure.

Such a text goes as it is into a line that another process reads with the standard library's
`json`, among the lines of other tasks. So whatever passes here must be read there too.
"""

from typing import Any, Final

import msgspec

MAX_BYTES: Final = 200 * 1024
"""With its proof and what else is signed it has to fit into an envelope."""
MAX_DEPTH: Final = 100
"""Of lists and objects within each other, the two outer ones among them."""

Arguments = tuple[list[Any], dict[str, Any]]

_decoder: Final = msgspec.json.Decoder(Arguments)


def check(text: str) -> None:
    """Raise ValueError unless a text holds arguments."""
    decode(text)


def decode(text: str) -> Arguments:
    """Return what a text holds, of whomever.

    Raises:
        ValueError: it is no JSON of this form, too long, too deep, or more than one line.
    """
    size_bytes = len(text) if text.isascii() else len(text.encode())
    if size_bytes > MAX_BYTES:
        raise ValueError(
            f"its arguments have {size_bytes} bytes, most are {MAX_BYTES};"
            " put large values into a file"
        )
    if "\n" in text or "\r" in text:
        raise ValueError("its arguments are more than one line of JSON")
    try:
        arguments: Arguments = _decoder.decode(text)
    except RecursionError:
        raise ValueError(_too_deep()) from None
    except ValueError as e:
        raise ValueError(f"its arguments are not [[...], {{...}}] in JSON: {e}") from e
    # The brackets of a text are at least as many as its depth, and quickly counted.
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_deep(arguments):
        raise ValueError(_too_deep())
    return arguments


def encode(args: tuple[Any, ...] | list[Any], kwargs: dict[str, Any]) -> str:
    """Return the text of arguments; raise ValueError as `decode`. NaN and inf become null, as in msgspec."""
    try:
        text = msgspec.json.encode((args, kwargs)).decode()
    except RecursionError:
        raise ValueError(_too_deep()) from None
    except (TypeError, ValueError) as e:
        raise ValueError(f"its arguments can't be written as JSON: {e}") from e
    check(text)
    return text


def _is_deep(arguments: Arguments) -> bool:
    level: list[Any] = [arguments]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for values in level:
            inner += values.values() if type(values) is dict else values
        level = [value for value in inner if type(value) is list or type(value) is dict]
        if not level:
            return False
    return True


def _too_deep() -> str:
    return f"its arguments are more than {MAX_DEPTH} lists and objects within each other"
