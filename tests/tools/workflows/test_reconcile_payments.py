"""Bank lines against open invoices: only what is certain or chosen is recorded, with why, and nothing twice."""

from typing import Any

import pytest

from clientary_mcp.sandbox import Fault, Faults, Switches
from tests.conftest import TODAY, session_with
from tests.support.agent import agent_of
from tests.support.clock import FakeTime
from tests.support.quarry import Books
from tests.support.users import configured, connect, writes

pytestmark = pytest.mark.anyio

JOB = "reconcile_payments"
DAY = "2026-11-10"


class Shop(Books):
    """Two clients: one owes 100, 300 and 200 EUR, the other 75.50 EUR."""

    def __init__(self) -> None:
        super().__init__()
        self.acme = self.add("clients", name="Acme Foundry Ltd", currency_code="EUR", status=1)
        self.bolt = self.add("clients", name="Bolt & Co", currency_code="EUR", status=1)
        owed = ((1042, 10_000), (1043, 30_000), (1044, 20_000))
        self.one, self.three, self.two = (self.sold(f"INV-{n}", cents, client_id=self.acme) for n, cents in owed)
        self.other = self.sold("INV-2001", 7_550, client_id=self.bolt)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def line(amount: Any, text: str = "", **more: Any) -> dict[str, Any]:
    return {"date": DAY, "amount": amount, "currency_code": "EUR", "text": text, **more}


