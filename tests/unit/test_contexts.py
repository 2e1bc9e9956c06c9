"""Contexts: servers by names, which one a command uses, and what is refused."""

import os
import stat
from pathlib import Path

import pytest

from rq_agent.broker.errors import SelectorError, UsageError
from rq_agent.broker.home import Home, below
from rq_agent.cli import contexts
from rq_agent.cli.config import handed_on, load
from rq_agent.cli.contexts import Context
from rq_agent.cli.options import Common

URL = "rediss://worker-box-1:s3cret@gpu.lab:7341/0"
LAB = Context(name="lab", url="redis://lab:1", namespace="lab", role="worker")
PEM = b"-----BEGIN CERTIFICATE-----\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return below(tmp_path)


def environ_of(home: Home, **more: str) -> dict[str, str]:
    return {"RQ_AGENT_HOME": str(home.config.parent), **more}


def configure(home: Home, text: str) -> None:
    home.config.mkdir(exist_ok=True)
    (home.config / "config.toml").write_text(text, "utf-8")


def test_a_context_is_read_as_it_was_written(home: Home) -> None:
    path = contexts.save(home, LAB)

    assert contexts.load(home, "lab") == LAB
    assert contexts.names(home) == ["lab"]
    assert path.read_text() == 'url = "redis://lab:1"\nnamespace = "lab"\nrole = "worker"\n'


def test_what_a_context_consists_of_is_for_its_owner_only(home: Home) -> None:
    path = contexts.save(home, LAB, pem=PEM)

    modes = {
        each.name: stat.S_IMODE(each.stat().st_mode)
        for each in (path, path.with_suffix(".pem"), path.parent)
    }
    assert modes == {"lab.toml": 0o600, "lab.pem": 0o600, "contexts": 0o700}


def test_a_pinned_certificate_is_found_again_when_the_home_moved(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    contexts.save(below(old), Context(name="lab", url=f"{URL}?ssl_ca_certs=/elsewhere"), pem=PEM)
    old.rename(new)

    url = contexts.load(below(new), "lab").url

    pem = str(new / "config/contexts/lab.pem").replace("/", "%2F")
    assert url == f"{URL}?ssl_ca_certs={pem}&ssl_check_hostname=false"
    assert Path(new / "config/contexts/lab.pem").read_bytes() == PEM


def test_without_its_pinned_certificate_a_context_is_refused(home: Home) -> None:
    path = contexts.save(home, Context(name="lab", url=URL), pem=PEM)
    path.with_suffix(".pem").unlink()

    with pytest.raises(UsageError, match=r"lab.pem is gone: join again") as caught:
        contexts.load(home, "lab")
    assert "s3cret" not in str(caught.value)


def test_a_context_written_again_without_a_certificate_forgets_it(home: Home) -> None:
    path = contexts.save(home, Context(name="lab", url=URL), pem=PEM)

    contexts.save(home, LAB)

    assert not path.with_suffix(".pem").exists()
    assert contexts.load(home, "lab").url == LAB.url


@pytest.mark.parametrize("name", ["local", "config", "", "a b", "../x", ".x", "a/b", "x" * 64])
def test_some_names_are_no_names_of_contexts(home: Home, name: str) -> None:
    with pytest.raises(UsageError, match="context"):
        contexts.save(home, Context(name=name, url="redis://x"))
    assert not home.config.exists()


def test_a_context_that_is_not_there_is_named_with_near_ones(home: Home) -> None:
    contexts.save(home, LAB)

    with pytest.raises(SelectorError, match=r"no context is named lba; did you mean lab\?"):
        contexts.load(home, "lba")
    with pytest.raises(SelectorError, match=r"no context is named xyz; there is: lab, local"):
        contexts.load(home, "xyz")


def test_a_name_leads_to_no_file_elsewhere(home: Home) -> None:
    contexts.save(home, LAB).replace(home.config / "config.toml")

    with pytest.raises(SelectorError, match=r"no context is named ../config"):
        contexts.load(home, "../config")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(home: Home, mode: int) -> None:
    path = contexts.save(home, LAB)
    path.chmod(mode)

    with pytest.raises(UsageError, match=rf"mode {mode:04o} .*; run: chmod 600 .*lab.toml"):
        contexts.load(home, "lab")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('url = "redis://x"\nnamspace = "x"', "lab.toml, line 2, column 1: namspace is not known"),
        ('url = "redis://x', "lab.toml, line 1, column 17: is not TOML"),
        ('url = "redis://x"\n\nnamespace = "a\\tb"', "line 3, column 1: namespace has a tab"),
        ("url = 1", "line 1, column 1: url: expected `str`"),
        ('namespace = "x"', "url is missing"),
        ('url = "lab:6379"', "lab.toml: the Redis URL has no ://"),
        ('url = "redis://x"\nnamespace = "a b"', "lab.toml: namespace 'a b'"),
        ('url = "redis://x"\ncertificate = "/etc/x.pem"', "column 1: certificate: "),
    ],
)
def test_a_wrong_file_is_named_with_the_place(home: Home, text: str, words: str) -> None:
    path = contexts.save(home, LAB)
    path.write_text(text, "utf-8")

    with pytest.raises(UsageError) as caught:
        contexts.load(home, "lab")
    assert words in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_named(home: Home) -> None:
    path = contexts.save(home, LAB)
    path.chmod(0)

    with pytest.raises(UsageError, match=r"lab.toml: can't be read"):
        contexts.load(home, "lab")


