"""What a bulk update makes of one record: the same values for all, or a rate raised or lowered by a percentage."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Self

from clientary_mcp.accounting.money import rounded
from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BadArguments, NotFound
from clientary_mcp.tools.support.formatting import quote
from clientary_mcp.tools.support.lookups import projects_of, with_currencies
from clientary_mcp.tools.tool import Tool
from tool_schemas.base.json_schema import named
from tool_schemas.base.models import Arguments, PartialUpdate, Record
from tool_schemas.base.parsing import as_json
from tool_schemas.base.validation import nearest
from tool_schemas.projects import Project

_PERCENT = re.compile(r"([+-]\d{1,4}(?:\.\d{1,6})?) ?%", re.ASCII)
_ANY_ID = 1
_OF_ONE = ("items",)
"""What belongs to one record: lines have ids, and one that is added would be added again by a call that continues."""
_ONE_BY_ONE = 10
"""Projects that are read one by one, and not as a list."""


@dataclass(frozen=True)
class Changes:
    """The arguments of an update tool, without the id of a record."""

    tool: Tool
    given: Mapping[str, Any]
    percent: Decimal | None
    """By how much the rate rises, in place of a rate."""
    values: Mapping[str, Any]
    """The fields that become the same in all records, as JSON holds them; "" for cleared ones."""

    @classmethod
    def read(cls, tool: Tool, given: Mapping[str, Any]) -> Self:
        """The changes; BadArguments for what the tool does not take."""
        own, fields = id_name(tool), named(tool.arguments)
        valid = [name for name in fields if name not in (own, *_OF_ONE)]
        for name in given:
            if name in _OF_ONE and name in fields:
                raise BadArguments(f"changes: {name} belong to one record: call {tool.name} for each.")
            if name not in valid:
                near = nearest(name, valid)
                raise BadArguments(f"changes: {tool.name} has no field {name[:64]!r}.{near} Valid: {', '.join(valid)}.")
        percent = _percent(given["rate"]) if "rate" in given else None
        plain = {name: value for name, value in given.items() if percent is None or name != "rate"}
        args = tool.check({own: _ANY_ID, **given, **({} if percent is None else {"rate": _ANY_ID})})
        values = _values(args)
        if percent is not None:
            del values["rate"]
        return cls(tool, plain, percent, values)

    @property
    def names(self) -> list[str]:
        """The fields that are changed."""
        return [*self.values, *(["rate"] if self.percent is not None else [])]

    def of(self, now: Mapping[str, Any], currency_code: str | None) -> dict[str, Any]:
        """The values of one record afterwards; BadArguments where it has no rate that a percentage is of."""
        if self.percent is None:
            return dict(self.values)
        rate = now.get("rate")
        if now.get("project_type") == "fixed":
            raise BadArguments("it has a fixed price, which was agreed, and no hourly rate; give the rate itself.")
        if rate is None:
            raise BadArguments("it has no rate of its own to which a percentage could be applied.")
        if currency_code is None:
            raise BadArguments("its currency is not known, so its rate cannot be rounded; give the rate itself.")
        new = rounded(Decimal(str(rate)) * (100 + self.percent) / 100, currency_code)
        return {**self.values, "rate": as_json(new)}

    def arguments(self, record_id: int, after: Mapping[str, Any]) -> Arguments:
        """The arguments of the update tool for one record."""
        rate = {"rate": after["rate"]} if self.percent is not None else {}
        return self.tool.check({id_name(self.tool): record_id, **self.given, **rate})

    def step(self, record_id: int, rate: Any) -> str:
        """The name of the step that brought the rate of a record to what it is."""
        return f"{self.tool.name} {record_id}: rate {self.percent}% to {rate}"


def id_name(tool: Tool) -> str:
    """`project_id` for update_project: the argument that addresses the record."""
    return f"{tool.name.removeprefix('update_')}_id"


def _percent(given: Any) -> Decimal | None:
    """The percentage in place of a rate; None for anything else, unless it is a percentage of another form."""
    if not isinstance(given, str) or "%" not in given:
        return None
    match = _PERCENT.fullmatch(given.strip())
    if match is None or (percent := Decimal(match[1])) <= -100:
        raise BadArguments(
            f"changes: rate takes a number, or a percentage with its sign that is above -100%, like +5% or -2.5%, not"
            f" {quote(given)}."
        )
    return percent


def _values(args: Arguments) -> dict[str, Any]:
    """The fields that are set, as JSON holds them, and "" for cleared ones."""
    cleared = (args.clear or ()) if isinstance(args, PartialUpdate) else ()
    return {name: as_json(value) for name, value in args.model_dump(exclude_none=True).items()} | dict.fromkeys(
        cleared, ""
    )


async def rate_currencies(clientary: Clientary, records: Sequence[Record]) -> dict[int, str | None]:
    """The currencies of the rates of projects or hour entries, by the ids of these records."""
    projects = [record for record in records if isinstance(record, Project)]
    if projects:
        return {project.id: project.currency_code for project in await with_currencies(clientary, projects)}
    of_records = {record.id: getattr(record, "project_id", None) for record in records}
    codes = await _currencies_of_projects(clientary, {each for each in of_records.values() if each is not None})
    return {record_id: codes.get(project_id) for record_id, project_id in of_records.items()}


async def _currencies_of_projects(clientary: Clientary, ids: Iterable[int]) -> dict[int | None, str | None]:
    wanted = sorted(ids)
    if len(wanted) > _ONE_BY_ONE:
        return {project.id: project.currency_code for project in await projects_of(clientary)}
    found = await gather((partial(_project, clientary, each) for each in wanted), clientary.settings.concurrency)
    return {project.id: project.currency_code for project in found if project is not None}


async def _project(clientary: Clientary, project_id: int) -> Project | None:
    try:
        (project,) = await projects_of(clientary, project_id=project_id)
    except NotFound:
        return None
    return project
