"""What reports have to tell apart is in the default account, on every day and with every seed."""

from datetime import timedelta
from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.api.lists import fiscal_year
from tests.sandbox.seed.test_agency import DAYS

DECLINED, ACCEPTED = 4, 6


@pytest.fixture(scope="module", params=[(day, seed) for day in DAYS for seed in (1, 2)], ids=str)
def account(request: pytest.FixtureRequest) -> Sandbox:
    """The default account of a day and seed; each is made once."""
    day, seed = request.param
    return Sandbox(day, seed=seed)


def rows(account: Sandbox, query: str, **values: Any) -> list[tuple[Any, ...]]:
    """A query's rows; `:today` is the account's day."""
    found = account.connection.execute(query, {"today": account.today.isoformat(), **values})
    return [tuple(row) for row in found]


def test_expenses_lie_in_this_fiscal_year_and_in_the_last(account: Sandbox) -> None:
    start, end = fiscal_year(account.today)
    before = f"{start.year - 1}{start.isoformat()[4:]}"
    count = "SELECT count(*) FROM expenses WHERE incurred_on BETWEEN :first AND :last"
    assert rows(account, count, first=start.isoformat(), last=end.isoformat()) == [(143,)]
    assert rows(account, count, first=before, last=(start - timedelta(days=1)).isoformat()) == [(40,)]


def test_a_client_that_is_late_has_paid_too_much(account: Sandbox) -> None:
    overpaid = (
        "SELECT i.total_cost + 10000 >= i.total_payments, (SELECT count(*) FROM payments WHERE invoice_id = i.id), "
        "i.status, EXISTS (SELECT 1 FROM invoices late WHERE late.client_id = i.client_id AND late.status IN (1, 2) "
        "AND late.balance > 0 AND late.due_date < :today AND late.currency_code = i.currency_code) "
        "FROM invoices i WHERE i.total_cost > 0 AND i.balance < 0"
    )
    assert rows(account, overpaid) == [(1, 1, 4, 1)]


def test_a_client_that_is_late_has_a_credit_note(account: Sandbox) -> None:
    credited = (
        "SELECT i.title, i.status, i.total_payments, EXISTS (SELECT 1 FROM invoices late WHERE "
        "late.client_id = i.client_id AND late.status IN (1, 2) AND late.balance > 0 AND late.due_date < :today "
        "AND late.currency_code = i.currency_code) FROM invoices i WHERE i.total_cost < 0 AND i.balance < 0"
    )
    assert rows(account, credited) == [("Credit note", 1, 0, 1)]


def test_invoices_are_paid_in_part_and_in_parts(account: Sandbox) -> None:
    partly = "SELECT count(*) FROM invoices WHERE status IN (1, 2) AND total_payments > 0 AND balance > 0"
    in_two = (
        "SELECT count(*) FROM invoices WHERE status = 4 AND "
        "(SELECT count(*) FROM payments WHERE invoice_id = invoices.id) = 2"
    )
    assert (rows(account, partly), rows(account, in_two)) == ([(34,)], [(60,)])


def test_two_clients_hardly_ever_pay_before_the_due_date_and_others_do(account: Sandbox) -> None:
    lateness = (
        "SELECT avg(paid_date > due_date) FROM invoices WHERE status = 4 GROUP BY client_id HAVING count(*) > 9 "
        "ORDER BY 1 DESC"
    )
    shares = [share for (share,) in rows(account, lateness)]
    assert min(shares[:2]) > 0.85
    assert max(shares[2:]) < 0.75


def test_paid_invoices_were_paid_on_the_day_of_their_last_payment(account: Sandbox) -> None:
    differing = (
        "SELECT id FROM invoices WHERE status = 4 AND paid_date <> "
        "(SELECT max(received_on) FROM payments WHERE invoice_id = invoices.id)"
    )
    assert rows(account, differing) == []
    earlier = "SELECT p.id FROM payments p JOIN invoices i ON i.id = invoice_id WHERE i.updated_at < p.updated_at"
    assert rows(account, earlier) == []


@pytest.mark.parametrize("status", [DECLINED, ACCEPTED])
def test_estimates_were_won_and_lost_in_the_last_twelve_months_after_some_days(account: Sandbox, status: int) -> None:
    decided = (
        "SELECT count(*), avg(julianday(substr(updated_at, 1, 10)) - julianday(date)) FROM estimates "
        "WHERE status = :status AND date > date(:today, '-1 year')"
    )
    [(count, days)] = rows(account, decided, status=status)
    assert count >= 2
    assert 0 < days <= 30


def test_schedules_have_every_interval_and_a_next_date_to_come(account: Sandbox) -> None:
    assert rows(account, "SELECT DISTINCT time_interval FROM recurring_schedules ORDER BY 1") == [
        (interval,) for interval in range(1, 12)
    ]
    assert rows(account, "SELECT id FROM recurring_schedules WHERE next_date <= :today") == []


def test_an_archived_client_has_gone_quiet_with_everything_paid(account: Sandbox) -> None:
    quiet = (
        "SELECT count(*) FROM (SELECT c.id FROM clients c JOIN invoices i ON i.client_id = c.id WHERE c.status = 2 "
        "GROUP BY c.id HAVING max(i.date) < date(:today, '-400 days') AND max(i.status <> 4) = 0)"
    )
    assert rows(account, quiet) >= [(1,)]


def test_one_client_has_vat_at_two_rates(account: Sandbox) -> None:
    rates = (
        "SELECT currency_code, group_concat(DISTINCT tax) FROM (SELECT * FROM invoices ORDER BY tax) "
        "WHERE tax_label = 'VAT' GROUP BY client_id HAVING count(DISTINCT tax) > 1"
    )
    assert rows(account, rates) == [("EUR", "7000,19000")]


def test_a_late_client_has_everything_in_whole_yen(account: Sandbox) -> None:
    client = "SELECT id, country FROM clients WHERE currency_code = 'JPY'"
    [(client_id, country)] = rows(account, client)
    assert country == "JP"
    late = (
        "SELECT count(*) > 0 FROM invoices WHERE client_id = :client AND status IN (1, 2) AND balance > 0 "
        "AND due_date < :today"
    )
    assert rows(account, late, client=client_id) == [(1,)]
    for table in ("invoices", "estimates"):
        other = f"SELECT id FROM {table} WHERE (client_id IS :client) <> (currency_code = 'JPY')"  # noqa: S608 names are written here
        assert rows(account, other, client=client_id) == []
        uneven = f"SELECT id FROM {table} WHERE currency_code = 'JPY' AND (total_cost % 100 OR subtotal % 100)"  # noqa: S608 as above
        assert rows(account, uneven) == []
    amounts = (
        "SELECT amount FROM payments JOIN invoices i ON i.id = invoice_id WHERE i.client_id = :client "
        "UNION ALL SELECT amount FROM expenses WHERE client_id = :client "
        "UNION ALL SELECT price FROM invoice_items JOIN invoices i ON i.id = invoice_id WHERE i.client_id = :client"
    )
    assert all(amount % 100 == 0 for (amount,) in rows(account, amounts, client=client_id))
