"""What the account is, takes no arguments."""

from tool_schemas.base.models import Arguments


class GetAccount(Arguments): ...
