"""Refusals of what can hardly be meant; `allow_unusual=true` of the call overrules some of them."""

from datetime import date
from decimal import Decimal

from clientary_mcp.accounting.money import finest_decimals, is_finer
from clientary_mcp.errors import BadArguments
from tool_schemas.base.models import AllowsUnusual, Arguments
from tool_schemas.base.sentences import count_of


def refuse_unusual(args: Arguments, *doubts: str | None) -> None:
    """BadArguments with these sentences, None being none, unless the call says that it is meant."""
    found = [doubt for doubt in doubts if doubt]
    if not found:
        return
    if not isinstance(args, AllowsUnusual):
        raise BadArguments(" ".join(found))
    if not args.allow_unusual:
        raise BadArguments(" ".join(found), "If it is meant, allow_unusual=true does it.")


def refuse_finer(amount: Decimal | None, currency_code: str | None) -> None:
    """BadArguments where there is no such `amount` of money in the currency, or in any where that is unknown."""
    if amount is not None and is_finer(amount, currency_code):
        most = count_of(finest_decimals(currency_code), "decimal")
        raise BadArguments(
            f"amount: {amount} is no amount of money in {currency_code or 'any currency'}; valid are up to {most}."
        )


def due_before(date_of_it: date | None, due_date: date | None) -> str | None:
    """The doubt about a document that is due before its date."""
    if date_of_it is None or due_date is None or due_date >= date_of_it:
        return None
    return f"due_date: {due_date} is before the date, {date_of_it}; valid is that day or a later one."
