"""Every page shows what is there, in a real browser."""

import json
import re
import subprocess
from collections.abc import Iterator

import pytest
import redis
from playwright.sync_api import Browser, BrowserContext, expect

from rq_agent.broker import keys
from rq_agent.broker.embedded.start import ensure
from rq_agent.broker.keys import TaskId

from .conftest import WITHIN_MS, Seen, Site

PAGES = ("/", "/queues", "/queues/default", "/workers", "/workers/box", "/tasks", "/tasks/ID")


def test_a_link_logs_in_once_and_leaves_no_trace_in_the_address(
    browser: Browser, site: Site
) -> None:
    link = site.link()
    first, second = browser.new_context(), browser.new_context()
    page = first.new_page()
    page.goto(link)
    page.wait_for_selector("header.bar")
    other = second.new_page()
    other.goto(link)

    expect(other.get_by_role("alert")).to_contain_text("used already")
    expect(other.get_by_text("rq-agent web --link").first).to_be_visible()
    assert page.url == f"{site.url}/"
    assert page.evaluate("document.cookie") == ""
    first.close()
    second.close()


def test_a_stranger_is_told_how_to_log_in(browser: Browser, site: Site) -> None:
    context = browser.new_context()
    seen = Seen(context.new_page(), site)
    seen.open("/tasks")

    expect(seen.page.get_by_role("heading", level=1)).to_have_text("Log in to rq-agent")
    assert seen.troubles == []
    context.close()


def test_who_logs_out_sees_nothing_any_more(browser: Browser, site: Site) -> None:
    context = browser.new_context()
    seen = Seen(context.new_page(), site)
    seen.page.goto(site.link())
    seen.page.get_by_role("button", name="Log out").click()
    expect(seen.page.get_by_role("heading", level=1)).to_have_text("Log in to rq-agent")
    seen.open("/workers")

    expect(seen.page.get_by_role("heading", level=1)).to_have_text("Log in to rq-agent")
    context.close()


def test_the_overview_shows_the_fleet(seen: Seen) -> None:
    seen.open("/")
    tiles = seen.page.locator(".tile")

    expect(tiles.nth(0)).to_contain_text(re.compile(r"Workers\s*1\s*1 busy"))
    expect(tiles.nth(1)).to_contain_text(re.compile(r"Running\s*1\s*of 2 slots"))
    expect(tiles.nth(2)).to_contain_text(re.compile(r"Waiting\s*[34]"))
    expect(tiles.nth(3)).to_contain_text(re.compile(r"Failed in the last hour\s*1\s*of 4"))
    row = seen.page.get_by_role("row", name=re.compile("nightly"))
    expect(row).to_contain_text("none listens")
    expect(row.get_by_role("img")).to_have_accessible_name("waiting in nightly: now 3, at most 3")


def test_a_queue_has_its_lines_as_charts_and_as_tables(seen: Seen) -> None:
    seen.open("/queues")
    seen.page.get_by_role("link", name="nightly").click()
    chart = seen.page.get_by_role("region", name="Tasks that wait", exact=True)
    expect(chart.locator("canvas")).to_be_visible()
    expect(chart.get_by_role("img")).to_have_attribute(
        "aria-label", "Tasks that wait. waiting: last 3, most 3"
    )
    chart.get_by_role("button", name="Table").click()

    expect(chart.locator("tbody tr").first).to_contain_text("3")
    expect(seen.page.get_by_text("rq-agent work --queues nightly")).to_be_visible()


def test_a_worker_tells_what_it_is_and_runs(seen: Seen) -> None:
    seen.open("/workers")
    seen.page.get_by_role("link", name="box").click()

    expect(seen.page.get_by_role("heading", level=1)).to_have_text("box")
    expect(seen.page.locator("main")).to_contain_text("1 of 2")
    expect(seen.page.get_by_role("link", name="long")).to_be_visible()


