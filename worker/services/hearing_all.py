"""Reads all that a host reports, and has it heard, a part at a time."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import anyio

from .hearing import Hearing
from .isolation import Death
from .messages import Nonsense
from .reports import Reports

_PARTS: Final = 16
"""So many parts of its reports are heard at once; then there is a pause after each."""
_PAUSE_S: Final = 0.01


class HearingAll:
    """Of one host.

    Args:
        folder: of the host.
        hearing: hears each report.
        tell: called after each part.
        condemn: called when it reports what can't be read: nothing after that is read.
    """

    def __init__(
        self,
        folder: Path,
        hearing: Hearing,
        *,
        tell: Callable[[], None],
        condemn: Callable[[Death], None],
    ) -> None:
        self._hearing = hearing
        self._reports = Reports(folder)
        self._tell = tell
        self._condemn = condemn
        self._is_deaf = False

    @property
    def segment(self) -> int:
        """Number of the file that is read now."""
        return self._reports.segment

    async def take_all(self) -> None:
        """Hear all that there is; one that says much must not keep the others waiting."""
        parts = 0
        while self.take():
            parts += 1
            await anyio.sleep(_PAUSE_S if parts > _PARTS else 0)

    def take(self) -> bool:
        """Hear the next part; return whether there may be more."""
        if self._is_deaf:
            return False
        try:
            reports = self._reports.read()
            for report in reports or ():
                self._hearing.hear(report, self._reports.segment)
        except Nonsense as e:
            self._is_deaf = True
            self._condemn(Death(reason=f"it reported what can't be read: {e}"))
            return False
        finally:
            self._tell()
        return reports is not None

    def close(self) -> None:
        """Read no more."""
        self._reports.close()
