"""Whether everybody can use the pictures: with a keyboard, a finger or a screen reader, without colours, on a phone."""

from itertools import combinations, product

import pytest

from clientary_mcp.tools.tool import Picture
from tests.support.gated import GATED
from tests.support.long import covering
from tests.support.picture_host import REPORTS, PictureHost, Result, answered, previewed

LOOKS = [(320, "light"), (320, "dark"), (640, "light"), (640, "dark")]
EXAMPLES: list[tuple[Picture, str]] = [*REPORTS.items(), *(("confirmation", tool) for tool in GATED)]


def example(tool: str) -> Result:
    """What a call of a tool answers."""
    return previewed(tool) if tool in GATED else answered(tool)


@pytest.mark.parametrize(
    ("shown", "look"),
    covering(product(EXAMPLES, LOOKS), lambda shown, look: ((shown[0], look[0]), look)),
)
def test_there_are_no_barriers(host: PictureHost, shown: tuple[Picture, str], look: tuple[int, str]) -> None:
    (picture, tool), (width, colours) = shown, look
    host.show(picture, example(tool), width, colours)
    assert host.barriers() == []
    host.text()  # opens what is folded away; of what a table scrolls out of sight, axe cannot tell the contrast
    assert [each for each in host.barriers() if not each.startswith("color-contrast: <t")] == []
    assert host.run("page.querySelector('main').scrollWidth") == width


@pytest.mark.parametrize("picture", REPORTS)
def test_the_arrow_keys_lead_through_a_chart_and_each_bar_tells_its_figures(
    host: PictureHost, picture: Picture
) -> None:
    host.show(picture, answered(REPORTS[picture]))
    host.run("page.querySelector('.chart .mark[tabindex=\"0\"]').focus()")
    charts, marks = host.run("page.querySelectorAll('.chart').length"), host.marks()
    assert host.run("page.querySelectorAll('.mark[tabindex=\"0\"]').length") == charts, "one stop of the Tab key each"
    assert host.told() == marks[0]
    if host.run("page.querySelector('.chart').querySelectorAll('.mark').length") > 1:
        host.press("ArrowRight")
        assert host.told() == marks[1]
        host.press("ArrowLeft")
    assert host.told() == marks[0]
    host.press("Escape")
    assert host.told() is None


def test_the_tab_key_reaches_bars_buttons_and_tables_and_shows_where_it_is(host: PictureHost) -> None:
    host.show("receivables", answered("receivables_report"))
    host.text()
    reached = set()
    host.run("page.defaultView.focus()")
    host.press("Tab")
    while host.run("page.activeElement !== page.body"):
        reached.add(host.run("page.activeElement.getAttribute('role') ?? page.activeElement.localName"))
        assert host.run("getComputedStyle(page.activeElement).outlineWidth") == "2px"
        host.press("Tab")
    assert reached == {"img", "button", "summary", "region"}


def test_a_tap_tells_the_figures_as_well(host: PictureHost) -> None:
    host.show("sales", answered("sales_report"), 320)
    host.tap(".mark")
    assert host.told() == host.marks()[0] == "Jan 2026: Received €10,629.02"


def test_what_a_mark_says_stands_above_it(host: PictureHost) -> None:
    host.show("budgets", answered("project_status"), 480)
    for at in range(1, 8):
        bottom, top = host.run(
            f"((mark) => (mark.focus(), [page.querySelector('.tip'), mark]"
            ".map((each) => each.getBoundingClientRect()).map(({ bottom, top }, at) => at ? top : bottom)))"
            f"(page.querySelectorAll('.mark')[{at}])"
        )
        assert bottom < top


def test_all_rows_are_there_on_demand_and_the_focus_moves_on(host: PictureHost) -> None:
    host.show("receivables", answered("receivables_report"))
    assert host.run("page.querySelector('button').textContent") == "Show all 11"
    before = len(host.marks())
    host.tap("button")
    assert len(host.marks()) > before
    assert host.run("page.activeElement.localName") == "li"


def test_no_meaning_is_by_hue_alone(host: PictureHost) -> None:
    host.show("receivables", answered("receivables_report"))
    patterns = host.run("[...page.querySelectorAll('pattern path')].map((each) => each.getAttribute('d'))")
    assert len(set(patterns)) == len(patterns) == 6
    named = host.run("[...page.querySelectorAll('.legend')].map((each) => each.innerText)")
    assert all("Not yet due" in text for text in named)


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_every_colour_stands_out_from_the_background(host: PictureHost, colours: str) -> None:
    host.show("receivables", answered("receivables_report"), colours=colours)
    back = luminance(host.run("getComputedStyle(page.body).backgroundColor"))
    fills = host.run("[...page.querySelectorAll('pattern rect')].map((each) => getComputedStyle(each).fill)")
    for fill in fills:
        low, high = sorted((luminance(fill), back))
        assert (high + 0.05) / (low + 0.05) >= 3, fill
    assert all(one != other for one, other in combinations(fills, 2))


@pytest.mark.parametrize(("system", "theme"), [("light", "dark"), ("dark", "light"), ("dark", "dark")])
def test_the_focus_is_seen_in_a_contrast_theme(host: PictureHost, system: str, theme: str) -> None:
    host.show("budgets", answered("project_status"), theme=theme)
    host.force_colours(640, system)
    host.run("page.querySelector('.mark').focus()")
    host.press("ArrowRight")
    back = luminance(host.run("getComputedStyle(page.body).backgroundColor"))
    seen = "((style) => [style.outlineColor, style.stroke])(getComputedStyle(page.activeElement))"
    limit = host.run("getComputedStyle(page.querySelector('.limit')).stroke")
    for colour in (*host.run(seen), limit):
        assert abs(luminance(colour) - back) > 0.9, colour
    assert host.run("getComputedStyle(page.querySelector('.tip')).borderTopWidth") == "1px"


def luminance(colour: str) -> float:
    """How light a colour is, as WCAG counts it."""
    parts = [int(each) / 255 for each in colour.removeprefix("rgb(").rstrip(")").split(",")]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("picture", REPORTS)
def test_nothing_moves(host: PictureHost, picture: Picture) -> None:
    host.show(picture, answered(REPORTS[picture]))
    assert host.run("page.getAnimations().length") == 0
