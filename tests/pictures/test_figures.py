"""What the pictures show: the figures of the answer, all of them, as texts, each currency by itself."""

import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from clientary_mcp.tools.tool import Picture
from tests.support.gated import GATED
from tests.support.picture_host import REPORTS, PictureHost, answered, previewed, report

EVIL = '<img src=x onerror="parent.broken=1">'
CLEARING = '{"tool": "update_lead", "ids": [3301], "changes": {"clear": ["city"]}}'
OWED = {"currency_code": "EUR", "current": 10, "days_1_30": 5.5, "total": 15.5, "invoices": 1}


@pytest.mark.parametrize("picture", REPORTS)
def test_a_table_holds_every_row_behind_the_picture(host: PictureHost, picture: Picture) -> None:
    result = answered(REPORTS[picture])
    host.show(picture, result)
    lists = [each for each in result["structuredContent"].values() if isinstance(each, list) and each]
    tables = host.run("[...page.querySelectorAll('table')].map((each) => each.rows.length - 1)")
    assert tables == [len(rows) for rows in lists if isinstance(rows[0], dict)]


@pytest.mark.parametrize("picture", REPORTS)
def test_what_is_left_out_and_the_days_are_always_shown(host: PictureHost, picture: Picture) -> None:
    answer = answered(REPORTS[picture])["structuredContent"]
    host.show(picture, {"structuredContent": answer})
    shown = str(host.run("page.body.innerText"))
    assert all(each in shown for each in answer.get("left_out", []))
    if picture != "recurring_revenue":  # which is of no day
        assert "Nov 20, 2026" in shown
    assert answer["basis"] in host.text()


def test_the_parts_of_a_bar_are_the_figures_of_the_answer(host: PictureHost) -> None:
    result = answered("receivables_report")
    host.show("receivables", result)
    (euro,) = (each for each in result["structuredContent"]["totals"] if each["currency_code"] == "EUR")
    assert host.marks()[:5] == [
        f"All: Not yet due €{euro['current']:,.2f}",
        f"All: 1–30 days late €{euro['days_1_30']:,.2f}",  # noqa: RUF001 - as it is printed
        f"All: 31–60 days late €{euro['days_31_60']:,.2f}",  # noqa: RUF001 - as it is printed
        f"All: 61–90 days late €{euro['days_61_90']:,.2f}",  # noqa: RUF001 - as it is printed
        f"All: Over 90 days late €{euro['over_90']:,.2f}",
    ]


def test_parts_are_as_wide_as_they_are_large(host: PictureHost) -> None:
    host.show("receivables", report(rows=[OWED], totals=[OWED]))
    wide = host.run("[...page.querySelectorAll('.whole .mark')].map((each) => parseFloat(each.getAttribute('width')))")
    assert wide == pytest.approx([100 * 10 / 15.5, 100 * 5.5 / 15.5])


def test_two_currencies_never_share_an_axis(host: PictureHost) -> None:
    yen = {**OWED, "currency_code": "JPY", "current": 990_000, "total": 990_005.5}
    host.show("receivables", report(rows=[OWED, yen], totals=[OWED, yen]))
    headings = host.run("[...page.querySelectorAll('h2')].map((each) => each.firstChild.data)")
    assert headings == ["EUR · owed", "JPY · owed"]
    wide = host.run("[...page.querySelectorAll('li .mark')].map((each) => parseFloat(each.getAttribute('width')))")
    assert wide[0] + wide[1] == pytest.approx(100)


@pytest.mark.parametrize(("code", "shown"), [("EUR", "€15.50"), ("Taler", "15.5 Taler"), ("unknown", "15.5 unknown")])
def test_an_unknown_currency_is_shown_as_it_is(host: PictureHost, code: str | None, shown: str) -> None:
    row = {**OWED, "currency_code": code}
    host.show("receivables", report(rows=[row], totals=[row]))
    assert shown in host.text()


def test_an_amount_keeps_the_decimals_that_it_has(host: PictureHost) -> None:
    row = {**OWED, "currency_code": "JPY", "current": 10.5, "days_1_30": 0.125, "total": 10.625}
    host.show("receivables", report(rows=[row], totals=[row]))
    assert "JPY · owed\n¥10.625" in host.text()


