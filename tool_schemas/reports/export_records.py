"""Exports: a list or a report as a file."""

from typing import Annotated, Any, Literal

from pydantic import Field

from tool_schemas.base.models import Arguments
from tool_schemas.base.types import AsJsonText


class ExportRecords(Arguments):
    tool: str = Field(description="Name of a list or report tool, whose answer is saved.")
    arguments: Annotated[dict[str, Any], AsJsonText] | None = Field(
        None, description="That tool's own, less limit, page, order and detail."
    )
    format: Literal["csv", "jsonl", "xlsx"] = Field("csv", description="jsonl: one JSON object a line; xlsx: Excel.")
