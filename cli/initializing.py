"""What `init` does: it plans what to write, shows it, and writes it."""

from collections.abc import Mapping
from typing import Final

import msgspec

from ..broker import urls
from ..broker.errors import UsageError
from ..broker.home import Home
from ..broker.joining import link as links
from . import config, config_writing, contexts, exits, init_answers, joining
from .asking import agrees
from .config import Settings
from .config_file import FILE_NAME
from .context_listing import warn_of_outranking
from .contexts import Context
from .init_answers import EMBEDDED, Answers, Given
from .options import Common
from .render.screen import Screen

_OUTRANKING: Final = ("RQ_AGENT_REDIS_URL", "RQ_AGENT_CONTEXT", "RQ_AGENT_NAMESPACE")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What will be written."""

    context: Context | None
    """That becomes the current one; None: the present one stays, or a join brings one."""
    link: str
    values: dict[tuple[str, str], str]
    """Of config.toml: tables and keys."""


def init(
    common: Common, screen: Screen, given: Given, environ: Mapping[str, str], *, is_sure: bool
) -> int:
    """Gather answers, show what will be written, and write it; return an exit code.

    Raises:
        UsageError: an answer is not acceptable, or nobody is there to be asked.
    """
    if common.redis or common.context:
        raise UsageError("init takes neither --redis nor --context: say --server")
    settings = _present(common, environ)
    plan = _plan(settings, init_answers.gather(settings, screen, given, is_sure=is_sure))
    if plan.context or plan.link or plan.values:
        _show(screen, settings, plan)
        if not is_sure and not agrees("Write this", usual=True):
            screen.say("nothing was written")
            return exits.FAILED
        _write(settings, screen, plan, given)
    else:
        screen.say("nothing has to be written: all is set like this already")
    if not plan.link:
        _report(screen, _present(common, environ))
    warn_of_outranking(screen, environ)
    return exits.OK


def _present(common: Common, environ: Mapping[str, str]) -> Settings:
    """Return what files say now; a current context that is gone counts as none."""
    rest = {name: value for name, value in environ.items() if name not in _OUTRANKING}
    home = config.home_of(environ)
    context = contexts.LOCAL if _is_stale(home) else ""
    return config.load(Common(context=context, json=common.json), rest)


def _is_stale(home: Home) -> bool:
    """Return whether the current context is one that is gone."""
    return contexts.current(home) not in ("", *contexts.names(home), *contexts.RESERVED)


def _plan(settings: Settings, answers: Answers) -> Plan:
    """Return what has to be written for it to be so."""
    values: dict[tuple[str, str], str] = {}
    if answers.queue and answers.queue != settings.queue:
        values["submit", "queue"] = answers.queue
    if answers.namespace and not answers.url:
        _check_namespace_is_of_file(settings, answers)
        if answers.namespace != settings.namespace:
            values["redis", "namespace"] = answers.namespace
    context = None
    if answers.url:
        name = _name(settings, answers.url)
        context = Context(name=name, url=answers.url, namespace=answers.namespace)
    elif not answers.is_link and (
        _is_stale(settings.home) or (answers.server == EMBEDDED and settings.url)
    ):
        context = Context(name=contexts.LOCAL, url="")
    return Plan(context=context, link=answers.server if answers.is_link else "", values=values)


def _check_namespace_is_of_file(settings: Settings, answers: Answers) -> None:
    if answers.is_link:
        raise UsageError("a link names its namespace itself: leave out --namespace")
    if not answers.server and settings.context not in contexts.RESERVED:
        raise UsageError(
            f"the namespace belongs to the context {settings.context}: say --server too"
        )


def _name(settings: Settings, url: str) -> str:
    """Return a name for a server: of its host, and the one that it has already."""
    address = urls.parse(url)
    base = joining.default_name(address.host or address.service)
    taken = contexts.names(settings.home)
    number = 1
    while True:
        name = base if number == 1 else f"{base}-{number}"
        number += 1
        if name in contexts.RESERVED:
            continue
        if name not in taken or _is_address(settings, name, url):
            return name


def _is_address(settings: Settings, name: str, url: str) -> bool:
    try:
        return urls.redacted(contexts.load(settings.home, name).url) == urls.redacted(url)
    except UsageError:
        return False


def _show(screen: Screen, settings: Settings, plan: Plan) -> None:
    """Tell what will be written; no password."""
    screen.say("This will be written:")
    if plan.link:
        screen.say(f"  a login of your own, from {links.parse(plan.link).place}")
    if plan.context is not None:
        server = urls.redacted(plan.context.url) if plan.context.url else "the embedded server"
        namespace = f", namespace {plan.context.namespace}" if plan.context.namespace else ""
        screen.say(f"  the current context: {plan.context.name}, {server}{namespace}")
    if plan.values:
        screen.say(f"  {settings.home.config / FILE_NAME}")
    for (table, key), value in plan.values.items():
        screen.say(f'    [{table}] {key} = "{value}"')


def _write(settings: Settings, screen: Screen, plan: Plan, given: Given) -> None:
    path = settings.home.config / FILE_NAME
    text = config_writing.with_values(config_writing.read_text(path), plan.values)
    if plan.link:
        joining.join(
            settings, screen, plan.link, name="", token_file=given.token_file, is_used=True
        )
    if plan.context is not None:
        if plan.context.url:
            contexts.save(settings.home, plan.context)
        contexts.use(settings.home, plan.context.name)
    if plan.values:
        config_writing.write(path, text)


def _report(screen: Screen, settings: Settings) -> None:
    shown = {
        "context": settings.context,
        "server": urls.redacted(settings.url) if settings.url else EMBEDDED,
        "namespace": settings.namespace,
        "queue": settings.queue,
    }
    if screen.json:
        screen.print_json({"schema": 1, **shown})
        return
    for name, value in shown.items():
        screen.put(f"{name:<10} {value}")
    screen.say("next:")
    screen.say("  rq-agent doctor")
    screen.say("  rq-agent run script.py")
