"""Reminders that users delegate: to the people of each invoice, and one mail for what a client owes in a currency."""

import json

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.scenarios import oracle
from tests.scenarios.account import PENDING, VIEWED, Added, account_with_traps
from tests.scenarios.playing import Play, compare, in_cents

pytestmark = pytest.mark.anyio

ACCOUNTS = "Accounts <accounts@merrow.example.com>"


CONTACTS = ["ida@merrow.example.com", "intern@merrow.example.com"]
MAILS = [
    (["accounts@merrow.example.com"], "1,200.50 EUR is open: M-1, since 2026-09-01"),
    (CONTACTS, "750.25 EUR is open: M-2, M-3, since 2026-10-01"),
    (CONTACTS, "700.00 USD is open: M-4, since 2026-10-20"),
]


def debtor(account: Sandbox) -> int:
    """A client who owes in two currencies, with an intern among its contacts; accounts handles one invoice."""
    added = Added(account)
    client = added.client("Merrow & Daughters")
    added.contact(client, "Ida Merrow", "ida@merrow.example.com")
    added.contact(client, "Intern", "intern@merrow.example.com")
    added.invoice(client, "M-1", 120_050, "2026-09-01", recipients=json.dumps([ACCOUNTS]))
    added.invoice(client, "M-2", 30_000, "2026-10-01")
    added.invoice(client, "M-3", 45_025, "2026-10-15", status=VIEWED)
    added.invoice(client, "M-4", 70_000, "2026-10-20", currency_code="USD")
    added.invoice(client, "M-5", 99_000, "2026-10-25", status=PENDING)
    added.invoice(client, "M-6", -5_000, "2026-10-30")
    return client


async def test_a_reminder_goes_to_the_invoices_own_recipients(play: Play, account: Sandbox) -> None:
    debtor(account)
    (found,) = (await play.ask("list_invoices", query="M-1"))["records"]
    job = {"invoice_ids": [found["id"]]}
    shown = await play.ask("send_payment_reminders", **job)
    (step,) = shown["steps"]
    assert (step["client"], step["number"], in_cents(step["balance"])) == ("Merrow & Daughters", "M-1", 120_050)
    assert (step["recipients"], step["recipients_from"]) == (["accounts@merrow.example.com"], "invoice")
    assert account.sent_messages == []
    await play.confirm("send_payment_reminders", shown, **job)
    (mail,) = account.sent_messages
    assert (mail["id"], mail["recipients"]) == (found["id"], ["accounts@merrow.example.com"])


async def test_one_mail_for_what_a_client_owes_in_each_currency(play: Play, account: Sandbox) -> None:
    client = debtor(account)
    job = {"client_id": client, "message": "Dear {client}, {balance} is open: {number}, since {due_date}."}
    shown = await play.ask("send_payment_reminders", **job)
    assert "“Merrow & Daughters” 50.00 EUR" in shown["message"]
    assert "Today is 2026-11-20" in shown["message"]
    done = await play.confirm("send_payment_reminders", shown, **job)
    assert done["message"].startswith("3 reminders of 4 invoices mailed, 1 invoice skipped.")
    assert [(mail["recipients"], mail["message"]) for mail in account.sent_messages] == [
        (to, f"Dear Merrow & Daughters, {text}.") for to, text in MAILS
    ]
    owed = oracle.rows(
        account,
        "SELECT currency_code, sum(balance) AS owed FROM invoices WHERE client_id = ? AND status IN (1, 2)"
        " AND balance > 0 GROUP BY currency_code ORDER BY currency_code",
        client,
    )
    sums = [{"currency_code": row["currency_code"], "owed": in_cents(row["balance"])} for row in done["totals"]]
    assert sums == owed

    async def alone(play: Play) -> None:
        await play.whole("list_client_invoices", client_id=client)
        await play.whole("list_client_contacts", client_id=client)
        await play.whole("list_payments")
        for invoice in ("M-1", "M-2", "M-4"):
            found = oracle.one(play.sandbox, "SELECT id FROM invoices WHERE number = ?", invoice)
            mail = {"invoice_id": found, "recipients": ["ida@merrow.example.com"]}
            await play.ask("send_invoice_message", **mail)

    equal = account_with_traps()
    debtor(equal)
    await compare("one reminder for all that a client owes", play, alone, equal)
