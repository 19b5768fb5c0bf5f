"""A picture in a file of its own, as `--format html` writes it: without a host, without a network, and on paper."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clientary_mcp.pictures import page
from clientary_mcp.tools.tool import Picture
from tests.support.chromium import Chromium
from tests.support.picture_host import REPORTS, answered

WATCHED = "<script>addEventListener('error', ({ message }) => (window.broken = message));</script>\n<main>"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A browser for all tests here."""
    chromium = Chromium(tmp_path_factory.mktemp("profile"))
    yield chromium
    chromium.close()


def opened(browser: Chromium, folder: Path, picture: Picture, width: int = 800) -> None:
    """Open the file of an answer of the embedded account."""
    file = folder / "picture.html"
    text = page(picture, answered(REPORTS[picture])["structuredContent"])
    file.write_text(text.replace("<main>", WATCHED, 1), "utf-8")
    browser.look_like(width, "light")
    browser.visit(file.as_uri())


@pytest.mark.parametrize("picture", REPORTS)
def test_it_loads_nothing_and_nothing_fails(browser: Chromium, tmp_path: Path, picture: Picture) -> None:
    opened(browser, tmp_path, picture)
    assert browser.run("window.broken ?? null") is None
    assert browser.run("performance.getEntriesByType('resource').length") == 0
    assert browser.run("document.querySelectorAll('.mark').length") > 0


@pytest.mark.parametrize("picture", REPORTS)
def test_on_paper_all_rows_and_tables_stand(browser: Chromium, tmp_path: Path, picture: Picture) -> None:
    opened(browser, tmp_path, picture)
    browser.run("document.querySelector('details').open = true")
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run("window.broken ?? null") is None
    assert browser.run("document.querySelectorAll('button, details:not([open])').length") == 0
    browser.look_like_paper()
    clipping = (
        "[...document.querySelectorAll('main, main *')].filter((each) => getComputedStyle(each).overflow == 'auto')"
    )
    assert browser.run(f"{clipping}.length") == 0


def test_a_narrower_window_names_fewer_columns(browser: Chromium, tmp_path: Path) -> None:
    opened(browser, tmp_path, "sales")
    named = "[...document.querySelectorAll('.ticks span')].filter((each) => each.style.visibility != 'hidden').length"
    before = browser.run(named)
    browser.look_like(320, "light")
    frames = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    assert browser.run(f"{frames}.then(() => {named})") < before
