import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rq_agent.worker.process.lines import MAX_BYTES, Piece, cut

WORDS = st.sampled_from(
    [
        b"a",
        b"b c",
        b"\n",
        b"\r",
        b"\r\n",
        b"\r\r",
        b"50%",
        "é".encode(),
        "€😀".encode(),
        b"\xff",
        b"\xc3",
    ]
)
PARTS = st.lists(st.lists(WORDS, max_size=6).map(b"".join), max_size=12)


def ship(parts: list[bytes]) -> Iterator[Piece]:
    """Grow a file part by part, cut after each, and ship the rest at the end."""
    content, at, seen = b"", 0, 0
    for number, part in enumerate([*parts, b""], start=1):
        content += part
        pieces = cut(
            content[at:],
            mid_line=at > 0 and content[at - 1 : at] != b"\n",
            seen=max(0, seen - at),
            final=number > len(parts),
        )
        at += sum(piece.raw_bytes for piece in pieces)
        seen = len(content)
        yield from pieces
    assert at == len(content)


def on_screen(printed: bytes) -> list[bytes]:
    """Return the lines as a person sees them: of a rewritten line, its latest text."""
    lines = re.sub(rb"\r+\n", b"\n", printed).split(b"\n")
    return [next((s for s in reversed(line.split(b"\r")) if s), b"") for line in lines]


@given(PARTS)
def test_without_carriage_returns_what_is_shipped_is_the_file(parts: list[bytes]) -> None:
    parts = [part.replace(b"\r", b"") for part in parts]

    assert b"".join(piece.data for piece in ship(parts)) == b"".join(parts)


@given(PARTS)
def test_what_is_shipped_shows_the_same_lines_as_the_file(parts: list[bytes]) -> None:
    shipped = b"".join(piece.data for piece in ship(parts))

    assert on_screen(shipped) == on_screen(b"".join(parts))


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r")), max_size=8))
def test_whole_characters_are_never_split_when_they_are_written_whole(texts: list[str]) -> None:
    for piece in ship([text.encode() for text in texts]):
        piece.data.decode("utf-8")


@given(st.binary(max_size=4), st.integers(1, 4 * MAX_BYTES), st.binary(max_size=4))
def test_pieces_are_never_too_long(before: bytes, length: int, after: bytes) -> None:
    raw = before + b"x" * length + after

    pieces = cut(raw, mid_line=False, seen=0, final=True)

    assert max(len(piece.data) for piece in pieces) <= MAX_BYTES
    assert sum(piece.raw_bytes for piece in pieces) == len(raw)


@pytest.mark.parametrize(
    ("raw", "mid_line", "shipped"),
    [
        (b" 10%\r 20%\r 30%", False, b" 30%"),
        (b" 10%\r 20%\r 30%\r", False, b" 30%"),
        (b"\r 40%\r 50%", True, b"\r 50%"),
        (b"\r 100%\ndone\n", True, b"\r 100%\ndone\n"),
        (b" 10%\r 20%\nnext\n", False, b" 20%\nnext\n"),
        (b"one\r\ntwo\r\r\n", False, b"one\ntwo\n"),
        (b"whole\nhalf", False, b"whole\n"),
        (b"half", False, b""),
        (b"caf\xc3\r\n\xc3", False, b"caf\xc3\n"),
    ],
)
def test_a_progress_bar_ships_its_latest_text_and_a_plain_rest_waits(
    raw: bytes, mid_line: bool, shipped: bytes
) -> None:
    pieces = cut(raw, mid_line=mid_line, seen=0, final=False)

    assert b"".join(piece.data for piece in pieces) == shipped


def test_a_rest_that_stood_there_at_the_call_before_is_shipped() -> None:
    assert cut(b"Password: ", mid_line=False, seen=4, final=False) == [Piece(10, b"Password: ")]


def test_long_text_is_cut_after_lines() -> None:
    line = b"x" * 99 + b"\n"

    pieces = cut(line * 1000, mid_line=False, seen=0, final=False)

    assert all(piece.data.endswith(b"\n") for piece in pieces)
    assert len(pieces) == 7


def test_a_long_line_is_cut_between_characters() -> None:
    raw = b"x" + "😀".encode() * 10_000

    pieces = cut(raw, mid_line=False, seen=0, final=False)

    assert b"".join(piece.data for piece in pieces) == raw
    assert [piece.data.decode()[:1] for piece in pieces] == ["x", "😀", "😀"]


@pytest.mark.parametrize("end", [b"", b"\n", b"x", b"x\n"])
def test_a_megabyte_of_carriage_returns_costs_one_pass(end: bytes) -> None:
    pieces = cut(b"\r" * 1_000_000 + end, mid_line=False, seen=0, final=True)

    assert b"".join(piece.data for piece in pieces) == end
    assert sum(piece.raw_bytes for piece in pieces) == 1_000_000 + len(end)