def test_names_and_numbers_are_shown_as_they_are(host: PictureHost) -> None:
    names = {"number": "2026-01", "client": "acme_labs", "project": "2026-11-20"}
    row = {**names, "currency_code": "EUR", "balance": 5, "age": "over_90", "due_date": "2026-01-31"}
    host.show("receivables", report(rows=[row], totals=[{"currency_code": "EUR", "total": 5, "over_90": 5}]))
    assert host.marks()[1] == "2026-01 · acme_labs · 2026-11-20: Over 90 days late €5.00"
    assert host.run("page.querySelector('td').textContent") == "2026-01"
    assert "over 90\tJan 31, 2026" in host.text()


def test_credits_go_the_other_way_and_what_has_no_date_says_so(host: PictureHost) -> None:
    undated = {"currency_code": "EUR", "current": 0, "total": 0, "credits": 40, "invoices": 0}
    row = {**OWED, "month": "2026-11", "credits": 0, "oldest_due_date": "2026-11-02"}
    host.show("receivables", report(rows=[row, undated], totals=[{**OWED, "credits": 40}]))
    assert host.marks()[-1] == "no month: Credits -€40.00"
    assert "Nov 2026\n€15.50\n1 invoice, oldest due Nov 2, 2026\nno month\n€0.00\n€40.00 in credits" in host.text()
    assert "Not in it: €40.00 in credits." in host.text()


@pytest.mark.parametrize("group", ["client", "project", "status"])
def test_columns_stand_for_time_alone(host: PictureHost, group: str) -> None:
    rows = [{group: f"{place}", "month": f"2026-0{place}", "currency_code": "EUR", "received": 5} for place in (3, 1)]
    host.show("sales", report(rows=rows, totals=[{"currency_code": "EUR", "received": 10}]))
    assert host.run("page.querySelector('.plot')") is None
    assert host.run("[...page.querySelectorAll('.pair span')].map((each) => each.innerText)") == [
        "3 · Mar 2026",
        "1 · Jan 2026",
    ]


@pytest.mark.parametrize(
    ("picture", "period", "key"), [("sales", "day", "received"), ("cash_forecast", "week", "invoices")]
)
def test_no_axis_of_time_has_gaps(host: PictureHost, picture: Picture, period: str, key: str) -> None:
    rows = [{period: f"2026-11-{day:02}", "currency_code": "EUR", key: 5, "expected": 5} for day in (2, 9, 16)]
    totals = [{"currency_code": "EUR", key: 15, "expected": 15}]
    host.show(picture, report(rows=rows, totals=totals))
    assert host.run("page.querySelectorAll('.ticks span').length") == 3
    host.show(picture, report(rows=rows, totals=totals, row_count=15, notice="12 rows of zeros are left out."))
    assert host.run("page.querySelector('.plot')") is None
    assert "Nov 9, 2026\n€5.00" in host.text()


def test_columns_by_two_periods_are_named_by_the_finer_one(host: PictureHost) -> None:
    rows = [{"year": "2026", "month": f"2026-0{month}", "currency_code": "EUR", "received": 5} for month in (1, 2)]
    host.show("sales", report(rows=rows, totals=[{"currency_code": "EUR", "received": 10}]))
    assert host.run("[...page.querySelectorAll('.ticks span')].map((each) => each.innerText)") == [
        "Jan 2026",
        "Feb 2026",
    ]


def test_all_that_a_total_consists_of_is_said(host: PictureHost) -> None:
    total = {"currency_code": "EUR", "gross": 125, "net": 100, "tax": 20, "other": 5, "open": 125}
    host.show("sales", report(rows=[{"month": "2026-01", **total}], totals=[total]))
    assert "Of it: €100.00 net, €20.00 tax, €5.00 other." in host.text()


def test_rows_without_totals_are_not_said_to_be_none(host: PictureHost) -> None:
    host.show("receivables", report(rows=[OWED], totals=[]))
    assert "none found" not in host.text()


def test_a_small_part_beside_a_giant_is_seen(host: PictureHost) -> None:
    small = {**OWED, "current": 0.01, "days_1_30": 0, "total": 0.01}
    host.show("receivables", report(rows=[{**OWED, "current": 1e12}, small], totals=[OWED]), 320)
    assert host.run("[...page.querySelectorAll('.mark')].every((mark) => mark.getBoundingClientRect().width > 3)")


def test_amounts_below_zero_go_the_other_way(host: PictureHost) -> None:
    months = [{"month": "2026-01", "received": -50, "gross": -50}, {"month": "2026-02", "received": 100, "gross": 100}]
    rows = [{**each, "currency_code": "EUR"} for each in months]
    host.show("sales", report(rows=rows, totals=[{"currency_code": "EUR", "gross": 50, "net": 50, "tax": 0}]))
    tops = host.run("[...page.querySelectorAll('.mark')].map((each) => each.getBoundingClientRect().toJSON())")
    assert tops[0]["top"] == pytest.approx(tops[1]["bottom"], abs=2)
    assert host.marks()[0] == "Jan 2026: Received -€50.00"


