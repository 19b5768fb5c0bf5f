"""The examples of docs/shell.md: commands as people type them, with what they print on the embedded account."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from tempfile import TemporaryDirectory

EXAMPLES: Mapping[str, str] = {
    "shell-table": "call receivables_report min_days_overdue=30 min_total=10000 --format table",
    "shell-csv": "call receivables_report min_days_overdue=30 min_total=20000 --format csv",
    "shell-chart": "call receivables_report min_total=20000 --format chart",
    "shell-preview": "call delete_invoice invoice_id=20512 --format table",
    "shell-confirmed": "call send_payment_reminders min_days_overdue=60 client_id=1213 --format table --yes",
    "shell-backup": "backup copy",
}
"""Each with the arguments of the command."""

_ACCOUNT = ("--sandbox", "--date", "2026-11-27")
_SETTINGS = {"COLUMNS": "96", "CLIENTARY_TIME_ZONE": "UTC", "CLIENTARY_STORE": "memory"}


@cache
def example(name: str) -> str:
    """A command, what it prints, and the status that it exits with, as Markdown."""
    command = EXAMPLES[name]
    others = {name: value for name, value in os.environ.items() if not name.startswith("CLIENTARY_")}
    with TemporaryDirectory() as folder:
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "clientary_mcp", *shlex.split(command), *_ACCOUNT],
            env=others | _SETTINGS | {"PYTHONPATH": os.pathsep.join(filter(None, (os.getcwd(), *sys.path)))},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    status = "" if done.returncode == 0 else f"\n\nIt exits with {done.returncode}."
    return f"```sh\nclientary-mcp {command}\n```\n\n```text\n{done.stdout.rstrip()}\n```{status}"
