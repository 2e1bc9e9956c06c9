"""What the thread of a loop is doing, as seen from another thread."""

from __future__ import annotations

import asyncio
import os
import selectors
import sys
import traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

_OURS = (
    os.path.dirname(os.path.abspath(__file__)) + os.sep,
    os.path.dirname(asyncio.__file__) + os.sep,
    selectors.__file__,
    "<frozen ",
)
_MOST_FRAMES = 50


def users_frames(thread_id: int) -> list[FrameType]:
    """The frames of a thread, outermost first, without those of the host and of the loop."""
    frames: list[FrameType] = []
    frame = sys._current_frames().get(thread_id)
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    while frames and frames[-1].f_code.co_filename.startswith(_OURS):
        frames.pop()
    return frames[::-1]


def shown(frames: list[FrameType]) -> str:
    """As in a traceback: the last call stands last."""
    summary = traceback.StackSummary.extract(
        (frame, frame.f_lineno) for frame in frames[-_MOST_FRAMES:]
    )
    return "".join(summary.format())