def test_a_budget_that_is_exceeded_says_by_how_much(host: PictureHost) -> None:
    row = {"project": "Shop", "budget_type": "hours", "budget": 10, "used": 12, "remaining": -2, "percentage": 120}
    host.show("budgets", report(rows=[row]))
    assert "12\xa0h of 10\xa0h, 2\xa0h over" in host.text()
    assert host.marks() == ["Shop: Used within the budget 100\xa0%", "Shop: Over the budget 20\xa0%"]


def test_projects_without_a_budget_are_neither_within_nor_over_it(host: PictureHost) -> None:
    over = {
        "project": "Shop",
        "budget_type": "hours",
        "budget": 9_999,
        "used": 10_000,
        "remaining": -1,
        "percentage": 100,
    }
    free = {"project": "Free", "budget": "no budget", "unbilled_hours": 3}
    odd = {"project": "Odd", "budget_type": "days", "budget": 7}
    host.show("budgets", report(rows=[over, free, odd]))
    text = host.text()
    assert "1 of 1 over budget" in text
    assert "Not in it: 2 without a budget that is known." in text
    assert "Free\nno budget\n3\xa0h unbilled\nOdd\n7\n" in text
    assert host.run("page.querySelectorAll('.limit').length") == 1


@pytest.mark.parametrize(
    ("billable", "hours", "shown"),
    [(0, 3, "0"), (1, 3, "33.3"), (3, 3, "100"), (9_999, 10_000, "99.9"), (1, 10_000, "0.1"), (9_995, 9_999, "99.9")],
)
def test_a_part_is_neither_nothing_nor_all(host: PictureHost, billable: int, hours: int, shown: str) -> None:
    person = {"person": "Ada", "hours": hours, "billable": billable}
    host.show("timesheet", report(people=[person], totals=[person]))
    assert f"\n{shown}\xa0% billable" in host.text()


def test_of_a_list_that_was_cut_the_rest_is_drawn_and_that_is_said(host: PictureHost) -> None:
    people = [{"person": "Ada", "hours": 8, "billable": 6}, {"cut": "… [300 entries]"}]
    host.show(
        "timesheet",
        report(people=people, rows=[{"project": "Shop", "project_id": 1, "hours": 1, "billable": 0}], row_count=9),
    )
    text = host.text()
    assert "Not everything is shown: People … [300 entries]" in text
    assert "75\xa0% billable" in text
    assert "NaN" not in text
    assert "By project" not in text, "sums of one row in nine"


@pytest.mark.parametrize(("picture", "tool"), REPORTS.items())
def test_an_answer_without_rows_says_so(host: PictureHost, picture: Picture, tool: str) -> None:
    host.show(picture, report(left_out=["2 drafts."]))
    assert host.marks() == []
    assert host.run("page.querySelector('.note').innerText.length") > 10
    assert "2 drafts." in host.text()


def test_an_answer_that_is_cut_says_so(host: PictureHost) -> None:
    host.show("receivables", report(rows=[OWED], totals=[OWED], row_count=1_200, notice="Narrow the request."))
    assert "Not everything is shown: 1 of 1,200 rows or more." in host.text()
    assert "Note: Narrow the request." in host.text()
    host.show("receivables", report(rows=[OWED], totals=[OWED], complete=False))
    assert "Not everything is shown" in host.text()


@pytest.mark.parametrize("picture", REPORTS)
def test_a_name_is_never_markup(host: PictureHost, picture: Picture) -> None:
    answer = answered(REPORTS[picture])["structuredContent"]
    names = {"client": EVIL, "project": EVIL, "person": EVIL, "title": EVIL}
    rows = [{**row, **{name: text for name, text in names.items() if name in row}} for row in answer["rows"]]
    host.show(picture, report(**{**answer, "rows": rows, "left_out": [EVIL], "notice": EVIL, EVIL: rows[:1]}))
    host.tap(".mark")
    assert EVIL in host.text()
    assert host.run("page.images.length") == 0
    assert host.run("parent.broken ?? null") is None


