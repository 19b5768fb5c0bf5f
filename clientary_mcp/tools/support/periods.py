"""The days that a call is about, as dates: those that a word like last_month stands for, or the usual ones."""

from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from clientary_mcp.accounting.days import CALENDAR_YEAR, days_of
from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.support.rights import if_allowed
from tool_schemas.base.models import Arguments
from tool_schemas.base.periods import PeriodRange
from tool_schemas.expenses import Expense

ArgsT = TypeVar("ArgsT", bound=Arguments)

EARLIEST = date(1970, 1, 1)
"""The first day of a report that is asked for everything up to a day."""


_FISCAL = "The fiscal year starts on {}: {}."
_LEAP_DAY = (2, 29)


@dataclass(frozen=True)
class FiscalYear:
    """The first day of the fiscal year, as `04-06`, and a sentence that says who says so."""

    start: str
    sentence: str


async def read_fiscal_year(clientary: Clientary) -> FiscalYear:
    """The fiscal year as the owner sets it, or else as Clientary tells it with the expenses of the current one."""
    if start := clientary.settings.fiscal_year_start:
        return FiscalYear(start, _FISCAL.format(start, "CLIENTARY_FISCAL_YEAR_START sets it"))
    page = await if_allowed(clientary.stream(Expense, Expense.plural).peek)
    first = page.from_date if page else None
    if first and (first.month, first.day) != _LEAP_DAY:  # not in every year
        start = first.isoformat()[5:]
        return FiscalYear(start, _FISCAL.format(start, "Clientary reports it"))
    why = "neither Clientary nor CLIENTARY_FISCAL_YEAR_START says otherwise"
    return FiscalYear(CALENDAR_YEAR, _FISCAL.format(CALENDAR_YEAR, why))


async def with_days(clientary: Clientary, args: ArgsT) -> tuple[ArgsT, str | None]:
    """The same arguments with dates in place of a period, and a remark where these depend on the fiscal year.

    Where a tool has a usual period, its answer is about so many days: those that are left open are filled in as well.
    """
    if not isinstance(args, PeriodRange):
        return args, None
    first, last, remark, today = args.from_date, args.to_date, None, clientary.today().day
    if period := args.period or (None if first or last else args.usual_period):
        year = await read_fiscal_year(clientary) if "fiscal" in period else None
        first, last = days_of(period, today, year.start if year else CALENDAR_YEAR)
        remark = year.sentence if year else None
    elif args.usual_period:
        first = first or EARLIEST
        last = last or max(today, first)
    return args.model_copy(update={"period": None, "from_date": first, "to_date": last}), remark
