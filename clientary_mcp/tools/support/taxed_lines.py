"""The taxes of a document, and the lines that they apply to: lines that do not say are taxable where there is a tax."""

from typing import Any, TypeVar

from clientary_mcp.accounting.money import Taxed
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BadArguments
from tool_schemas.documents import ChangedItem, Item, NewItem
from tool_schemas.estimates import CreateEstimate, Estimate, UpdateEstimate
from tool_schemas.invoices import CreateInvoice, Invoice, UpdateInvoice
from tool_schemas.recurring_schedules import CreateRecurringSchedule, RecurringSchedule, UpdateRecurringSchedule

CreateT = TypeVar("CreateT", CreateInvoice, CreateEstimate, CreateRecurringSchedule)
UpdateT = TypeVar("UpdateT", UpdateInvoice, UpdateEstimate, UpdateRecurringSchedule)

_RATES = ("tax", "tax2", "tax3")


def with_taxable_lines(args: CreateT) -> CreateT:
    """A new document whose lines are taxable where it has a tax and they do not say.

    BadArguments where its tax would apply to none of them.
    """
    if not _is_taxed(args):
        return args
    lines = _decided(args.items or [])
    priced = [line for line in lines if line.item_type != "section"]
    if priced and not any(line.taxable for line in priced):
        raise BadArguments(
            f"{_given_rate(args)} would apply to nothing, since all lines say taxable=false; say taxable=true where it"
            " applies, or leave the tax out."
        )
    return args.model_copy(update={"items": lines or None})


async def with_new_lines_taxable(
    clientary: Clientary, kind: type[Invoice | Estimate | RecurringSchedule], path: str, args: UpdateT
) -> UpdateT:
    """A change of a document whose new lines are taxable where it has a tax and they do not say.

    The document is read only where that decides. BadArguments where a tax is set that would apply to none of its lines.
    """
    given = args.items or []
    decided = args.model_copy(update={"items": _decided(given)}) if given else args
    if _is_taxed(args):
        if any(line.taxable and not line.remove and line.item_type != "section" for line in decided.items or []):
            return decided
        if not _may_apply(await clientary.get(kind, path, known=True), given):
            raise BadArguments(
                f"{_given_rate(args)} would apply to nothing, since no line of {path} is taxable; give items with the"
                " item_id of the lines that it applies to, and taxable=true."
            )
        return decided
    if decided.items == given or decided is args:
        return args
    before = await clientary.get(kind, path, known=True)
    after = {name: _rate_after(name, args, before) for name in _RATES}
    return decided if any(after.values()) else args


def _is_taxed(document: Taxed) -> bool:
    return any(getattr(document, name) for name in _RATES)


def _given_rate(document: Taxed) -> str:
    """`tax: 19 %`: the first tax that is given."""
    name = next(name for name in _RATES if getattr(document, name))
    return f"{name}: {getattr(document, name)} %"


def _rate_after(name: str, args: UpdateT, before: Taxed) -> Any:
    cleared = name in (args.clear or ())
    given = getattr(args, name)
    return 0 if cleared else getattr(before, name) if given is None else given


LineT = TypeVar("LineT", NewItem, ChangedItem)


def _decided(lines: list[LineT]) -> list[LineT]:
    """The lines, where new ones that do not say whether they are taxable are."""
    return [
        line.model_copy(update={"taxable": True})
        if line.taxable is None and line.item_type != "section" and getattr(line, "item_id", None) is None
        else line
        for line in lines
    ]


def _may_apply(document: Invoice | Estimate | RecurringSchedule, changes: list[ChangedItem]) -> bool:
    """Whether a tax may apply to a line of the document after these changes: to one that is taxable or unknown."""
    changed = {line.item_id: line for line in changes}
    lines = [line for line in document.items or [] if line.item_type != "section"]
    there = [_taxable_after(line, changed.get(line.item_id)) for line in lines]
    return not there or any(taxable is not False for taxable in there)


def _taxable_after(line: Item, change: ChangedItem | None) -> bool | None:
    if change is not None and (change.remove or change.taxable is not None):
        return bool(change.taxable and not change.remove)
    return line.secondary_tax or line.tertiary_tax or line.taxable
