"""What Redis answers, as text. The client's types allow for more than our connections give."""

from typing import Any, Final

_DIGITS: Final = 16


def text(value: Any) -> str:
    """Return bytes as text that is always valid Unicode, so that it can be written as JSON."""
    raw: bytes = value
    return raw.decode("utf-8", "backslashreplace")


def whole(value: bytes | None) -> int | None:
    """Return a number of up to 16 digits; None if there is none: anybody may have stored it."""
    return int(value) if value and len(value) <= _DIGITS and value.isdigit() else None


def texts(values: Any) -> list[str]:
    """Return the members of a collection as text."""
    return [text(member) for member in values]


def fields(values: Any) -> dict[str, str]:
    """Return the fields of a hash or of a stream's entry as text."""
    stored: dict[bytes, bytes] = values
    return {text(name): text(value) for name, value in stored.items()}