async def reconciled(shop: Books, *rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The answer of a short-lived process to a confirmed call."""
    async with agent_of(session_with(shop.sandbox)) as agent:
        return await agent.confirmed(JOB, rows=[*rows], **more)


def outcomes(answer: dict[str, Any]) -> list[str]:
    assert [row["row"] for row in answer["steps"]] == list(range(1, len(answer["steps"]) + 1))
    return [row["outcome"] for row in answer["steps"]]


async def test_the_preview_shows_each_row_with_why_and_changes_nothing(shop: Shop) -> None:
    async with agent_of(session_with(shop.sandbox)) as agent:
        shown = await agent.answer(JOB, rows=[line(100, "INV-1042"), line(75.5, "who knows"), line(-8, "fee")])
    assert shown["steps"] == [
        {
            "row": 1,
            "outcome": "to record",
            "date": DAY,
            "amount": 100,
            "currency_code": "EUR",
            "sure": "certain",
            "why": "it names the invoice and pays exactly its balance",
            "invoice_id": shop.one,
            "number": "INV-1042",
            "client": "Acme Foundry Ltd",
        },
        {
            "row": 2,
            "outcome": "to choose",
            "date": DAY,
            "amount": 75.5,
            "currency_code": "EUR",
            "sure": "likely",
            "why": "the balance is the same",
            "candidates": [{"invoice_id": shop.other, "number": "INV-2001", "client": "Bolt & Co", "owed": 75.5}],
        },
        {"row": 3, "outcome": "money out", "date": DAY, "amount": -8, "currency_code": "EUR"},
    ]
    assert shown["totals"] == [
        {"currency_code": "EUR", "count": 3, "recorded": 100, "received": 175.5, "to_choose": 75.5, "money_out": -8}
    ]
    assert "record 1 payment, of 3 rows (to choose: row 2; money out: row 3)" in shown["message"]
    assert writes(shop.sandbox) == []


async def test_rows_without_a_column_that_is_understood_are_told_which_are(shop: Shop) -> None:
    answer = await reconciled(shop, {"Tag": DAY, "Betrag": "100,00", "Info": "INV-1042"})
    assert outcomes(answer) == ["unreadable"]
    assert "Columns that are not used: Info, Tag." in answer["message"]
    assert "No column has the date: call it date. The documents list all names " in answer["message"]
    assert "No column has the amount" not in answer["message"]
    assert not shop.sandbox.requests


async def test_the_nearest_names_are_told_for_a_column_that_is_not_understood(shop: Shop) -> None:
    answer = await reconciled(shop, {"Bookin dat": DAY, "Ammount": "100,00", "Info": "INV-1042"})
    assert "Column “Bookin dat”: Did you mean booking date" in answer["message"]
    assert "Column “Ammount”: Did you mean amount" in answer["message"]
    assert len(answer["message"]) < 700


async def test_a_payment_gets_the_day_and_the_words_of_its_line(shop: Shop) -> None:
    await reconciled(shop, line(100, "INV-1042", reference="E2E 5", payer="ACME"))
    assert shop.rows("SELECT received_on, note FROM payments") == [{"received_on": DAY, "note": "ACME INV-1042 E2E 5"}]


CERTAIN = {
    "by number": (line(100, "INV-1042"), ["one"]),
    "by number of another payer": (line(100, "inv 1042", payer="Holding AG"), ["one"]),
    "by two numbers": (line(400, "INV-1042, INV-1043"), ["one", "three"]),
    "by name": (line(100, payer="ACME FOUNDRY"), ["one"]),
    "by name and the sum of all": (line(600, "Acme Foundry"), ["one", "three", "two"]),
    "by name and the sum of two": (line(500, "Acme Foundry Limited"), ["three", "two"]),
}


@pytest.mark.parametrize(("row", "paid"), CERTAIN.values(), ids=CERTAIN)
async def test_what_can_only_be_meant_so_is_recorded(shop: Shop, row: dict[str, Any], paid: list[str]) -> None:
    done = await reconciled(shop, row)
    assert outcomes(done) == ["recorded"]
    invoices = [getattr(shop, name) for name in paid]
    assert sorted(invoice for invoice, _ in shop.recorded()) == sorted(invoices)
    assert sum(cents for _, cents in shop.recorded()) == row["amount"] * 100
    assert {each["status"] for each in shop.rows("SELECT status FROM invoices") if each} >= {4}
    (told,) = done["steps"]
    payments = {part["payment_id"] for part in told.get("invoices", [told])}
    assert payments == {each["id"] for each in shop.rows("SELECT id FROM payments")}


UNSURE = {
    "nothing but the balance": (line(75.5, "Payment"), "to choose"),
    "two ways to the sum": (line(300, "Acme Foundry"), "to choose"),  # 300, or 100 and 200
    "a fee taken off": (line(297, "Acme Foundry INV-1043"), "to choose"),
    "more than is owed": (line(310, "Acme Foundry INV-1043"), "to choose"),
    "a part without the name": (line(150, "INV-1043"), "to choose"),
    "digits transposed": (line(75.5, "INV-2010"), "to choose"),
    "the number of one client, the name of another": (line(100, "INV-1042", payer="Bolt & Co"), "to choose"),
    "one number of two": (line(100, "INV-1042 INV-1043"), "to choose"),
    "another currency": (line(100, "INV-1042") | {"currency_code": "USD"}, "unmatched"),
    "nobody": (line(12.34, "Interest"), "unmatched"),
    "before it was invoiced": (line(75.5, "Bolt & Co") | {"date": "2026-10-01"}, "to choose"),
    "a word for a day": (line(100, "INV-1042") | {"date": "Tuesday"}, "unreadable"),
}


@pytest.mark.parametrize(("row", "outcome"), UNSURE.values(), ids=UNSURE)
async def test_what_may_be_meant_otherwise_is_not(shop: Shop, row: dict[str, Any], outcome: str) -> None:
    answer = await reconciled(shop, row)
    assert (outcomes(answer), answer["done"]) == ([outcome], False)
    assert answer["steps"][0]["why"]
    assert writes(shop.sandbox) == []


async def test_a_large_part_with_number_and_name_is_certain(shop: Shop) -> None:
    assert outcomes(await reconciled(shop, line(150, "Acme Foundry INV-1043"))) == ["recorded"]
    assert shop.recorded() == [(shop.three, 15_000)]


async def test_an_invoice_that_is_paid_twice_is_recorded_once(shop: Shop) -> None:
    rows = line(100, "INV-1042"), line(100, "INV-1042") | {"date": "2026-11-12"}
    done = await reconciled(shop, *rows)
    assert outcomes(done) == ["recorded", "unmatched"]
    assert done["steps"][1]["why"] == "nothing more is owed on the invoice it names: row 1 pays it"
    assert outcomes(await reconciled(shop, *rows)) == ["already recorded", "unmatched"]
    assert shop.recorded() == [(shop.one, 10_000)]


@pytest.mark.parametrize(
    ("day", "amount", "outcome"),
    [
        ("2026-11-13", 10_000, "already recorded"),
        ("2026-11-07", 10_000, "already recorded"),
        ("2026-11-14", 10_000, "unmatched"),
        ("2026-11-10", 9_999, "to choose"),
    ],
)
async def test_a_payment_of_the_same_amount_within_three_days_is_the_same(
    shop: Shop, day: str, amount: int, outcome: str
) -> None:
    shop.add("payments", invoice_id=shop.one, amount=amount, received_on=day)
    balance = 10_000 - amount
    shop.sandbox.connection.execute("UPDATE invoices SET balance = ? WHERE id = ?", (balance, shop.one))
    assert outcomes(await reconciled(shop, line(100, "INV-1042"))) == [outcome]
    assert writes(shop.sandbox) == []


async def test_each_recorded_payment_explains_one_line(shop: Shop) -> None:
    shop.add("payments", invoice_id=shop.three, amount=10_000, received_on=DAY)
    shop.sandbox.connection.execute("UPDATE invoices SET balance = 20000 WHERE id = ?", (shop.three,))
    done = await reconciled(shop, line(100, "Acme Foundry"), line(100, "INV-1042 Acme Foundry"))
    assert outcomes(done) == ["already recorded", "recorded"]
    assert shop.recorded()[1:] == [(shop.one, 10_000)]


# Choices


async def test_a_choice_is_recorded_in_the_order_of_its_invoices(shop: Shop) -> None:
    row = line(150, "no idea")
    choices = [{"row": 1, "invoice_ids": [shop.other, shop.one]}]
    done = await reconciled(shop, row, choices=choices)
    assert [step["sure"] for step in done["steps"]] == ["chosen"]
    assert shop.recorded() == [(shop.other, 7_550), (shop.one, 7_450)]
    for again in ({"choices": choices}, {}):
        assert outcomes(await reconciled(shop, row, **again)) == ["already recorded"]
    assert len(shop.recorded()) == 2


async def test_a_skipped_row_is_left_alone(shop: Shop) -> None:
    rows = line(100, "INV-1042"), line(75.5, "INV-2001")
    done = await reconciled(shop, *rows, choices=[{"row": 1, "skip": True}])
    assert outcomes(done) == ["skipped", "recorded"]


async def test_a_choice_of_more_than_is_owed_records_nothing(shop: Shop) -> None:
    answer = await reconciled(shop, line(150, "x"), choices=[{"row": 1, "invoice_ids": [shop.one]}])
    assert "more than what is owed" in answer["steps"][0]["why"]
    assert writes(shop.sandbox) == []


@pytest.mark.parametrize(
    ("choices", "why"),
    [
        ([{"row": 2, "skip": True}], "chooses for row 2 of 1; valid is 1 to 1"),
        ([{"row": 1, "skip": True}, {"row": 1, "invoice_ids": [5]}], "has two choices for row 1"),
        ([{"row": 1, "skip": True, "invoice_ids": [5]}], "takes either invoice_ids or skip=true"),
        ([{"row": 1}], "takes either invoice_ids or skip=true"),
    ],
)
async def test_a_choice_that_cannot_be_meant_is_refused(shop: Shop, choices: list[dict[str, Any]], why: str) -> None:
    async with agent_of(session_with(shop.sandbox)) as agent:
        assert why in await agent.refusal(JOB, rows=[line(1)], choices=choices)


# Currencies


async def test_a_row_without_a_currency_is_in_that_of_all_open_invoices_or_in_none(shop: Shop) -> None:
    row = {"date": DAY, "amount": 100, "text": "INV-1042"}
    async with agent_of(session_with(shop.sandbox)) as agent:
        shown = await agent.answer(JOB, rows=[row])
        assert "taken to be in EUR, as all open invoices are" in shown["message"]
        shop.sold("USD-1", 10_000, currency_code="USD")
        shown = await agent.answer(JOB, rows=[row])
    assert outcomes(shown) == ["unreadable"]
    assert (
        shown["steps"][0]["why"] == "currency_code: is missing; give each row one, since open invoices are in EUR, USD"
    )


async def test_two_currencies_are_never_added(shop: Shop) -> None:
    dollars = shop.sold("USD-1001", 10_000, currency_code="USD")
    done = await reconciled(shop, line(100, "INV-1042"), line(100, "USD-1001") | {"currency_code": "USD"})
    assert [(row["currency_code"], row["recorded"]) for row in done["totals"]] == [("EUR", 100), ("USD", 100)]
    assert shop.recorded() == [(shop.one, 10_000), (dollars, 10_000)]


# Failures


async def test_a_row_that_clientary_refuses_stops_no_other(shop: Shop) -> None:
    class Gone(Faults):
        """The first invoice disappears just before its payment."""

        def strike(self, method: str, path: str) -> Fault | None:
            if method == "POST" and path.startswith(f"invoices/{shop.one}/"):
                shop.sandbox.connection.execute("DELETE FROM invoices WHERE id = ?", (shop.one,))
            return None

    shop.sandbox.faults = Gone()
    done = await reconciled(shop, line(100, "INV-1042"), line(75.5, "INV-2001"))
    assert outcomes(done) == ["refused", "recorded"]
    assert shop.recorded() == [(shop.other, 7_550)]


async def test_a_balance_that_changed_since_the_preview_records_nothing_above_it(shop: Shop) -> None:
    rows = [line(100, "INV-1042"), line(75.5, "INV-2001")]
    async with agent_of(session_with(shop.sandbox)) as agent:
        shown = await agent.answer(JOB, rows=rows)
        shop.sandbox.connection.execute("UPDATE invoices SET balance = 5000 WHERE id = ?", (shop.one,))
        done = await agent.answer(JOB, rows=rows, confirm=True, preview_id=shown["preview_id"])
    assert outcomes(done) == ["to choose", "recorded"]
    assert shop.recorded() == [(shop.other, 7_550)]


async def test_a_lost_response_stops_no_other_row_and_the_same_call_goes_on(shop: Shop) -> None:
    rows = [line(100, "INV-1042"), line(75.5, "INV-2001"), line(300, "INV-1043")]
    shop.sandbox.faults = Faults([Fault("drop", "POST", f"invoices/{shop.one}/payments", times=100)])
    time = FakeTime(TODAY)
    async with connect(configured(shop.sandbox, time)) as agent:
        shown = await agent.answer(JOB, rows=rows)
        sure = {"confirm": True, "preview_id": shown["preview_id"]}
        text = await agent.refusal(JOB, rows=rows, **sure)
        assert "recorded: rows 2-3" in text
        assert "The same call continues" in text
        shop.sandbox.faults = None
        await time.clock.sleep(180)
        done = await agent.answer(JOB, rows=rows, **sure)
    assert outcomes(done) == ["recorded", "already recorded", "already recorded"]
    assert sorted(shop.recorded()) == [(shop.one, 10_000), (shop.three, 30_000), (shop.other, 7_550)]


@pytest.mark.parametrize("after", [False, True])
async def test_after_a_crash_between_two_invoices_the_rest_of_the_line_is_recorded(shop: Shop, after: bool) -> None:
    row = line(400, "INV-1042, INV-1043")
    shop.sandbox.faults = Faults([Fault("drop", "POST", "invoices/*/payments", nth=2, times=100, after=after)])
    async with agent_of(session_with(shop.sandbox)) as agent:
        shown = await agent.answer(JOB, rows=[row])
        await agent.call(JOB, {"rows": [row], "confirm": True, "preview_id": shown["preview_id"]})
    shop.sandbox.faults = None
    for _ in range(2):  # by processes that know nothing of the first one
        await reconciled(shop, row)
        assert shop.recorded() == [(shop.one, 10_000), (shop.three, 30_000)]


@pytest.mark.parametrize("switches", [Switches(dates="iso", money_as_text=True), Switches(page_keys=False)])
async def test_accounts_of_other_kinds_are_matched_the_same(shop: Shop, switches: Switches) -> None:
    shop.sandbox.switches = switches
    assert outcomes(await reconciled(shop, line(400, "INV-1042, INV-1043"))) == ["recorded"]
    assert shop.recorded() == [(shop.one, 10_000), (shop.three, 30_000)]
