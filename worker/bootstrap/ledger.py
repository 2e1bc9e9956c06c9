"""Which overrides there are, which were read, and what the script really used."""

import os
import sys
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from .sources import Survey

_INFRASTRUCTURE_EXIT = 125
_MOST_NAMES = 500


class Ledger:
    """One per process; the hooks and `rq_agent.params` write into it."""

    def __init__(self, script: str, overrides: "Mapping[str, str]", used_path: str = "") -> None:
        self.script = os.path.abspath(script)
        self.overrides = dict(overrides)
        self._used_path = os.path.abspath(used_path) if used_path else ""
        self._process = os.getpid()
        self._read: set[str] = set()
        self._known: dict[str, None] = {}
        self._used: dict[str, str] = {}
        self._survey: Survey | None = None
        self._lock = allocate_lock()

    @classmethod
    def from_environment(cls, script: str) -> "Ledger":
        """Read the overrides that the worker left for this task."""
        overrides = read_overrides(os.environ.get("RQ_AGENT_PARAMS_FILE", ""))
        return cls(script, overrides, os.environ.get("RQ_AGENT_USED_FILE", ""))

    def is_main_process(self) -> bool:
        """False in a forked child, which must neither record nor complain."""
        return os.getpid() == self._process

    def consume(self, names: "Iterable[str]") -> None:
        """Somebody took these overrides."""
        self._read.update(names)

    def learn(self, names: "Iterable[str]") -> None:
        """The script has parameters of these names: what near names are looked up in."""
        self._known.update(dict.fromkeys(names))

    def unread(self) -> "list[str]":
        """The overrides that nobody took so far."""
        return [name for name in self.overrides if name not in self._read]

    def survey(self) -> "Survey":
        """Who else in the sources may read parameters; looked up once."""
        if self._survey is None:
            from .sources import survey

            self._survey = survey(self.script)
        return self._survey

    def complaint(self) -> str:
        """One line that names the unread overrides and near names."""
        from .near import hint

        unread = self.unread()
        if not self._known:
            names = ", ".join(map(repr, unread))
            return f"{names} from --set: the script reads no parameters that can be overridden"
        told = [f"{name!r} from --set{hint(name, self._known)}" for name in unread]
        return "unrecognized parameter " + "; ".join(told)

    def refuse_unread(self) -> None:
        """End the script now if no later code can read what is still unread (`rq_agent.params`)."""
        if not self.unread() or not self.is_main_process() or self.survey().has_later_readers:
            return
        program = os.path.basename(self.script)
        sys.stderr.write(f"{program}: error: {self.complaint()}\n")
        self.consume(self.unread())  # said once
        raise SystemExit(2)

    def record(self, values: "Mapping[str, Any]") -> None:
        """Add to the parameters that the script used; on disk when this returns."""
        if not self._used_path or not self.is_main_process():
            return
        from .values import render

        with self._lock:
            for name, value in values.items():
                if name in self._used or len(self._used) < _MOST_NAMES:
                    self._used[name] = render(name, value)
            self._write()

    def _write(self) -> None:
        import json

        partial = f"{self._used_path}.{self._process}.partial"
        try:
            with open(partial, "w", encoding="utf-8") as file:
                json.dump(self._used, file)
            os.replace(partial, self._used_path)
        except OSError as e:  # a full disk must not end a training
            sys.stderr.write(f"rq-agent: cannot record the parameters used: {e}\n")


def read_overrides(path: str) -> "dict[str, str]":
    """The overrides in a JSON file {name: text}; none if there is no file."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read().strip()
    except FileNotFoundError:
        return {}
    except OSError as e:
        raise _unusable(path, e) from None
    if text in ("", "{}"):
        return {}  # the common case does not pay for json
    import json

    try:
        found = json.loads(text)
        return {str(name): str(value) for name, value in found.items()}
    except (ValueError, AttributeError) as e:
        raise _unusable(path, e) from None


def _unusable(path: str, reason: Exception) -> SystemExit:
    sys.stderr.write(f"rq-agent: cannot use the overrides in {path}: {reason}\n")
    return SystemExit(_INFRASTRUCTURE_EXIT)
