"""Exports: a list or a report as a file."""

from typing import Literal

from pydantic import Field

from tool_schemas.base.models import Arguments
from tool_schemas.base.pairs import NamedValues


class ExportRecords(Arguments):
    tool: str = Field(description="Name of a list or report tool, whose answer is saved.")
    arguments: NamedValues | None = Field(None, description="Filters of that tool, like from_date.")
    format: Literal["csv", "jsonl", "xlsx"] = Field("csv", description="jsonl: one JSON object a line; xlsx: Excel.")
    lines: bool = Field(default=False, description="true: a row per line item of documents.")
