"""The output of a task in a real browser: live, coloured, and harmless."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from .conftest import Seen


def lines(page: Page) -> list[str]:
    """Return the lines that are in sight."""
    return [text.strip("\n") for text in page.locator(".log .row").all_inner_texts()]


def show(seen: Seen, name: str) -> Page:
    """Open a task and return when its output has come."""
    seen.open(f"/tasks/{seen.site.tasks[name]}")
    expect(seen.page.locator(".log .row").first).to_be_visible()
    return seen.page


def scroll(page: Page, place: str) -> None:
    page.locator(".log .window").evaluate(f"e => e.scrollTop = {place}")


def test_output_arrives_live_and_the_window_follows_it(seen: Seen) -> None:
    page = show(seen, "long")
    status = page.locator(".log .status")
    expect(status).to_contain_text("live")
    page.wait_for_function("document.querySelector('.log .rows').textContent.includes('tick')")
    before = int(lines(page)[-1].split()[-1])

    page.wait_for_function(
        "n => Number([...document.querySelectorAll('.log .row')].at(-1)"
        ".textContent.split(' ').at(-1)) > n",
        arg=before + 20,
    )
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "true")


def test_a_paused_window_stands_still_and_counts_what_comes(seen: Seen) -> None:
    page = show(seen, "long")
    page.get_by_role("button", name="Pause").click()
    last = lines(page)[-1]

    expect(page.locator(".log .status")).to_contain_text(re.compile(r"[0-9]{2} new lines"))
    assert lines(page)[-1] == last
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".log .status")).not_to_contain_text("new lines")


def test_who_scrolls_up_is_left_there(seen: Seen) -> None:
    page = show(seen, "broken")
    scroll(page, "0")

    expect(page.locator(".log .row", has_text="step 0").first).to_be_visible()
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "false")


def test_colours_are_shown_and_nothing_else_is_obeyed(seen: Seen) -> None:
    page = show(seen, "colours")
    scroll(page, "0")
    rows = page.locator(".log .row")
    row = rows.filter(has_text="plain green orange")

    expect(row.locator(".f2")).to_have_text("green")
    orange = row.locator("span", has_text=re.compile("^orange$"))
    expect(orange).to_have_css("color", "rgb(255, 120, 0)")
    expect(orange).to_have_css("font-weight", "700")
    expect(rows.filter(has_text="<script>document.title")).to_have_count(1)
    expect(rows.filter(has_text="\\u202etfel\\u2066 end")).to_have_count(1)
    shown = [text for text in lines(page) if text.endswith("%")]
    assert shown == ["100 %"]
    assert "owned" not in page.title()
    assert page.locator(".log b").count() == 0


def test_a_megabyte_in_one_line_does_not_hold_up_the_page(seen: Seen) -> None:
    page = show(seen, "wide")
    expect(page.locator(".log .status")).to_contain_text("the task has ended")

    assert {len(text) for text in lines(page)[-3:-1]} == {4000}
    assert page.evaluate("document.querySelectorAll('.log .row').length") < 200


def test_words_are_found_and_marked(seen: Seen) -> None:
    page = show(seen, "broken")
    page.get_by_label("Search the output").fill("STEP 29")
    expect(page.locator(".log .count")).to_have_text("11")
    page.keyboard.press("Enter")

    expect(page.locator(".log .row.at")).to_have_text("step 29")
    expect(page.locator(".log .row.at mark")).to_have_text("step 29")
    page.keyboard.press("Enter")
    expect(page.locator(".log .count")).to_have_text("2 of 11")
    page.get_by_label("Search the output").fill("(")
    expect(page.locator(".log .count")).not_to_have_text("2 of 11")


def test_the_first_error_is_one_click_away(seen: Seen) -> None:
    page = show(seen, "broken")
    scroll(page, "0")
    page.get_by_role("button", name="First error").click()

    expect(page.locator(".log .row.at")).to_contain_text("Traceback")
    expect(page.locator(".log .row.at")).to_be_in_viewport()


def test_the_whole_output_can_be_had_as_a_file(seen: Seen, tmp_path: Path) -> None:
    page = show(seen, "broken")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download").click()
    waiting.value.save_as(tmp_path / "log")

    assert waiting.value.suggested_filename == f"{seen.site.tasks['broken']}.1.log"
    text = (tmp_path / "log").read_text("utf-8")
    assert text.startswith("step 0\nstep 1\n")
    assert "ValueError: no such thing" in text


def test_a_hostile_name_is_only_text(seen: Seen) -> None:
    name = next(name for name in seen.site.tasks if name.startswith("<img"))
    seen.open("/tasks")
    link = seen.page.get_by_role("link", name=re.compile("<img src=x"))
    expect(link).to_contain_text("\\u202e")
    link.click()

    expect(seen.page.get_by_role("heading", level=1)).to_contain_text("<img src=x onerror=")
    assert "\u202e" not in seen.page.title()
    assert seen.page.title() != "owned"
    assert seen.page.locator("main img").count() == 0
    assert name
