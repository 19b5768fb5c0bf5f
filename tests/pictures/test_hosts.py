"""How the pages speak with their hosts: what they hear, what they say, and what they never ask for."""

import json
from pathlib import Path
from typing import get_args

import pytest

from clientary_mcp.pictures import page
from clientary_mcp.tools.tool import Picture
from tests.support.chromium import Chromium
from tests.support.picture_host import REPORTS, PictureHost, answered, report

HEARD = {"ui/initialize", "ui/notifications/initialized", "ui/notifications/size-changed"}


def test_a_page_introduces_itself_and_says_what_it_waits_for(host: PictureHost) -> None:
    host.open("receivables")
    first = next(each for each in host.sent() if each["method"] == "ui/initialize")
    assert first["params"]["protocolVersion"] == "2026-01-26"
    assert first["params"]["appInfo"]["name"] == "clientary"
    assert host.run("page.querySelector('[role=status]').innerText") == "Waiting for the figures …"


def test_a_call_that_was_cancelled_is_waited_for_no_longer(host: PictureHost) -> None:
    host.open("receivables")
    host.notify("tool-cancelled", {"reason": "user action"})
    assert "Cancelled." in host.text()


@pytest.mark.parametrize("picture", REPORTS)
def test_the_text_of_an_answer_is_drawn_as_the_structured_one(host: PictureHost, picture: Picture) -> None:
    result = answered(REPORTS[picture])
    host.show(picture, result)
    drawn = host.run("page.querySelector('main').innerHTML")
    host.show(picture, {"content": result["content"]})
    assert host.run("page.querySelector('main').innerHTML") == drawn


@pytest.mark.parametrize("picture", REPORTS)
def test_the_answer_is_found_among_other_texts(host: PictureHost, picture: Picture) -> None:
    (text,) = answered(REPORTS[picture])["content"]
    host.show(picture, {"content": [text]})
    drawn = host.run("page.querySelector('main').innerHTML")
    for beside in ({"type": "text", "text": "Be kind."}, {"type": "image", "data": ""}, {"type": "text", "text": "7"}):
        host.show(picture, {"content": [beside, text, beside], "structuredContent": {}})
        assert host.run("page.querySelector('main').innerHTML") == drawn


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (
            {"isError": True, "content": [{"type": "text", "text": "No such\n<b>client</b>."}]},
            "No such\n<b>client</b>.",
        ),
        ({"content": [{"type": "text", "text": "Sorry, not JSON"}]}, "This answer cannot be drawn.\nSorry, not JSON"),
        ({"content": []}, "This answer cannot be drawn."),
        ({"content": "words"}, "This answer cannot be drawn."),
        ({"content": [None]}, "This answer cannot be drawn."),
        ({"isError": True, "content": None}, "This did not work."),
        ({"structuredContent": {"rows": 7, "totals": 5, "left_out": "drafts"}}, "This answer cannot be drawn."),
        ({"content": [{"type": "text", "text": "null"}]}, "This answer cannot be drawn."),
    ],
)
def test_an_error_and_what_cannot_be_drawn_are_shown_as_text(
    host: PictureHost, result: dict[str, object], shown: str
) -> None:
    host.show("receivables", result)
    assert shown in host.run("page.querySelector('[role=alert]').innerText")


@pytest.mark.parametrize("picture", get_args(Picture))
@pytest.mark.parametrize("sent", [{}, [], "words", {"result": {"rows": []}}, {"rows": None, "message": ""}])
def test_what_is_no_answer_is_never_taken_for_an_empty_one(host: PictureHost, picture: Picture, sent: object) -> None:
    host.show(picture, {"structuredContent": sent, "content": [{"type": "text", "text": "What came."}]})
    assert "This answer cannot be drawn.\nWhat came." in host.run("page.querySelector('[role=alert]').innerText")


def test_the_theme_and_the_language_of_the_host_are_taken_over(host: PictureHost) -> None:
    host.show("receivables", answered("receivables_report"), locale="de-DE")
    assert "137.141,62\xa0€" in host.text()
    assert "20.11.2026" in host.text()
    variables = {"--color-background-primary": "rgb(1, 2, 3)", "--color-text-primary": "rgb(250, 251, 252)"}
    host.notify("host-context-changed", {"theme": "dark", "styles": {"variables": variables}})
    look = "((style) => [style.backgroundColor, style.colorScheme])(getComputedStyle(page.body))"
    assert host.run(look) == ["rgb(1, 2, 3)", "dark"]
    assert host.run("getComputedStyle(page.querySelector('h1')).color") == "rgb(250, 251, 252)"


def test_without_a_word_of_the_host_the_system_decides(host: PictureHost) -> None:
    back = "getComputedStyle(page.body).backgroundColor"
    host.show("receivables", report(), colours="dark", theme=None, locale="no language")
    dark = host.run(back)
    host.show("receivables", report(), colours="light", theme=None, locale=None)
    assert (dark, host.run(back)) == ("rgb(27, 31, 36)", "rgb(255, 255, 255)")


@pytest.mark.parametrize(
    ("locale", "shown"), [("de_DE", "137.141,62\xa0€"), ("hi-IN-u-nu-deva", "€१,३७,१४१.६२"), ("x", "€137,141.62")]
)
def test_a_language_in_another_notation_is_understood(host: PictureHost, locale: str, shown: str) -> None:
    host.show("receivables", answered("receivables_report"), locale=locale)
    assert shown in host.text()