@pytest.fixture
def services(site: Site) -> Iterator[None]:
    """A worker in services mode, as far as Redis knows, and what a function returned."""
    p, long, ended = keys.prefix("default"), site.tasks["long"], site.tasks["colours"]
    host = {"number": 1, "kind": "coroutine", "pid": 7, "tasks": 2, "rss_mib": 64.0}
    facts = {"services": "9", "slots": "0", "queues": '["services"]', "mode": "priority"}
    facts |= {"hosts": json.dumps([{**host, "newest": [long], "started_at": 1.0}])}
    result = {"html": "<script>document.title = 'owned'</script>", "n": 3}
    with redis.Redis.from_url(ensure(site.terminal.home / "data")) as client:
        client.hset(keys.worker(p, "bots"), mapping=facts)
        client.sadd(keys.held(p, "bots"), long)
        client.zadd(keys.workers(p), {"bots": 2**52})
        client.set(keys.result(p, TaskId(ended)), json.dumps(result))
        yield
        client.zrem(keys.workers(p), "bots")
        client.delete(keys.worker(p, "bots"), keys.held(p, "bots"), keys.result(p, TaskId(ended)))


@pytest.mark.usefixtures("services")
def test_a_worker_in_services_mode_tells_its_processes_and_the_tasks_in_them(seen: Seen) -> None:
    seen.open("/workers/bots")
    main = seen.page.locator("main")

    expect(main).to_contain_text("1 of 9 (services)")
    expect(seen.page.get_by_role("row", name=re.compile("coroutines"))).to_contain_text("64 MiB")
    row = seen.page.get_by_role("row", name=re.compile(f"bots.{seen.site.tasks['long']}"))
    expect(row).to_contain_text("64 MiB shared")
    expect(row).to_contain_text("running")


@pytest.mark.usefixtures("services")
def test_what_a_function_returned_is_shown_and_never_run(seen: Seen) -> None:
    seen.open(f"/tasks/{seen.site.tasks['colours']}")

    expect(seen.page.locator("pre.result")).to_contain_text(
        '"html": "<script>document.title = \'owned\'</script>",\n  "n": 3'
    )
    expect(seen.page).not_to_have_title("owned")


def test_tasks_are_found_by_filters_that_the_address_keeps(seen: Seen) -> None:
    seen.open("/tasks?name=broken")
    page = seen.page
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Name").fill("")
    expect(page.get_by_role("link", name="long")).to_be_visible()
    page.get_by_label("State").select_option("failed")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Label").fill("team=cv")
    expect(page.get_by_text("No such tasks.")).to_be_visible()
    assert page.url.endswith("/tasks?state=failed&label=team%3Dcv")
    page.get_by_label("Label").fill("team=nlp")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.reload()

    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_label("Label")).to_have_value("team=nlp")
    page.get_by_role("link", name="broken").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("broken")


def test_a_task_that_comes_appears_by_itself(seen: Seen) -> None:
    seen.open("/tasks?queue=new")
    expect(seen.page.get_by_text("No such tasks.")).to_be_visible()
    seen.site.terminal.text("submit", "-q", "new", "-n", "newcomer", "script0.py")

    expect(seen.page.get_by_role("link", name="newcomer")).to_be_visible()


def test_a_task_tells_what_happened_to_it(seen: Seen) -> None:
    seen.open(f"/tasks/{seen.site.tasks['broken']}")
    page = seen.page

    expect(page.locator(".head")).to_contain_text("failed (exit 1)")
    expect(page.locator(".timeline li").first).to_contain_text("enqueued")
    expect(page.locator(".timeline li").last).to_contain_text("failed")
    expect(page.locator("main")).to_contain_text("team=nlp")


def test_what_is_not_there_is_said(logged_in: BrowserContext, site: Site) -> None:
    seen = Seen(logged_in.new_page(), site)
    for path in ("/tasks/01m7zhfasdgcbh1s", "/queues/none", "/workers/none"):
        seen.open(path)

        words = re.compile("not found|is named none")
        expect(seen.page.get_by_role("alert")).to_contain_text(words)
    seen.page.close()


