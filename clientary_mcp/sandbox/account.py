"""One account, from its tables to its app."""

import sqlite3
from collections import deque
from datetime import date, datetime

from starlette.applications import Starlette

from clientary_mcp.sandbox.api.app import application
from clientary_mcp.sandbox.api.messages import Message
from clientary_mcp.sandbox.controls.faults import Faults
from clientary_mcp.sandbox.controls.ledger import Ledger
from clientary_mcp.sandbox.controls.switches import Switches
from clientary_mcp.sandbox.seed.agency import fill, hire
from clientary_mcp.sandbox.store.tables import Store


class Sandbox:
    """An embedded account that answers like Clientary, with an agency's books in it or with one person.

    The same seed and day give the same account. `switches` and `faults` may be replaced at any time. `ledger` holds
    every write that took effect; what the account was made with is not among them.
    """

    app: Starlette
    token: str
    """Whatever begins with it and a hyphen is a token as well, so that several people can have one each."""
    today: date
    switches: Switches
    faults: Faults | None
    ledger: Ledger
    requests: deque[tuple[str, str]]
    sent_messages: list[Message]

    def __init__(
        self,
        today: date | None = None,
        *,
        seed: int = 1,
        switches: Switches = Switches(),  # noqa: B008 frozen, so it can be shared
        faults: Faults | None = None,
        filled: bool = True,
    ) -> None:
        self.today = today or datetime.now().astimezone().date()
        self.token = "sandbox"  # noqa: S105 known to everyone, and guards nothing
        self.switches = switches
        self.faults = faults
        self.ledger = Ledger()
        self.requests = deque(maxlen=10_000)
        self.sent_messages = []
        self.store = Store(self.today)
        with self.connection:
            if filled:
                fill(self.store, seed)
            else:
                hire(self.store)
        self.app = application(self)

    @property
    def connection(self) -> sqlite3.Connection:
        """The tables themselves, to compare figures with."""
        return self.store.connection
