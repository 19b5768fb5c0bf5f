"""Clientary's responses, in the forms that the API documentation and live accounts show.

Nulls, dates with slashes, numbers as text, `billed?`, secrets and undocumented keys are included on purpose.
"""

from typing import Any

JsonObject = dict[str, Any]

SECRET = "s3cret"
"""Stands in every value that no agent may see."""

CLIENT: JsonObject = {
    "number": "101", "name": "ACME Corp", "city": "New York", "address": "123 Main St.", "zip": "12345",
    "country": "US", "id": 2123, "invoice_extra_fields": None, "website": "http://www.example.com",
    "address_2": "Suite 101", "description": "A sample API Client", "state": "NY", "status": 1,
    "contact_viewable": True, "created_at": "2013-12-09T20:28:18.000Z", "updated_at": "2018-11-18T10:31:04.000Z",
    "amount_outstanding": "1250.50", "account": {"currency_code": "USD", "secret": f"{SECRET}-0"}, "was_lead": False,
}  # fmt: skip

CONTACT: JsonObject = {
    "name": "John Doe", "ext": "1234", "title": "Product Manager", "id": 495, "client_id": 117,
    "mobile": "123-456-7891", "phone": None, "avatar": "default_avatars/avatars/missing_original.jpg",
    "email": "jdoe@example.com", "client": {"id": 117, "name": "ACME Corp", "number": None, "status": 1},
    "created_at": "2013-12-09T20:28:18.000Z", "is_client_user": True,
}  # fmt: skip

LEAD: JsonObject = {
    "number": "", "name": "Globex", "city": "Springfield", "address": None, "zip": "12345", "country": "US",
    "id": 31, "invoice_extra_fields": "", "website": None, "address_2": None, "description": "Met at a fair",
    "state": "NY", "created_at": "2026-02-08T21:38:01-08:00",
}  # fmt: skip

PROJECT: JsonObject = {
    "number": "PROJ101", "name": "Project Name", "budget_type": 0, "client": CLIENT, "project_type": 0,
    "worked_hours": 87, "rate": "125.0", "unbilled_hours": 8.5, "id": 24, "cost": 10875,
    "description": "Project description", "status": 1, "end_date": "2011/04/06", "currency_code": "USD",
    "budget": 15000, "tasks_count": 3, "parent_template_id": None,
}  # fmt: skip

HOUR_ENTRY: JsonObject = {
    "title": "Redesign Work", "date": "2011/07/29", "project_id": 1, "id": 7, "rate": 75, "user_id": 2, "cost": 600,
    "hours": "8.0", "description": "Logged Description of Work", "billed?": False,
}  # fmt: skip

TASK: JsonObject = {
    "completed_at": None, "created_at": "2012-11-08T21:20:47Z", "title": "Redesign website", "assignee_id": None,
    "updated_at": "2012-11-08T21:20:47Z", "project_id": None, "id": 11, "user_id": 1, "client_id": None,
    "due_date": "2012/12/01", "complete": False, "description": None, "task_group_id": 4,
}  # fmt: skip

EXPENSE: JsonObject = {
    "invoice_item_id": None, "incurred_on": "2011/03/02", "project_id": None, "invoice_id": None, "amount": "500.25",
    "id": 3, "user_id": 1, "client_id": 4, "description": "Expense Description!",
}  # fmt: skip

INVOICE: JsonObject = {
    "tax": 5, "number": "184", "total_cost": 129.15, "balance": "119.15", "subtotal": 123, "title": "",
    "tax_label": "Sales Tax", "compound_tax": True, "id": 110, "date": "2011/07/26", "client_id": 4, "note": "",
    "due_date": "2011/08/25",
    "invoice_items": [
        {"price": "123.00", "title": "Invoice Item", "quantity": 1.0, "taxable?": True, "id": 184, "item_type": 3}
    ],
    "tax2_label": None, "summary": None, "recurring_schedules": [{"id": 1}], "total_payments": 10, "tax2": 0,
    "status": 1, "po": "", "currency_code": "EUR",
    "payments": [{"received_on": "2011/07/29", "amount": 10, "id": 53, "note": "Paid by check"}],
    "tax3_label": None, "tax3": 0, "secret": f"{SECRET}-1",
    "client_view_url": f"https://acme.clientary.com/invoices/{SECRET}-2",
    "client": {"id": 4, "name": "ACME Corp", "secret": f"{SECRET}-3"}, "paid_date": "2011/07/29",
    "recipients": [{"email": "jdoe@example.com", "client_view_url": f"https://acme.clientary.com/{SECRET}-4"}],
}  # fmt: skip

ESTIMATE: JsonObject = {
    "tax": "5.0", "number": "E-7", "total_cost": 129.15, "subtotal": 123, "title": "", "tax_label": "Sales Tax",
    "compound_tax": True, "id": 210, "date": "2011/07/26", "client_id": 4, "note": "",
    "estimate_items": [{"price": 123, "title": "Estimate Item", "quantity": 1, "taxable": True, "id": 185}],
    "tax2_label": None, "summary": None, "tax2": 0, "status": 6, "currency_code": "EUR", "tax3_label": None,
    "tax3": 0, "secret": f"{SECRET}-1", "expiration_date": "2011/09/01",
    "attachments": [{"name": "plan.pdf", "secret": f"{SECRET}-5"}],
}  # fmt: skip

PAYMENT: JsonObject = {
    "id": 980190972, "amount": 20.5, "note": "Received check #123", "invoice_id": 110, "received_on": "2017-07-22",
    "transaction_fee_amount": "0.0", "transaction_id": "ch_BK0cuioz1Vq9vm",
}  # fmt: skip

PAYMENT_PROFILE: JsonObject = {
    "address": None, "city": None, "name": "Bob Smith", "created_at": "2012-02-08T21:38:01-08:00",
    "expiration_date": "2013-12-31", "zip": None, "country": None, "updated_at": "2012-02-08T21:38:01-08:00",
    "id": 2, "client_id": 4, "gateway": "stripe", "state": None, "gateway_token": f"cus_{SECRET}",
    "last_four_digits": "4242",
}  # fmt: skip

RECURRING_SCHEDULE: JsonObject = {
    "action": 0, "client_id": 4, "compound_tax": False, "currency_code": "USD", "due_period": 10, "id": 9,
    "next_date": "2014-03-16", "note": "", "number": "1000001", "occurrences_remaining": 10,
    "payment_profile_id": None, "po": None, "status": 0, "summary": None, "tax": 8.25, "tax2": 2.0,
    "tax2_label": "", "tax_label": "", "tax3_label": "", "tax3": 0, "time_interval": 3, "title": "Retainer",
    "unlimited": False, "updated_at": "2013-02-06T21:23:21-08:00", "subtotal": 49.99, "total_cost": 49.99,
    "client": {},
    "recurring_schedule_items": [
        {
            "id": 3, "item_type": 1, "price": "49.99", "quantity": 1.0, "recurring_schedule_id": 9,
            "title": "Subscription", "taxable?": False, "secondary_tax?": False, "tertiary_tax?": False,
            "total_tax": 0,
        }
    ],
}  # fmt: skip

STAFF: JsonObject = {
    "name": "John Doe", "ext": "1234", "title": "Product Manager", "id": 2, "mobile": None, "phone": "123-456-7890",
    "avatar": "default_avatars/avatars/missing_original.jpg", "email": "jdoe@example.com",
}  # fmt: skip


def listed(plural: str, *records: JsonObject) -> JsonObject:
    """A whole list on one page, as most resources return it."""
    return {"page_count": 1, "page_size": 10, "total_count": len(records), plural: list(records)}