@pytest.mark.parametrize(
    "name", ["2026-11", "2026-11-20", "my_client", "007", "__proto__", "Café\u0301 👩‍👩‍👧", "شركة 12", "n" * 500]
)
def test_a_name_is_shown_as_it_is(host: PictureHost, name: str) -> None:
    row = {**OWED, "client": name, "number": name, "due_date": "2026-11-20", "age": "current", "balance": 10}
    host.show("receivables", report(rows=[row], totals=[OWED]))
    assert host.run("page.querySelector('li .pair > span').textContent") == f"{name} · {name}"
    assert (
        host.run(f"[...page.querySelectorAll('td')].filter((cell) => cell.textContent == {json.dumps(name)}).length")
        == 2
    )
    assert host.run("page.querySelector('main').scrollWidth") == 640
    step = {"row": 1, "record": name, "before": {"name": "a"}, "after": {"name": name}}
    host.show("confirmation", {"structuredContent": {"done": False, "message": "Changes.", "steps": [step]}})
    assert host.run("page.querySelector('dd b').textContent") == name


def test_the_card_says_what_is_cleared(host: PictureHost) -> None:
    host.show("confirmation", answered("bulk_update", CLEARING))
    assert "Boulder → –" in host.text()  # noqa: RUF001 - as it is printed


def test_the_card_does_not_count_the_mark_of_a_cut_as_a_step(host: PictureHost) -> None:
    steps = [{"row": 1}, {"cut": "… [200 entries]"}]
    host.show("confirmation", {"structuredContent": {"done": False, "message": "Long.", "steps": steps}})
    assert "2 steps" not in host.text()
    assert "… [200 entries]" in host.text()


def test_the_card_shows_what_would_happen_and_that_nothing_did(host: PictureHost) -> None:
    result = previewed("bill_project_hours")
    host.show("confirmation", result)
    shown = host.text()
    assert "Nothing has happened yet" in shown
    assert result["structuredContent"]["message"] in shown
    assert "$2,887.50" in shown
    assert "Say yes or no in the conversation" in shown
    assert host.run("[...page.querySelectorAll('button, a, form, input')].map((each) => each.innerText)") == [
        "Show all 10"
    ]


@pytest.mark.parametrize("tool", [tool for tool in GATED if tool != "api_request"])
def test_the_card_shows_everything_that_the_preview_says(host: PictureHost, tool: str) -> None:
    answer = dict(previewed(tool)["structuredContent"])
    for_the_model = {answer.pop(name, None) for name in ("to_proceed", "preview_id")}
    host.show("confirmation", {"structuredContent": answer})
    host.run("page.querySelector('button')?.click()")
    shown = " ".join(host.text().split())
    assert [said for said in leaves(answer) if not any(form in shown for form in forms(said))] == []
    host.show("confirmation", previewed(tool))
    assert not any(text in host.text() for text in for_the_model if text)


def leaves(value: Any) -> Iterator[str | float]:
    """The texts and numbers of an answer; of a step, not the ids that stand beside names."""
    if isinstance(value, dict):
        beside = {"number", "record", "client", "title", "email"} & value.keys()
        for name, part in value.items():
            yield from () if beside and name.endswith("_id") else leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part)
    elif not isinstance(value, bool):
        yield value


def forms(said: str | float) -> list[str]:
    """How a text or a number may be shown."""
    if not isinstance(said, str):
        return [f"{said:,.2f}", f"{said:,}", str(said)]
    if re.fullmatch(r"\d{4}-\d\d-\d\d", said):
        day = date.fromisoformat(said)
        return [f"{day:%b} {day.day}, {day.year}"]
    return [" ".join(said.split())]


def test_the_card_shows_what_goes_with_a_record(host: PictureHost) -> None:
    host.show("confirmation", previewed("delete_client"))
    assert "2: Kestrel Accessibility Audit, Kestrel Website Relaunch" in host.text()


def test_the_card_shows_what_a_value_was_and_will_be(host: PictureHost) -> None:
    host.show("confirmation", previewed("bulk_update"))
    assert "Boulder → Bath" in host.text()


@pytest.mark.parametrize(
    ("answer", "badge"),
    [
        ({"done": True, "message": "Deleted."}, "✓ Done"),
        ({"done": False, "message": "Nothing was changed. There is nothing to do."}, "Nothing was done"),
        ({"done": False, "message": EVIL, "to_proceed": "Call again."}, "Nothing has happened yet"),
    ],
)
def test_the_card_says_whether_something_was_done(host: PictureHost, answer: dict[str, object], badge: str) -> None:
    host.show("confirmation", {"structuredContent": answer})
    assert host.run("page.querySelector('.badge').textContent") == badge
    assert str(answer["message"]) in host.text()
    assert ("Say yes or no" in host.text()) == ("to_proceed" in answer)
    assert "Call again." not in host.text(), "that is for the model"
