"""What the report on recurring revenue takes: nothing."""

from tool_schemas.base.models import Arguments


class RecurringRevenueReport(Arguments): ...
