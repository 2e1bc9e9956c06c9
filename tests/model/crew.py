"""Workers as their loops behave, seen from outside: what each holds and has heard."""

from rq_agent.broker.orders import Order, Profile, parse
from rq_agent.broker.presence import Inbox

from . import claiming
from .base import SHAPES
from .ending import Token
from .rig import Rig
from .stored import Stored

SLOTS = 3


class Worker:
    """It claims when something is new and there is room."""

    def __init__(self, rig: Rig, name: str, order: Order, shapes: tuple[str, ...]) -> None:
        self._rig = rig
        self.name = name
        self.order = order
        self.shapes = shapes
        self._profile = Profile(order=order, shapes=shapes).id
        self._inbox = Inbox(rig.ns, name)
        self.held: list[Token] = []
        self.unsure: list[Token] = []
        """What it held when Redis came back older: the record may be missing."""
        self.left_behind: list[Token] = []
        """What an earlier session of it held and never ended."""
        self.lost_nonce = ""
        """Of a claim whose answer did not arrive."""
        self.has_news = True
        self.is_parked = False
        self.drains = False
        self.is_paused = False
        self.is_off = False
        """It is outside of its hours."""

    @property
    def room(self) -> int:
        return SLOTS - len(self.held)

    def hear(self) -> None:
        """Read what came into the inbox."""
        self.has_news |= bool(self._rig.run(self._inbox.next(0)))
        if self.has_news:
            self.is_parked = False

    def ask(self, nonce: str, *, answers: int = 1, arrives: bool = True) -> list[Token]:
        """Claim as intake does; the answer may be lost. Returns what was claimed."""
        self.hear()
        if self.room < 1 or self.drains or self.is_paused or self.is_off:
            return []
        self.has_news = False
        for _ in range(answers):
            told = self._rig.claim(self.name, nonce, self.room, self.order, list(self.shapes))
        tokens = [Token(task[0], task[1], nonce) for task in told.tasks]
        if arrives:
            self.is_parked = told.parked
            self.held += [t for t in tokens if t not in self.held]
            self.lost_nonce = ""
        else:
            self.lost_nonce = nonce
        self.has_news = bool(told.held_until) or not arrives
        return tokens

    def beat(self, *, times: int = 1) -> None:
        """Renew what it holds, drop what it is told is lost, and make anew what Redis forgot."""
        for _ in range(times):
            profile = self._profile if self.is_parked else ""
            told, is_parked = self._rig.beat(self.name, self.held, profile)
            self.has_news |= self.is_parked and not is_parked
        for token in self.held:
            if token.task_id in told.missing and token in self.unsure:
                self._rig.recreate(self.name, token)
                told.missing.remove(token.task_id)
        gone = {*told.lost, *told.missing}
        self.held = [token for token in self.held if token.task_id not in gone]
        self.has_news |= bool(gone)

    def restart(self) -> None:
        """Die with all that it held, and come back as another session of its name."""
        self.left_behind += self.held
        self.held = []
        self.lost_nonce = ""
        self.has_news, self.is_parked, self.drains, self.is_off = True, False, False, False
        self._rig.run(self._inbox.start())

    def sleeps(self, found: Stored) -> bool:
        """Whether it is parked, and counts as alive."""
        until: float = found.get(f"idle:{self._profile}", {}).get(self.name, 0)
        return until > self._rig.now

    def could_claim(self) -> str:
        """A task that it might have; empty when there is none."""
        for queue in self.order.queues:
            found = claiming.waiting_for(self._rig.state, queue, self.shapes)
            if found:
                return found.id
        return ""


def crew(rig: Rig) -> list[Worker]:
    """Six workers in four orders; every second one runs tasks of all shapes."""
    orders = (
        parse("priority", ["q1", "q2", "q3"]),
        parse("priority", ["q2"]),
        parse("round-robin", ["q3", "q1"]),
        parse("weighted:3,1", ["q1", "q2"]),
    )
    return [
        Worker(rig, f"w{n}", order, SHAPES if n % 2 else SHAPES[:1])
        for n, order in enumerate(orders + orders[2:])
    ]
