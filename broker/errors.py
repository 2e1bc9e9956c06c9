"""Errors that callers of rq-agent may catch.

RqAgentError
    BrokerUnavailable      Redis does not answer; retrying later may help
        ReplyLost          it was asked, and its reply did not come: it may have done it
        CertificateExpired that of the server: it was not spoken to; has .where
        BrokerRefused      Redis answers and says no: read-only, out of memory, too old
            AccessDenied   wrong user or password
            KeyMisused     a key of ours holds something else
            ServerReadOnly a replica, maybe one that was the primary a moment ago
    TrustError             a record whose signature, size or form is not acceptable
        TrustFileError     in trust.py: the worker's own trust file; no task is to blame
    SnapshotError          the code can't be packed or unpacked
    BuildError             an environment can't be built; .details holds the tool's own words
        DiskFull               for want of room: the machine is to blame, not the task
    ArchiveError           the archive can't be used
        ArchiveUnavailable     its place can't be read or written just now; retrying may help
        ArchiveDamaged         a part of it was altered or cut short; the rest can be read
    TaskError              about one task; has .task_id
        TaskNotFound
        WrongState         its state does not allow what was asked for; has .state
        NotConfirmed       it was enqueued, but nobody confirmed in time that it can't get lost
    QueueInUse             a queue that has tasks, or workers that listen to it; has .queue
    SelectorError          a selector that names no task, or several
        NothingSelected        it names none that is in Redis
    UsageError             a value that a person gave is not acceptable
"""

from .keys import TaskId


class RqAgentError(Exception):
    """Base of every error that rq-agent raises on purpose."""


class BrokerUnavailable(RqAgentError):
    """Redis does not answer."""


class ReplyLost(BrokerUnavailable):
    """Redis was asked and did not answer: whether it did what it was asked for is not known."""


class CertificateExpired(BrokerUnavailable):
    """The server shows a certificate that is no longer valid."""

    def __init__(self, where: str, certificate: str = "") -> None:
        """`certificate`: which one, in brackets."""
        super().__init__(
            f"cannot reach redis at {where}: its certificate{certificate} has expired; who runs the "
            "server has to renew it, unless the clock of this machine is wrong"
        )
        self.where = where


class BrokerRefused(BrokerUnavailable):
    """Redis answers, but not as we need it. The message says why and what to do."""


class AccessDenied(BrokerRefused):
    """Redis refused the user or the password."""


class KeyMisused(BrokerRefused):
    """A key of rq-agent holds another type of value: somebody else wrote to it."""


class ServerReadOnly(BrokerRefused):
    """Redis is a read-only replica. Its connections are dropped: the address may lead elsewhere."""


class TrustError(RqAgentError):
    """A signed record is forged, altered, replayed, oversized or malformed."""


class SnapshotError(RqAgentError):
    """The code of a task can't be packed or unpacked."""


class BuildError(RqAgentError):
    """An environment can't be built.

    `details` holds the building tool's own words, for the task's log.
    """

    def __init__(self, problem: str, details: str = "") -> None:
        super().__init__(problem)
        self.details = details


class DiskFull(BuildError):
    """There is no room on the disk to build an environment."""


class ArchiveError(RqAgentError):
    """The archive can't be used."""


class ArchiveUnavailable(ArchiveError):
    """The place of the archive can't be read or written: disk full, not mounted, no access."""


class ArchiveDamaged(ArchiveError):
    """A file of the archive is not what its name says. Other files are not affected."""


class UsageError(RqAgentError):
    """A value that a person gave is not acceptable."""


class SelectorError(RqAgentError):
    """A selector (id, prefix, name, `last`) that names no task, or several."""


class NothingSelected(SelectorError):
    """A selector that names no task that is in Redis; the archive may have one."""


class TaskError(RqAgentError):
    """Something about one task."""

    def __init__(self, task_id: TaskId, problem: str) -> None:
        super().__init__(f"task {task_id}: {problem}")
        self.task_id = task_id


class TaskNotFound(TaskError):
    """No record of that id exists."""

    def __init__(self, task_id: TaskId) -> None:
        super().__init__(task_id, "not found")


class WrongState(TaskError):
    """The state of a task does not allow what was asked for."""

    def __init__(self, task_id: TaskId, state: str, problem: str) -> None:
        super().__init__(task_id, problem)
        self.state = state


class NotConfirmed(TaskError):
    """A task is on its queue, but may still be lost with the server that took it."""


class QueueInUse(RqAgentError):
    """A queue can't go: it has tasks that are not final, or live workers listen to it."""

    def __init__(self, queue: str, problem: str) -> None:
        super().__init__(f"queue {queue} {problem}")
        self.queue = queue
