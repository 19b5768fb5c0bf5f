"""Calls that would do the same are the same call, however their arguments are written."""

from typing import Any

import pytest

from clientary_mcp.state.recent import key_of
from clientary_mcp.tools import ALL
from tests.conftest import TODAY
from tool_schemas.invoices import SendInvoiceMessage


@pytest.mark.parametrize(
    "recipients",
    [
        ["Ann@x.example", "bob@xn--bcher-kva.example"],
        ["Bob <BOB@b\u00fccher.example>", "mailto:ann@x.example"],
        "bob@b\u00fccher.example; ann@x.example",
    ],
)
def test_a_mail_to_the_same_mailboxes_is_the_same_call(recipients: Any) -> None:
    mail = {"invoice_id": 7, "recipients": ["ann@x.example", "bob@b\u00fccher.example"]}
    keys = [
        key_of("send_invoice_message", SendInvoiceMessage.checked(given), TODAY)
        for given in (mail, mail | {"recipients": recipients}, mail | {"recipients": ["ann@x.example"]})
    ]
    assert keys[0] == keys[1] != keys[2]


_DAYS = {"client_id": 4, "date": "2026-11-20", "due_date": "2026-12-20", "currency_code": "EUR"}
_SCHEDULE = {
    "client_id": 4, "next_date": "2026-12-01", "time_interval": "monthly", "currency_code": "EUR", "due_period": 14,
}  # fmt: skip
_MAIL = {"invoice_id": 7, "recipients": ["ann@x.example"]}


@pytest.mark.parametrize(
    ("tool", "given", "alike", "other"),
    [
        (
            "create_contact",
            {"client_id": 4, "name": "Ann", "email": "ann@b\u00fccher.example"},
            {"email": "mailto:Ann@xn--bcher-kva.example"},
            {"email": "bo@b\u00fccher.example"},
        ),
        ("create_invoice", _DAYS, {"status": "draft"}, {"status": "sent"}),
        ("create_estimate", {"date": "2026-11-20", "currency_code": "EUR"}, {"status": "draft"}, {"status": "sent"}),
        ("create_recurring_schedule", _SCHEDULE, {"status": "active"}, {"status": "paused"}),
        ("create_project", {"name": "P", "rate": 90}, {"project_type": "hourly"}, {"project_type": "fixed"}),
        ("send_invoice_message", _MAIL, {"send_copy": False, "attach_pdf": "false"}, {"attach_pdf": True}),
    ],
)
def test_what_is_meant_anyway_makes_no_other_call(tool: str, given: Any, alike: Any, other: Any) -> None:
    arguments = next(each.arguments for each in ALL if each.name == tool)
    keys = [key_of(tool, arguments.checked(given | more), TODAY) for more in (dict[str, Any](), alike, other)]
    assert keys[0] == keys[1] != keys[2]
