"""What `schedule add` does, step by step."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..broker.cron_times import Missed
from ..broker.errors import UsageError
from ..broker.scheduling import Timetable, add_schedule, check_timetable
from ..broker.snapshot.target import locate
from . import config, loop
from .broker_url import working_url
from .connected import connected
from .identity import own_key
from .local_zone import local_zone
from .options import Common, TaskOptions
from .render.schedules import line_of, schedule_json
from .render.screen import Screen
from .submitting import hint_misplaced, submission_of

if TYPE_CHECKING:
    from ..broker.scheduling import Added


class Adding:
    """One script on its way to a schedule."""

    def __init__(
        self, common: Common, options: TaskOptions, script: str, arguments: Sequence[str]
    ) -> None:
        """Look at everything that can be wrong with the script before anything is started.

        Raises:
            UsageError: an option, or the script.
        """
        if script.startswith("-"):
            raise UsageError(f"option {script} stands after NAME; write options before NAME")
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
        )
        locate(Path(script), workdir=here)
        hint_misplaced(script, arguments, self._screen)

    def add(self, name: str, line: str, zone: str, missed: str, *, replaces: bool) -> None:
        """Add it; print its name.

        Raises:
            UsageError: the schedule makes no sense, or the name is taken.
        """
        timetable = Timetable(
            name=name,
            expression=" ".join(line.split()),
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
        self._screen.say(line_of(added.schedule))
        self._screen.say(f"code: {added.snapshot}")
        self._screen.say("it fires while this runs somewhere:  rq-agent scheduler")


def _missed(text: str) -> Missed:
    try:
        return Missed(text)
    except ValueError:
        raise UsageError(f"--missed {text}: say {', '.join(Missed)}") from None
