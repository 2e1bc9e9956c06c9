"""Lets one machine in. Each step may be repeated: after a crash the whole request is."""

import logging

import msgspec

from .. import keys
from ..errors import TrustError, UsageError
from ..keypair import check_signature
from ..namespace import Namespace
from ..streams import Entry
from ..trusted_key import parse_line, trusted_key
from .clock import now_ms
from .logins import Logins
from .members import Members
from .owner import Owner
from .records import FRESH_MS, SUBMIT, Grant, Member, TokenRecord
from .request import (
    Answer,
    Kind,
    Message,
    Request,
    fields_of,
    parse_request,
    proven,
    read,
    request_id,
)
from .tokens import Tokens

log = logging.getLogger(__name__)


class Admission:
    """Needs the login of whoever runs the server."""

    def __init__(self, ns: Namespace, owner: Owner, tokens: Tokens) -> None:
        self._ns = ns
        self._admin = ns.redis
        self._owner = owner
        self._tokens = tokens
        self._members = Members(ns)
        self._logins = Logins(ns)

    async def hear(self, token_id: str, record: TokenRecord, entry: Entry) -> None:
        """Act on what was said with a token; what was not said with it is passed over."""
        entry_id, fields = entry
        message = read(fields, record.mac_key)
        if message is None:
            log.warning("join: token %s: an entry that is no message of its holder", token_id)
        elif message.kind is Kind.REQUEST:
            await self._answer(token_id, record, message, said_ms=int(entry_id.split(b"-")[0]))
        elif message.kind is Kind.DONE:
            await self._close(token_id, message.content)

    async def _answer(
        self, token_id: str, record: TokenRecord, message: Message, *, said_ms: int
    ) -> None:
        request = request_id(message.content)
        is_fresh = await now_ms(self._ns) - said_ms < FRESH_MS
        if record.grant(request) is None and not is_fresh:
            return  # who asked has gone, and may come again with the same token
        try:
            answer = await self._admit(token_id, request, message.content, record)
        except (TrustError, UsageError) as e:
            answer = Answer(request=request, problem=str(e))
        if answer.problem:
            log.warning("join: token %s: refused: %s", token_id, answer.problem)
        await self._say(token_id, record, answer)

    async def _admit(
        self, token_id: str, request_id: str, content: bytes, record: TokenRecord
    ) -> Answer:
        request = parse_request(content)
        self._check_key_is_own(request, token_id)
        wanted = _wanted(request, request_id, record)
        granted = await self._tokens.grant(token_id, request_id, wanted)
        if not isinstance(granted, Grant):
            return Answer(request=request_id, problem=granted)
        member = await self._members.find(granted.user)
        if member is None:
            return Answer(request=request_id, problem="this login was removed again")
        await self._logins.let_member_in(member, request.password_sha256)
        if member.submits:
            key = trusted_key(member.public, member.key_name, member.queues)
            serial = await self._owner.add(key)
        else:
            serial = await self._owner.serial()
        log.info("join: %s %s joined as %s", member.role, member.name, member.user)
        return Answer(
            request=request_id,
            user=member.user,
            namespace=self._ns.name,
            queues=member.queues,
            serial=serial,
            owner=self._owner.name,
            keeper=self._owner.public,
        )

    def _check_key_is_own(self, request: Request, token_id: str) -> None:
        """Raise TrustError if the key goes into the keyring and may be somebody else's.

        Who brings another's key would change what that one may do, and have it removed with himself.
        """
        if request.role not in SUBMIT:
            return
        if not request.proof:
            raise TrustError(
                "the request does not prove whose key it names: upgrade rq-agent there"
            )
        public, _ = parse_line(request.key)
        message = proven(self._owner.public, token_id, request.password_sha256)
        try:
            check_signature(public, message, request.proof)
        except TrustError:
            raise TrustError("the key that the request names is not the joiner's own") from None

    async def _say(self, token_id: str, record: TokenRecord, answer: Answer) -> None:
        fields = fields_of(Kind.ANSWER, msgspec.json.encode(answer), record.mac_key)
        stream = keys.join(self._ns.prefix, token_id)
        # Not into a stream that is gone with its token: nobody would remove it again.
        await self._admin.xadd(stream, fields, nomkstream=True)  # type: ignore[arg-type]

    async def _close(self, token_id: str, request: bytes) -> None:
        """Remove a token that let in all it may, once the last one has kept its answer."""
        record = (await self._tokens.open()).get(token_id)
        if record is None or record.uses or not record.granted:
            return
        if record.granted[-1].request.encode() == request:
            await self._tokens.revoke(token_id)


def _wanted(request: Request, request_id: str, record: TokenRecord) -> Member:
    """Return the member that a request is to become."""
    public, key_name = parse_line(request.key)
    name = record.name or request.name
    key = trusted_key(public, key_name or name, record.queues)
    return Member(
        user="",
        role=request.role,
        name=name,
        key_id=key.id,
        public=public,
        key_name=key.name,
        queues=record.queues,
        request=request_id,
        joined_ms=0,
    )