@pytest.mark.parametrize("locale", ["fa-IR", "th-TH", "en-US-u-ca-hebrew"])
def test_months_are_those_of_the_answer_in_every_language(host: PictureHost, locale: str) -> None:
    row = {"month": "2026-01", "currency_code": "EUR", "received": 1}
    host.show("sales", report(rows=[row]), locale=locale)
    year = host.run(f"new Intl.NumberFormat({json.dumps(locale)}, {{ useGrouping: false }}).format(2026)")
    assert year in host.marks()[0]


@pytest.mark.parametrize("context", [None, {"styles": None, "containerDimensions": None, "safeAreaInsets": None}])
def test_a_host_that_says_little_of_itself_is_answered(host: PictureHost, context: object) -> None:
    host.open("receivables", mute=True)
    host.notify("host-context-changed", context)
    host.notify("tool-result", answered("receivables_report"))
    assert host.marks()


def test_what_is_open_stays_open_while_the_host_changes(host: PictureHost) -> None:
    host.show("receivables", answered("receivables_report"))
    host.tap("button")
    host.run("page.querySelector('details').open = true")
    before = len(host.marks())
    for context in ({"theme": "dark"}, {"containerDimensions": {"maxHeight": 900}}, {"locale": "en-US"}):
        host.notify("host-context-changed", context)
    assert host.run("page.querySelector('details').open")
    assert len(host.marks()) == before
    assert host.run("page.activeElement.localName") == "li"


def test_room_for_a_notch_is_left_and_only_variables_of_styles_are_taken(host: PictureHost) -> None:
    variables = {"display": "none", "--font-sans": None, "": "x"}
    insets = {"top": 40, "left": 0, "right": None}
    host.show("receivables", report(), safeAreaInsets=insets, styles={"variables": variables})
    look = "((style) => [style.paddingTop, style.paddingRight, style.paddingBottom, style.paddingLeft])"
    assert host.run(look + "(getComputedStyle(page.querySelector('main')))") == ["56px", "16px", "16px", "16px"]
    assert host.run("getComputedStyle(page.documentElement).display") == "block"


@pytest.mark.parametrize("size", [{"maxHeight": 300}, {"height": 300, "width": 640}])
def test_a_page_keeps_to_the_height_it_is_given_and_scrolls_inside(host: PictureHost, size: dict[str, int]) -> None:
    host.show("receivables", answered("receivables_report"), containerDimensions=size)
    sizes = [each["params"] for each in host.sent() if each.get("method") == "ui/notifications/size-changed"]
    assert sizes[-1] == {"width": 640, "height": 300}
    assert host.run("page.querySelector('main').scrollHeight") > 1_000
    host.run("page.querySelector('main').scrollTo(0, 500)")
    assert host.run("page.querySelector('main').scrollTop") == 500


@pytest.mark.parametrize("size", [{"maxHeight": 0}, {"width": 640}, {}])
def test_a_page_is_as_high_as_it_needs_once_it_may(host: PictureHost, size: dict[str, int]) -> None:
    host.show("receivables", answered("receivables_report"), containerDimensions={"maxHeight": 300})
    host.notify("host-context-changed", {"containerDimensions": size})
    assert host.run("page.querySelector('main').offsetHeight") > 1_000


def test_messages_that_are_none_do_no_harm(host: PictureHost) -> None:
    host.open("receivables")
    host.run("void page.defaultView.addEventListener('error', ({ message }) => (page.broken = message))")
    for name in ("__proto__", "constructor", "toString", ""):
        host.notify(name, {"rows": []})
    host.run("void [{}, { method: 5 }, { method: null, id: null }].forEach(tell)")
    host.notify("tool-result", answered("receivables_report"))
    assert host.marks()
    assert host.run("page.broken ?? null") is None


def test_a_page_says_how_high_it_is(host: PictureHost) -> None:
    host.open("receivables")
    host.notify("tool-result", answered("receivables_report"))
    sizes = [each["params"]["height"] for each in host.sent() if each.get("method") == "ui/notifications/size-changed"]
    assert sizes[-1] == host.run("page.body.scrollHeight") > sizes[0]


def test_requests_of_the_host_are_answered(host: PictureHost) -> None:
    host.show("receivables", report())
    assert host.ask("ping")["result"] == {}
    assert host.ask("ui/resource-teardown")["result"] == {}
    assert host.ask("tools/list")["error"]["code"] == -32601


def test_only_the_host_is_heard(host: PictureHost) -> None:
    host.show("receivables", report())
    message = {"jsonrpc": "2.0", "method": "ui/notifications/tool-result", "params": answered("receivables_report")}
    host.run(
        "new Promise((done) => { page.defaultView.addEventListener('message', () => done(), { once: true });"
        " const script = page.createElement('script');"
        f" script.textContent = {json.dumps(f'postMessage({json.dumps(message)})')}; page.head.append(script); }})"
    )
    assert host.marks() == []


@pytest.mark.parametrize("picture", [*REPORTS])
def test_a_page_asks_for_nothing_and_loads_nothing(host: PictureHost, picture: Picture) -> None:
    host.show(picture, answered(REPORTS[picture]))
    for _ in range(2):
        host.tap(".mark")
        host.press("ArrowRight")
    assert {each["method"] for each in host.sent() if "method" in each} == HEARD
    assert host.run("page.defaultView.performance.getEntriesByType('resource').length") == 0


def test_a_page_with_its_answer_in_it_needs_no_host(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    answer = answered("receivables_report")["structuredContent"]
    (tmp_path / "page.html").write_text(page("receivables", answer), encoding="utf-8")
    browser = Chromium(tmp_path_factory.mktemp("profile"))
    browser.visit((tmp_path / "page.html").as_uri())
    drawn = browser.run("document.body.innerText")
    browser.close()
    assert "EUR" in drawn
    assert "Meridian Hotel Group" in drawn
