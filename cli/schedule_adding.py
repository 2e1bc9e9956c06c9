"""What `schedule add` does, step by step."""

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..broker.cron_times import Missed, next_fires
from ..broker.errors import UsageError
from ..broker.scheduling import Timetable, add_schedule, check_timetable
from ..broker.snapshot.target import locate
from . import config, loop
from .broker_url import working_url
from .connected import connected
from .identity import own_key
from .local_zone import local_zone
from .options import Common, TaskOptions
from .render.footer import footer
from .render.schedules import fire_lines, schedule_json
from .render.screen import Screen
from .submitting import hint_misplaced, submission_of

if TYPE_CHECKING:
    from ..broker.scheduling import Added

SHOWN: Final = 3
"""Times that are shown of a schedule."""
_FIELDS: Final = 5
_FIELD: Final = re.compile(r"[0-9*/,-]+")


class Adding:
    """One script on its way to a schedule."""

    def __init__(
        self,
        common: Common,
        options: TaskOptions,
        name: str,
        line: str,
        script: str,
        arguments: Sequence[str],
    ) -> None:
        """Look at everything that can be wrong with the script before anything is started.

        Raises:
            UsageError: an option, or the script.
        """
        for option in (name, line, script):
            if option.startswith("-"):
                raise UsageError(
                    f"option {option} stands after NAME; write options before NAME,"
                    " and those of the script after it"
                )
        if _is_cut(line, script):
            raise UsageError(f"cron line {line!r}: put all of its fields into one pair of quotes")
        self._name, self._line = name, " ".join(line.split())
        self._settings = config.load(common)
        self._screen = Screen(self._settings)
        here = Path.cwd()
        self._submission = submission_of(
            options,
            script,
            arguments,
            environ=config.variables(),
            workdir=here,
            queue=self._settings.queue,
            service_queue=self._settings.service_queue,
        )
        locate(self._submission.target, workdir=here)
        hint_misplaced(self._submission.target, script, arguments, self._screen)

    def add(self, zone: str, missed: str, *, replaces: bool) -> None:
        """Add it; print its name.

        Raises:
            UsageError: the schedule makes no sense, or the name is taken.
        """
        timetable = Timetable(
            name=self._name,
            expression=self._line,
            zone=zone or local_zone(config.variables()),
            missed=_missed(missed),
        )
        check_timetable(timetable, self._submission)
        pair = own_key(self._settings.home)
        url = working_url(self._settings, report=self._screen.say)

        async def go() -> "Added":
            opened = connected(url, self._settings.namespace, warn=self._screen.warn)
            async with opened as namespace:
                with self._screen.progress("packing the code") as progress:
                    return await add_schedule(
                        namespace,
                        self._submission,
                        timetable,
                        pair,
                        replaces=replaces,
                        progress=progress,
                    )

        self._tell(loop.run(go))

    def _tell(self, added: "Added") -> None:
        for warning in added.warnings:
            self._screen.warn(warning)
        if self._screen.json:
            self._screen.print_json({"schema": 1, **schedule_json(added.schedule)})
        else:
            self._screen.put(added.schedule.name)
        for line in when(added.schedule.expression, added.schedule.zone):
            self._screen.say(line)
        self._screen.say(f"code: {added.snapshot}")
        self._screen.say("it fires while `rq-agent scheduler` or `rq-agent up` runs somewhere")
        name = added.schedule.name
        footer(self._screen, [f"schedule run {name}", f"schedule show {name}"])


def when(expression: str, zone: str, *, count: int = SHOWN) -> list[str]:
    """Return a line of cron in words, and the next times at which it fires."""
    now_ms = time.time_ns() // 1_000_000
    return fire_lines(expression, zone, next_fires(expression, zone, now_ms, count))


def _is_cut(line: str, script: str) -> bool:
    """Return whether a shell took the fields of a line apart: nobody had quoted it."""
    fields = [*line.split(), script]
    return len(line.split()) < _FIELDS and all(_FIELD.fullmatch(each) for each in fields)


def _missed(text: str) -> Missed:
    try:
        return Missed(text)
    except ValueError:
        raise UsageError(f"--missed {text}: say {', '.join(Missed)}") from None
