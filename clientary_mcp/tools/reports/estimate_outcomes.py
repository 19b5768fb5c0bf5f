"""The report on estimates: how many were won and lost, what is open, and how long clients take to decide."""

from decimal import Decimal
from typing import Any

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.estimates import STAGES
from clientary_mcp.accounting.grouping import Facts, Names, Table
from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO, average, percentage
from clientary_mcp.accounting.totals import UNKNOWN, Totals, currency_remark
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.support.formatting import label
from clientary_mcp.tools.support.lookups import check_both, client_names, names_in
from tool_schemas.base.filters import day_of
from tool_schemas.base.report import Report
from tool_schemas.estimates import Estimate
from tool_schemas.reports.estimate_outcomes import EstimatesReport

_PARTS = {"open": "open", "accepted": "won", "declined": "lost", "drafts": "drafts"}
"""Stage of an estimate → the part on top that counts it."""

_BASIS = (
    "Estimates dated from {first} to {last}, with taxes; drafts are apart and in no row. open: sent, viewed or revised;"
    " expired: those of them whose expiration_date is over; won: accepted; lost: declined. Win rates are the percent"
    " won of what was won or lost, by number, and by amount in each currency. Days to a decision go from an estimate's"
    " date to updated_at of those won and lost: any edit since moves that. Estimates of leads are of no client."
)


@reads("reports")
async def estimates_report(clientary: Clientary, args: EstimatesReport) -> Report:
    """Estimates won, lost, open and expired: win rates by number and amount, days to a decision; count and amount per
    status, client or month."""
    found = await _read(clientary, args)
    clients = await client_names(clientary, found.table.ids("client"), found.names)
    return Report(
        found.table.rows(Names(clients=clients), "amount"),
        basis=(_BASIS.format(first=args.first, last=args.last), clientary.today().sentence),
        totals=found.table.totals(),
        left_out=found.left_out.to_json(),
        about={"from_date": args.first, "to_date": args.last, **found.on_top()},
    )


@rereads
async def _read(clientary: Clientary, args: EstimatesReport) -> "_Estimates":
    await check_both(clientary, args.project_id, args.client_id)
    found = _Estimates(args, clientary.today())
    of = f"clients/{args.client_id}/" if args.client_id else ""
    path = f"projects/{args.project_id}/estimates" if args.project_id else f"{of}estimates"
    async for estimate in clientary.stream(Estimate, path):
        if args.client_id in (None, found.client_of(estimate)):
            found.add(estimate)
    return found


class _Estimates:
    """The sums of the report, row by row and on top."""

    def __init__(self, args: EstimatesReport, today: Today) -> None:
        self.table = Table(args.group_by, ("count", "amount"))
        self.names: dict[int, str] = {}
        self.left_out = Omissions()
        self._args, self._today = args, today
        self._parts = {part: Totals() for part in (*_PARTS.values(), "expired")}
        self._days: list[int] = []

    def client_of(self, estimate: Estimate) -> int | None:
        """Whose it is: of the client that is asked for, where it does not say."""
        return estimate.client_id or self._args.client_id

    def add(self, estimate: Estimate) -> None:
        """The next estimate of the list."""
        code, amount = estimate.currency_code or UNKNOWN, estimate.total_cost
        stage = STAGES.get(estimate.status)
        if estimate.date is None:
            self.left_out.add("estimate", "without a date", label(estimate), sums={code: amount})
        elif not self._args.covers(estimate.date):
            return
        elif self._today.is_future(estimate.date):
            self.left_out.add("estimate", f"dated after {self._today.last}", sums={code: amount})
        elif stage is None:
            self.left_out.add("estimate", "of an unknown status", label(estimate))
        else:
            self._count(estimate, stage, code, amount or ZERO)

    def _count(self, estimate: Estimate, stage: str, code: str, amount: Decimal) -> None:
        if estimate.total_cost is None:
            self.left_out.add("estimate", "without a total, counted as 0", label(estimate))
        if why := currency_remark(estimate.currency_code):
            self.left_out.add("estimate", why, label(estimate))
        if part := _PARTS.get(stage):
            self._parts[part].add(code, amount=amount)
        if stage == "open" and estimate.expiration_date and estimate.expiration_date < self._today.day:
            self._parts["expired"].add(code, amount=amount)
        if part in ("won", "lost"):
            self._decided(estimate)
        if stage != "drafts":
            self.names |= names_in([estimate])
            facts = Facts(day=estimate.date, client_id=self.client_of(estimate), status=estimate.status)
            self.table.add(facts, code, 1, amount)

    def _decided(self, estimate: Estimate) -> None:
        decided = day_of(estimate, "updated_at")
        if decided is None or estimate.date is None:
            self.left_out.add("estimate", "without updated_at, not in the days to a decision", label(estimate))
        else:
            self._days.append((decided - estimate.date).days)

    def on_top(self) -> dict[str, Any]:
        """What became of them, per currency, and the figures on all of them."""
        parts = {name: totals.to_json() for name, totals in self._parts.items()}
        won, lost = parts["won"], parts["lost"]
        codes = sorted({row["currency_code"] for row in (*won, *lost)})
        rates = [{"currency_code": code, "win_rate": _win_rate("amount", won, lost, code)} for code in codes]
        return {
            **parts,
            "win_rate_count": _win_rate("count", won, lost),
            "win_rate_amount": rates,
            "mean_days_to_decision": average(sum(self._days), len(self._days)),
        }


def _win_rate(
    by: str, won: list[dict[str, Any]], lost: list[dict[str, Any]], currency_code: str | None = None
) -> Decimal | None:
    """The percentage won, in one currency or in all."""
    of_won, of_lost = (
        sum((Decimal(row[by]) for row in rows if currency_code in (None, row["currency_code"])), ZERO)
        for rows in (won, lost)
    )
    return percentage(of_won, of_won + of_lost)


TOOLS = (estimates_report,)
