"""The arguments of a search: the text, and the types of records to search."""

from typing import Literal, get_args

from pydantic import ConfigDict, Field

from tool_schemas.base.models import Arguments
from tool_schemas.base.types import Filled

Type = Literal["client", "lead", "contact", "project", "invoice", "estimate", "task", "staff"]
TYPES: tuple[Type, ...] = get_args(Type)


class Search(Arguments):
    model_config = ConfigDict(str_max_length=200)

    query: Filled = Field(description="Like ACME, ana@example.com or INV-42; not a question.")
    types: list[Type] | None = Field(
        None, description="Kinds of records; default all, documents only for numbers and amounts."
    )
    include_closed: bool = Field(default=False, description="true: archived, completed, done and cancelled too.")
