"""Tools for recurring schedules."""

from collections.abc import AsyncIterator
from datetime import date

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.recurrence import occurrences
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BadArguments
from clientary_mcp.tools.decorators import creates, deletes, lists, reads, updates
from clientary_mcp.tools.support.documents import read_full_name
from clientary_mcp.tools.support.formatting import capital
from clientary_mcp.tools.support.line_changes import lines_may_be_missing
from clientary_mcp.tools.support.listing import Listing
from clientary_mcp.tools.support.previews import count_dependents, done, preview
from clientary_mcp.tools.support.refusals import refuse_unusual
from clientary_mcp.tools.support.taxed_lines import with_new_lines_taxable, with_taxable_lines
from tool_schemas.base.results import Outcome
from tool_schemas.base.sentences import Mention
from tool_schemas.invoices import Invoice
from tool_schemas.recurring_schedules import (
    CreateRecurringSchedule,
    DeleteRecurringSchedule,
    GetRecurringSchedule,
    ListRecurringSchedules,
    RecurringSchedule,
    UpdateRecurringSchedule,
)


class _Schedules(Listing[RecurringSchedule]):
    """Schedules; with a last day, also those of which a later invoice than the next one lies in the range."""

    def __init__(self, clientary: Clientary, args: ListRecurringSchedules) -> None:
        super().__init__(clientary, RecurringSchedule, args)
        self._first, self._last = args.from_date, args.to_date
        self._whenever = args.model_copy(update={"from_date": None, "to_date": None})

    def _wants(self, record: RecurringSchedule, today: Today) -> bool:
        return super()._wants(record, today) or bool(record.occurrences and self._whenever.wants(record))

    async def _rows(self) -> AsyncIterator[tuple[RecurringSchedule, str | int | None]]:
        async for schedule, code in super()._rows():
            if self._last and schedule.status == "active":
                days = occurrences(schedule, self._last)
                schedule.occurrences = [day for day in days if self._first is None or day >= self._first]
            yield schedule, code


@lists(
    "recurring_schedules",
    mentions=Mention("recurring_revenue_report adds up what they bring.", "recurring_revenue_report"),
)
def list_recurring_schedules(clientary: Clientary, args: ListRecurringSchedules) -> Listing[RecurringSchedule]:
    """List the schedules by which Clientary creates invoices automatically."""
    return _Schedules(clientary, args)


@reads("recurring_schedules")
async def get_recurring_schedule(clientary: Clientary, args: GetRecurringSchedule) -> RecurringSchedule:
    """Read one recurring schedule with its lines (item_id)."""
    return await clientary.get(RecurringSchedule, f"recurring/{args.recurring_schedule_id}")


@creates("recurring_schedules", "mail", "money", checked_with="list_recurring_schedules")
async def create_recurring_schedule(clientary: Clientary, args: CreateRecurringSchedule) -> RecurringSchedule:
    """Schedule an invoice that Clientary repeats for a client at regular intervals, always with the same lines. With
    action send or autobill it later mails or charges the client automatically."""
    refuse_unusual(args, _past(args.next_date, args.status or "active", clientary.today()))
    return await clientary.create(RecurringSchedule, "recurring", with_taxable_lines(args).body())


@updates("recurring_schedules", "mail", "money", checked_with="get_recurring_schedule", repeatable=False)
async def update_recurring_schedule(clientary: Clientary, args: UpdateRecurringSchedule) -> RecurringSchedule:
    """Change the given fields of a recurring schedule. With action send or autobill, Clientary mails or charges the
    client automatically; status=paused suspends it."""
    path = f"recurring/{args.recurring_schedule_id}"
    if args.action == "autobill" and args.payment_profile_id is None:
        cleared = "payment_profile_id" in (args.clear or ())
        if cleared or (await clientary.get(RecurringSchedule, path, known=True)).payment_profile_id is None:
            raise BadArguments("autobill needs payment_profile_id: this schedule would have no stored card.")
    if args.next_date or args.status == "active":
        there = (
            await clientary.get(RecurringSchedule, path, known=True) if None in (args.next_date, args.status) else args
        )
        next_date, status = args.next_date or there.next_date, args.status or there.status
        refuse_unusual(args, _past(next_date, status, clientary.today()))
    with lines_may_be_missing(path, args.items, "get_recurring_schedule"):
        args = await with_new_lines_taxable(clientary, RecurringSchedule, path, args)
        return await clientary.update(RecurringSchedule, path, args.body())


def _past(next_date: date | None, status: str | None, today: Today) -> str | None:
    """The doubt about an active schedule whose next invoice should have been made already."""
    if status != "active" or next_date is None or next_date >= today.day:
        return None
    return f"next_date: {next_date} is in the past, and the schedule active; valid is today or later. {today.sentence}"


async def _preview_delete_recurring_schedule(clientary: Clientary, args: DeleteRecurringSchedule) -> Outcome:
    path = f"recurring/{args.recurring_schedule_id}"
    schedule = await clientary.get(RecurringSchedule, path)
    made = await count_dependents(clientary, {"invoices": (Invoice, f"{path}/invoices")})
    return preview(
        f"delete {await read_full_name(clientary, schedule)} for good: it will create no more invoices",
        schedule,
        goes_with_it={"stays": {"invoices_already_made": made["invoices"]}},
        alternative=Mention(
            f"update_recurring_schedule with recurring_schedule_id={schedule.id}, status=paused suspends it until it is"
            " active again.",
            "update_recurring_schedule",
        ),
    )


@deletes(
    "recurring_schedules",
    _preview_delete_recurring_schedule,
    checked_with="get_recurring_schedule",
    mentions=Mention("update_recurring_schedule with status=paused suspends it instead.", "update_recurring_schedule"),
)
async def delete_recurring_schedule(clientary: Clientary, args: DeleteRecurringSchedule) -> Outcome:
    """Delete a recurring schedule for good: it makes no more invoices, those it made stay."""
    path = f"recurring/{args.recurring_schedule_id}"
    name = await read_full_name(clientary, await clientary.get(RecurringSchedule, path))
    await clientary.delete(path)
    return done(f"{capital(name)} is deleted; the invoices it made stay.")


TOOLS = (
    list_recurring_schedules,
    get_recurring_schedule,
    create_recurring_schedule,
    update_recurring_schedule,
    delete_recurring_schedule,
)