def test_a_folder_in_the_place_of_a_file_is_named(home: Home) -> None:
    (home.config / "contexts" / "lab.toml").mkdir(parents=True)

    with pytest.raises(UsageError, match=r"lab.toml: can't be read: Is a directory"):
        contexts.load(home, "lab")


def test_a_removed_context_takes_its_certificate_along_and_is_not_current(home: Home) -> None:
    contexts.save(home, LAB, pem=PEM)
    contexts.use(home, "lab")

    contexts.remove(home, "lab")

    assert contexts.current(home) == ""
    assert list((home.config / "contexts").iterdir()) == []


def test_removing_a_context_leaves_another_one_current(home: Home) -> None:
    contexts.save(home, LAB)
    contexts.save(home, Context(name="other", url="redis://other"))
    contexts.use(home, "other")

    contexts.remove(home, "lab")

    assert (contexts.current(home), contexts.names(home)) == ("other", ["other"])


def test_a_context_can_be_removed_although_its_file_is_broken(home: Home) -> None:
    contexts.save(home, LAB).write_text("?", "utf-8")

    contexts.remove(home, "lab")

    assert contexts.names(home) == []


def test_only_a_context_that_can_be_used_becomes_current(home: Home) -> None:
    contexts.save(home, LAB).chmod(0o644)

    with pytest.raises(UsageError):
        contexts.use(home, "lab")
    with pytest.raises(SelectorError):
        contexts.use(home, "nope")
    assert contexts.current(home) == ""


def test_each_way_to_name_a_server_outranks_the_next_one(home: Home) -> None:
    for name in ("option", "variable", "current"):
        contexts.save(
            home, Context(name=name, url=f"redis://{name}", namespace=name, role="viewer")
        )
    given: list[tuple[Common, dict[str, str]]] = []

    def server() -> tuple[str, str, str, str]:
        options, environ = given[-1] if given else (Common(), {})
        found = load(options, environ_of(home, **environ))
        return found.context, found.url, found.namespace, found.role

    assert server() == ("local", "", "default", "local")
    configure(home, "[redis]\nurl = 'redis://file'\nnamespace = 'file'")
    assert server() == ("config", "redis://file", "file", "")
    contexts.use(home, "current")
    assert server() == ("current", "redis://current", "current", "viewer")
    environ = {"RQ_AGENT_CONTEXT": "variable"}
    given.append((Common(), dict(environ)))
    assert server() == ("variable", "redis://variable", "variable", "viewer")
    environ["RQ_AGENT_REDIS_URL"] = "redis://url"
    given.append((Common(), environ))
    assert server() == ("", "redis://url", "file", "")
    given.append((Common(context="option"), environ))
    assert server() == ("option", "redis://option", "option", "viewer")
    given.append((Common(redis="redis://outright"), environ))
    assert server() == ("", "redis://outright", "file", "")


def test_redis_and_context_together_are_refused(home: Home) -> None:
    with pytest.raises(UsageError, match="--redis and --context both name a server"):
        load(Common(redis="redis://x", context="lab"), environ_of(home))


def test_local_means_the_embedded_server_whatever_else_is_configured(home: Home) -> None:
    contexts.save(home, LAB)
    contexts.use(home, "lab")
    configure(home, "[redis]\nurl = 'redis://file'")

    found = load(Common(context="local"), environ_of(home, RQ_AGENT_REDIS_URL="redis://url"))

    assert (found.url, found.archive) == ("", str(home.data / "archive"))


def test_the_context_config_needs_a_url_in_config_toml(home: Home) -> None:
    with pytest.raises(UsageError, match=r"config.toml says, but it has no url in \[redis\]"):
        load(Common(context="config"), environ_of(home))


def test_an_option_names_another_namespace_in_a_context(home: Home) -> None:
    contexts.save(home, LAB)

    found = load(Common(context="lab", namespace="mine"), environ_of(home))

    assert (found.url, found.namespace) == ("redis://lab:1", "mine")


def test_a_current_context_whose_file_is_gone_is_said_with_the_way_out(home: Home) -> None:
    path = contexts.save(home, LAB)
    contexts.save(home, Context(name="other", url="redis://other"))
    contexts.use(home, "lab")
    path.unlink()

    with pytest.raises(UsageError) as caught:
        load(environ=environ_of(home))

    assert str(caught.value) == (
        f"the current context is 'lab', but {path} is gone; choose another one with "
        "`rq-agent context use NAME`: other, local"
    )
    assert load(Common(context="other"), environ_of(home)).url == "redis://other"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Common(context="lab"), {"RQ_AGENT_CONTEXT": "lab", "RQ_AGENT_NAMESPACE": "lab"}),
        (
            Common(redis="redis://x", namespace="n"),
            {"RQ_AGENT_REDIS_URL": "redis://x", "RQ_AGENT_NAMESPACE": "n"},
        ),
        (Common(), {"RQ_AGENT_CONTEXT": "local", "RQ_AGENT_NAMESPACE": "default"}),
    ],
)
def test_a_process_of_ours_is_told_the_same_server(
    home: Home, options: Common, expected: dict[str, str]
) -> None:
    contexts.save(home, LAB)
    environ = environ_of(home, RQ_AGENT_OUTPUT="json", PATH="/bin")

    told = handed_on(load(options, environ), environ)

    assert told == {**expected, **environ_of(home), "PATH": "/bin"}
    again, before = load(environ=told), load(options, environ)
    assert (again.url, again.namespace) == (before.url, before.namespace)
