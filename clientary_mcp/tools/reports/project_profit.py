"""The profit of a project: its row in the report, what stands apart from it, and sums of several rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO, percentage
from clientary_mcp.accounting.totals import UNKNOWN
from clientary_mcp.tools.reports.project_costs import Spent, Worked
from clientary_mcp.tools.reports.project_income import Income, Invoiced
from clientary_mcp.tools.support.formatting import quote
from clientary_mcp.tools.support.lookups import project_name
from tool_schemas.projects import Project

_SUMMED = ("invoiced", "invoiced_with_tax", "received", "expenses", "hours", "labour", "margin")


@dataclass
class Profit:
    """A project's figures in its own currency; other currencies are separate."""

    project: Project
    invoiced: Invoiced
    spent: Spent
    worked: Worked
    people: list[dict[str, Any]]

    @property
    def currency_code(self) -> str:
        """The project's currency, or the only one that it is invoiced in."""
        codes = [*self.invoiced.income]
        return self.project.currency_code or (codes[0] if len(codes) == 1 else UNKNOWN)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was invoiced, spent or worked, as far as is visible."""
        figures = (self.invoiced.income, self.spent.amount, self.worked.by_person, self.invoiced.drafts.to_json())
        return self.spent.visible and self.worked.visible and not any(figures)

    @property
    def labour(self) -> Decimal | None:
        """The cost of the hours, as far as cost rates are known; None where none is, or where they are not visible."""
        if not self.worked.visible:
            return None
        costs = [person["cost"] for person in self.people if person["cost"] is not None]
        return sum(costs, ZERO) if costs or not self.people else None

    @property
    def lacks_costs(self) -> bool:
        """Whether somebody who worked has no cost rate."""
        return any(person["cost"] is None for person in self.people)

    def row(self, client: str) -> dict[str, Any]:
        """The columns of a row."""
        project, income = self.project, self.invoiced.income.get(self.currency_code, Income())
        spent = self.spent.amount if self.spent.visible else None
        hours = sum((person["hours"] for person in self.people), ZERO) if self.worked.visible else None
        margin = None if spent is None or hours is None else income.invoiced - spent - (self.labour or ZERO)
        return {
            "project_id": project.id,
            "project": project_name(project),
            "status": project.status,
            "client_id": project.client_id,
            "client": client,
            "currency_code": self.currency_code,
            "invoiced": income.invoiced,
            "invoiced_with_tax": income.invoiced_with_tax,
            "received": income.received,
            "expenses": spent,
            "hours": hours,
            "labour": self.labour,
            "margin": margin,
            "percentage": None if margin is None else percentage(margin, income.invoiced),
        }

    def other_currencies(self) -> list[dict[str, Any]]:
        """What was invoiced in other currencies than the row's."""
        others = {code: income for code, income in self.invoiced.income.items() if code != self.currency_code}
        return [{"currency_code": code, **vars(others[code])} for code in sorted(others)]

    def add_omissions(self, left_out: Omissions) -> None:
        """Add what the row does not include."""
        for part in (self.invoiced, self.spent, self.worked):
            left_out.merge(part.left_out)
        others = sum(other["invoices"] for other in self.other_currencies())
        left_out.add("invoice", "in another currency: in other_currencies, not in the row", count=others)


def without_costs(profits: Iterable[Profit]) -> dict[int | None, str]:
    """The people without a cost rate, in words."""
    people = (person for profit in profits for person in profit.people if person["cost"] is None)
    return {person["user_id"]: f"{quote(person['name'])} (id {person['user_id']})" for person in people}


def ranked(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows by currency, and in it by margin from the highest on."""

    def rank(row: dict[str, Any]) -> tuple[Any, ...]:
        return row["currency_code"], row["margin"] is None, -(row["margin"] or ZERO), row["project_id"]

    return sorted(rows, key=rank)


def totals_of(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The sums of rows per currency; of a figure that some row lacks, none."""
    by_currency: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_currency.setdefault(row["currency_code"], []).append(row)
    return [_total(code, by_currency[code]) for code in sorted(by_currency)]


def _total(code: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    sums: dict[str, Decimal | None] = {}
    for name in _SUMMED:
        figures = [row[name] for row in rows]
        sums[name] = None if None in figures and name != "labour" else sum((each or ZERO for each in figures), ZERO)
    margin, invoiced = sums["margin"], sums["invoiced"]
    share = None if margin is None or invoiced is None else percentage(margin, invoiced)
    return {"currency_code": code, "projects": len(rows), **sums, "percentage": share}