def test_the_keyboard_goes_everywhere(seen: Seen) -> None:
    seen.open("/")
    page = seen.page
    for key, title in (("q", "Queues"), ("w", "Workers"), ("t", "Tasks"), ("o", "Overview")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Tasks")
    page.keyboard.press("/")
    expect(page.get_by_label("Name")).to_be_focused()


CHECKS = """() => {
  const found = [];
  const named = (element) => (element.labels?.length || element.getAttribute("aria-label")
    || element.getAttribute("aria-labelledby") || element.textContent.trim() || element.title);
  for (const element of document.querySelectorAll("a, button, input, select, meter, dialog, [role=img], nav")) {
    if (!named(element)) found.push(`no name: ${element.outerHTML.slice(0, 120)}`);
  }
  for (const element of document.querySelectorAll("table:not(.u-legend)")) {
    if (!element.querySelector("thead th[scope=col]")) found.push("a table without headings");
  }
  for (const element of document.querySelectorAll("img:not([alt])")) found.push(element.outerHTML);
  const levels = [...document.querySelectorAll("h1, h2, h3")].map((h) => Number(h.tagName[1]));
  if (levels.filter((level) => level === 1).length !== 1) found.push(`headings: ${levels}`);
  levels.forEach((level, n) => { if (n && level - levels[n - 1] > 1) found.push(`headings: ${levels}`); });
  for (const name of ["main", "header", "nav"]) if (!document.querySelector(name)) found.push(`no ${name}`);
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  if (new Set(ids).size !== ids.length) found.push(`ids: ${ids}`);
  if (!document.documentElement.lang || !document.title) found.push("no language or title");
  return found;
}"""

GROUND = "getComputedStyle(document.body).backgroundColor"

CONTRAST = """() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[0-9.]+/g).map(Number).map((part) => {
      const share = part / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (!colour.endsWith(", 0)")) return colour;
    }
    return getComputedStyle(document.documentElement).backgroundColor;
  };
  const found = [];
  for (const element of document.querySelectorAll("main *, header *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || element.disabled || element.closest("[aria-hidden], option, .d, meter")) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)}: ${element.outerHTML.slice(0, 100)}`);
  }
  return found;
}"""


def test_pages_can_be_read_by_everybody_in_light_and_dark_and_on_narrow_screens(
    seen: Seen,
) -> None:
    page = seen.page
    for path in PAGES:
        page.set_viewport_size({"width": 1280, "height": 900})
        page.emulate_media(color_scheme="light")
        seen.open(path.replace("ID", seen.site.tasks["colours"]))
        page.wait_for_selector("main .sheet")

        assert page.evaluate(CHECKS) == [], path
        assert page.evaluate(CONTRAST) == [], path
        assert page.evaluate(GROUND) == "rgb(246, 247, 249)"
        page.emulate_media(color_scheme="dark")
        assert page.evaluate(CONTRAST) == [], path
        assert page.evaluate(GROUND) == "rgb(17, 20, 26)"
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_who_looks_while_the_server_restarts_is_told(browser: Browser, site: Site) -> None:
    def serve(port: str) -> tuple[subprocess.Popen[bytes], str]:
        process = site.terminal.start("web", "--port", port, "--namespace", "other", "--json")
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())["url"]

    process, url = serve("0")
    context = browser.new_context()
    page = context.new_page()
    page.goto(site.terminal.text("web", "--link", "--namespace", "other").strip())
    expect(page.get_by_text("No queues yet")).to_be_visible()
    expect(page.get_by_text("rq-agent submit script.py")).to_be_visible()
    process.terminate()
    process.wait(20)
    expect(page.locator(".banner")).to_contain_text("does not answer")
    serve(url.rpartition(":")[2])

    title = page.get_by_role("heading", level=1)
    expect(title).to_have_text("Log in to rq-agent", timeout=WITHIN_MS)
    context.close()
