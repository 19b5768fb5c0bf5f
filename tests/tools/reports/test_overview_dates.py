"""When a client was last invoiced and last paid, how long it usually takes, and the taxes of its latest invoice."""

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
import respx

from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import TODAY, agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.replies import listed
from tests.support.tables import SWITCHES, exact, put, rows

pytestmark = pytest.mark.anyio

Row = dict[str, Any]


def mean(days: list[int]) -> float:
    return float((Decimal(sum(days)) / len(days)).quantize(Decimal("0.1"), ROUND_HALF_UP))


@pytest.mark.parametrize("switches", SWITCHES)
async def test_dates_days_and_taxes_match_the_tables(switches: Switches) -> None:
    sandbox, since = agency(switches=switches), (TODAY - timedelta(days=365)).isoformat()
    some = rows(
        sandbox, "SELECT client_id AS id FROM invoices WHERE status = 4 GROUP BY 1 ORDER BY count(*) DESC LIMIT 8"
    )
    async with agent_of(session_with(sandbox)) as agent:
        for client in (row["id"] for row in some):
            answer = await agent.answer("client_overview", client_id=client)
            ((invoiced,), (paid,)) = (
                sandbox.connection.execute(
                    f"SELECT max({column}) FROM invoices LEFT JOIN payments ON invoice_id = invoices.id"  # noqa: S608 - ours
                    " WHERE client_id = ? AND status NOT IN (0, 3)",
                    [client],
                ).fetchone()
                for column in ("date", "received_on")
            )
            assert (answer["last_invoice_on"], answer["last_payment_on"]) == (invoiced, paid)
            lately = rows(
                sandbox,
                "SELECT julianday(max(received_on)) - julianday(date) AS days,"
                " julianday(max(received_on)) - julianday(due_date) AS late FROM invoices"
                " JOIN payments ON invoice_id = invoices.id WHERE client_id = ? AND status = 4 GROUP BY invoices.id"
                " HAVING max(received_on) >= ?",
                client,
                since,
            )
            usual = {
                "invoices": len(lately),
                "mean_days": mean([int(row["days"]) for row in lately]),
                "mean_days_late": mean([int(row["late"]) for row in lately]),
            }
            assert answer["usual_days_to_pay"] == usual
            (latest,) = rows(sandbox, "SELECT * FROM invoices WHERE id = ?", answer["latest_invoice"]["id"])
            charged = [
                (latest[f"{name}_label"], latest[name] / 1_000, latest[f"total_{name}"])
                for name in ("tax", "tax2", "tax3")
                if latest[name]
            ]
            told = answer["latest_invoice"]["taxes"]
            assert [(tax["tax_label"], tax["rate"], exact(tax["tax"])) for tax in told] == charged


async def test_a_client_that_never_paid_has_no_such_dates(books: Sandbox, reader: Agent) -> None:
    acme = put(books, "clients", name="Acme")
    nothing = await reader.answer("client_overview", client_id=acme)
    assert not {"last_invoice_on", "last_payment_on", "usual_days_to_pay"} & nothing.keys()
    put(books, "invoices", client_id=acme, date="2026-11-01", total_cost=100, balance=100)
    invoiced = await reader.answer("client_overview", client_id=acme)
    assert invoiced["last_invoice_on"] == "2026-11-01"
    assert not {"last_payment_on", "usual_days_to_pay"} & invoiced.keys()


async def test_payments_that_are_not_listed_are_named(account: respx.MockRouter, agent: Agent) -> None:
    bill = {"number": "7", "status": 1, "date": "2023/10/01", "subtotal": 9, "total_cost": 9, "balance": 5, "items": []}
    later = {"id": 1, "amount": 4, "received_on": "2023/12/24"}
    earlier = {"id": 2, "amount": 4, "received_on": "2023/10/24"}
    account.get("clients/4").respond(json={"id": 4, "name": "ACME"})
    account.get("clients/4/invoices").respond(
        json=listed(
            "invoices",
            {"id": 1, "currency_code": "USD", "total_payments": 4, **bill},
            {"id": 2, "currency_code": "USD", "payments": [earlier, later, {"id": 3}], **bill},
        )
    )
    account.get("invoices/2").respond(json={"id": 2, "currency_code": "USD", "invoice_items": [], **bill})
    for path in ("clients/4/contacts", "projects", "clients/4/estimates"):
        account.get(path).respond(json=listed(path.rpartition("/")[2]))
    answer = await agent.answer("client_overview", client_id=4)
    assert answer["last_payment_on"] == "2023-10-24"
    assert "1 invoice whose payments are not listed, not in last_payment_on: “7”." in answer["left_out"]
