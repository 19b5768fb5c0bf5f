"""The value of logged time, and what was paid for it beforehand."""

from decimal import Decimal

from clientary_mcp.accounting.money import line_amount
from tool_schemas.hours import HourEntry
from tool_schemas.projects import Project


def rate_of(entry: HourEntry, project: Project) -> Decimal | None:
    """The hourly rate of an entry: its own, else the project's; a fixed price is not a rate.

    None for an entry whose own rate cannot be read.
    """
    if entry.rate is not None or "rate" in (entry.unreadable or {}):
        return entry.rate
    return None if project.project_type == "fixed" else project.rate


def value_of(entry: HourEntry, project: Project) -> Decimal | None:
    """The amount of an entry, rounded like a line of its own; None when no rate is known."""
    rate = rate_of(entry, project)
    return None if rate is None or entry.hours is None else line_amount(entry.hours, rate, project.currency_code)


def lack_of(project: Project) -> str | None:
    """What a project needs before it can be billed, and has not: a client, a currency."""
    if project.client_id is None:
        return "client to bill"
    return None if project.currency_code else "currency_code to bill it in"


def prepaid_of(project: Project) -> dict[str, Decimal]:
    """The project's own figures on work that was paid before it was done; empty where it tells of none."""
    figures = {name: getattr(project, name) for name in ("credits", "credit_percentage", "unbilled_credit_amount")}
    return {name: figure for name, figure in figures.items() if figure}
