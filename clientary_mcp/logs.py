"""The log on stderr: as text, or one line of JSON per event; without credentials, whichever library writes it."""

import json
import logging
import socket
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from clientary_mcp.redaction import Secrets, without_credentials
from clientary_mcp.settings import Settings

account: ContextVar[str] = ContextVar("account", default="")
caller: ContextVar[str] = ContextVar("caller", default="")
"""Ids of the account and of the caller whose message is handled; empty for a single owner."""

announcements = logging.getLogger(f"{__name__}.announcements")
"""Says what the operator should see at any level, such as the address at which the server listens."""

_as_json = json.JSONEncoder(ensure_ascii=False, default=str, separators=(",", ":")).encode


@contextmanager
def serving(account_id: str, caller_id: str) -> Iterator[None]:
    """Everything inside is done for this account and this caller."""
    tokens = account.set(account_id), caller.set(caller_id)
    try:
        yield
    finally:
        account.reset(tokens[0])
        caller.reset(tokens[1])


def configure(settings: Settings) -> None:
    """Let every logger of the process write to stderr, in the form that the settings choose."""
    Secrets(settings)  # from now on, `without_credentials` knows those of the server itself
    logging.basicConfig(level=settings.log_level, handlers=[new_handler(settings)], force=True)
    logging.captureWarnings(settings.log_format == "json")
    announcements.setLevel(logging.INFO)


def new_handler(settings: Settings) -> logging.StreamHandler[TextIO]:
    """Writes to stderr, in the form that the settings choose, what is left of each record without credentials."""
    handler = logging.StreamHandler()
    handler.addFilter(_clean)
    structured = settings.log_format == "json"
    handler.setFormatter(JsonLines(replica_name(settings)) if structured else logging.Formatter("%(message)s"))
    return handler


def replica_name(settings: Settings) -> str:
    """The name of this process among those that serve the same callers."""
    return settings.replica or socket.gethostname()


class JsonLines(logging.Formatter):
    """An event as one line: time, level, logger, message, replica; and trace_id, account, caller, exception if any."""

    def __init__(self, replica: str) -> None:
        from opentelemetry.trace import get_current_span  # brought by mcp; text needs it not

        super().__init__()
        self._replica = replica
        self._span = get_current_span

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        trace = self._span().get_span_context().trace_id
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "replica": self._replica,
            "trace_id": f"{trace:032x}" if trace else "",
            "account": account.get(),
            "caller": caller.get(),
            "exception": record.exc_text or "",
        }
        return _as_json({name: value for name, value in line.items() if value or name == "message"})


def _clean(record: logging.LogRecord) -> bool:
    """Take the credentials out of a record before any formatter sees it."""
    try:
        message = record.getMessage()
    except Exception:  # noqa: BLE001 - whatever does not fit must neither end what logs it, nor be printed as it is
        message = str(record.msg)
    record.msg, record.args = without_credentials(message), ()
    if record.exc_info and record.exc_info[0] is not None:
        record.exc_text = without_credentials("".join(traceback.format_exception(*record.exc_info)).rstrip())
        record.exc_info = None
    return True
