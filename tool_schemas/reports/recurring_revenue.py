"""The report on recurring revenue has no arguments."""

from tool_schemas.base.models import Arguments


class RecurringRevenueReport(Arguments): ...
