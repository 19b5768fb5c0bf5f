"""The check of the billing has no arguments."""

from tool_schemas.base.models import Arguments


class BillingCheck(Arguments): ...
