"""The rows of a report: what records are grouped by, and which row comes first."""

import itertools
from collections import defaultdict
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from clientary_mcp.accounting.grouping import Facts, Grouping, Names
from clientary_mcp.accounting.money import ZERO

NAMES = Names(
    clients={None: "no client", 1: "Acme", 2: "Globex"}, projects={None: "no project", 7: "Website"}, people={3: "Ada"}
)
FACTS = Facts(date(2026, 2, 1), 2, 7, 3, "sent", 9)


def columns(group_by: str, facts: Facts = FACTS) -> dict[str, object]:
    grouping = Grouping(group_by)
    return grouping.columns(grouping.key(facts, "EUR"), NAMES)


def test_every_word_has_its_columns() -> None:
    assert columns("client,month") == {"client_id": 2, "client": "Globex", "month": "2026-02", "currency_code": "EUR"}
    assert columns("quarter,project") == {
        "quarter": "2026-Q1", "project_id": 7, "project": "Website", "currency_code": "EUR",
    }  # fmt: skip
    assert columns("person,week") == {"user_id": 3, "person": "Ada", "week": "2026-01-26", "currency_code": "EUR"}
    assert columns("status,day") == {"status": "sent", "day": "2026-02-01", "currency_code": "EUR"}
    assert columns("currency,year") == {"year": "2026", "currency_code": "EUR"}
    assert columns("currency") == {"currency_code": "EUR"}
    assert columns("month,invoice") == {"month": "2026-02", "currency_code": "EUR"}
    assert columns("client", Facts()) == {"client_id": None, "client": "no client", "currency_code": "EUR"}


def test_every_period_has_a_row_where_rows_are_grouped_by_time_alone() -> None:
    first, last = date(2025, 11, 30), date(2026, 1, 1)
    keys = Grouping("month,currency").all_periods(first, last, ["EUR", "USD"])
    assert [(key.currency_code, *key.values) for key in keys] == [
        (code, month) for code in ("EUR", "USD") for month in ("2025-11", "2025-12", "2026-01")
    ]
    keys = Grouping("month,year").all_periods(first, last, ["EUR"])
    assert [key.values for key in keys] == [("2025-11", "2025"), ("2025-12", "2025"), ("2026-01", "2026")]
    assert Grouping("client,month").all_periods(first, last, ["EUR"]) == []
    assert Grouping("currency").all_periods(first, last, ["EUR"]) == []


RECORDS = st.tuples(
    st.sampled_from(["EUR", "USD"]),
    st.dates(date(2025, 10, 1), date(2026, 3, 1)),
    st.sampled_from([None, 1, 2]),
    st.integers(-50, 500),
)


@given(st.lists(RECORDS, max_size=30))
def test_time_goes_forward_and_everything_else_from_the_largest_down(
    records: list[tuple[str, date, int | None, int]],
) -> None:
    for group_by in ("client,month", "month,client"):
        grouping, amounts = Grouping(group_by), defaultdict[object, Decimal](Decimal)
        by_client: dict[tuple[str, object], Decimal] = defaultdict(Decimal)
        keys = {}
        for code, day, client, amount in records:
            key = keys[grouping.key(Facts(day, client), code)] = grouping.key(Facts(day, client), code)
            amounts[key] += amount
            by_client[code, client] += amount
        rows = grouping.in_order({key: amounts[key] for key in keys})
        assert sorted(rows, key=str) == sorted(keys, key=str)
        for one, other in itertools.pairwise(rows):
            assert one.currency_code <= other.currency_code
            if one.currency_code != other.currency_code:
                continue
            (first, second), (third, fourth) = one.values, other.values
            if group_by == "month,client":
                assert str(first) <= str(third)
                assert first != third or amounts[one] >= amounts[other]
            else:
                code = one.currency_code
                assert by_client[code, first] >= by_client[code, third]
                assert first != third or str(second) < str(fourth)


def test_rows_of_the_same_amount_follow_another_amount_or_their_names() -> None:
    grouping = Grouping("client")
    one, two, nobody = (grouping.key(Facts(client_id=client), "EUR") for client in (1, 2, None))
    same = dict.fromkeys((two, nobody, one), ZERO)
    assert grouping.in_order(same, {one: ZERO, two: Decimal(1), nobody: Decimal(2)}) == [nobody, two, one]
    assert grouping.in_order(same, names=Names(clients={1: "Globex", 2: "Acme"})) == [two, one, nobody]
    assert grouping.in_order(same) == [one, two, nobody]


def test_the_ids_that_need_names_are_those_of_the_rows() -> None:
    grouping = Grouping("client,month")
    keys = [grouping.key(Facts(date(2026, 1, 1), client), "EUR") for client in (2, 1, None)]
    assert (grouping.ids("client", keys), grouping.ids("project", keys)) == ({1, 2}, set())
    assert grouping.in_order(dict.fromkeys(keys, ZERO)) == [keys[1], keys[0], keys[2]]
