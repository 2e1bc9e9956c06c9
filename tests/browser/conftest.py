"""A real Chromium, a real worker, and the dashboard that `rq-agent web` serves."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from ..integration.cli.terminal import Terminal, until_line

CHROMIUM: Final = "/usr/bin/chromium"
QUIET: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)
WITHIN_MS: Final = 20_000


class Site:
    """A dashboard and what it shows."""

    def __init__(self, terminal: Terminal, url: str) -> None:
        self.terminal = terminal
        self.url = url
        self.tasks: dict[str, str] = {}
        """Ids by names."""

    def link(self) -> str:
        """Return a new login link."""
        return self.terminal.text("web", "--link").strip()


class Seen:
    """A page, and what a person would not want to find in its console."""

    def __init__(self, page: Page, site: Site) -> None:
        self.page = page
        self.site = site
        self.troubles: list[str] = []
        page.set_default_timeout(WITHIN_MS)
        page.on("console", lambda said: self._note(said.type, said.text))
        page.on("pageerror", lambda error: self.troubles.append(str(error)))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.troubles.append(text)

    def open(self, path: str) -> None:
        self.page.goto(self.site.url + path)
        self.page.wait_for_selector("main h1")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for longer: while it is there its loop runs, and asynchronous tests can't have theirs."""
    assert Path(CHROMIUM).exists(), "no Chromium: sudo deploy/install-chromium.sh"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Tasks that ended, one that runs, some that wait, and the dashboard."""
    terminal = Terminal(tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("cache"))
    try:
        worker = terminal.start("work", "--queues", "default", "--name", "box", "--slots", "2")
        until_line(worker, b"ready", of_stderr=True)
        web = terminal.start("web", "--port", "0", "--json")
        assert web.stdout is not None
        site = Site(terminal, json.loads(web.stdout.readline())["url"])
        _submit(site)
        yield site
    finally:
        terminal.close()


@pytest.fixture(scope="module")
def logged_in(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    """A browser that followed a login link."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(site.link())
    page.wait_for_selector("header.bar")
    page.close()
    yield context
    context.close()


@pytest.fixture
def seen(logged_in: BrowserContext, site: Site) -> Iterator[Seen]:
    """A page of somebody who is logged in; nothing may go wrong in it."""
    seen = Seen(logged_in.new_page(), site)
    yield seen
    seen.page.close()
    assert seen.troubles == []


HEADER: Final = "# /// script\n# dependencies = []\n# ///\n"
SCRIPTS: Final = {
    "colours": r"""
        import sys
        print("plain \x1b[32mgreen\x1b[0m \x1b[1;38;2;255;120;0morange\x1b[0m")
        print("10 %\r100 %")
        print("<script>document.title = 'owned'</script><b>bold</b>")
        print("\x1b]0;title\x07\u202etfel\u2066 \x1b[2Jend")
        print("warned", file=sys.stderr)
        """,
    "wide": "print('x' * 1_000_000)",
    "broken": """
        for n in range(300):
            print("step", n)
        raise ValueError("no such thing")
        """,
    "<img src=x onerror=document.title='owned'>\u202e": "print('hostile')",
    "long": """
        import pathlib, time
        print("begun", flush=True)
        n = 0
        while True:
            time.sleep(0.05)
            n += 1
            print("tick", n, flush=True)
        """,
}


def _submit(site: Site) -> None:
    terminal = site.terminal
    started = {}
    for n, (name, text) in enumerate(SCRIPTS.items()):
        script = terminal.script(text, f"script{n}.py")
        path = terminal.code / script
        path.write_text(HEADER + path.read_text("utf-8"), "utf-8")
        started[name] = terminal.start("submit", "-n", name, "-l", "team=nlp", script)
    for n in range(3):
        started[f"waits {n}"] = terminal.start("submit", "-q", "nightly", "script0.py")
    for name, process in started.items():
        site.tasks[name] = process.communicate(timeout=60)[0].decode().strip()
    ended = [site.tasks[name] for name in SCRIPTS if name != "long"]
    assert terminal("wait", *ended).returncode in (0, 1)  # one of them fails
