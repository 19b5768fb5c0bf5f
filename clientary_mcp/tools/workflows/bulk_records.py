"""The records of a bulk update: those that the list of its tool's records finds, or those with the given ids."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, get_args

from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BadArguments, NotFound
from clientary_mcp.tools.support.formatting import plural_name
from clientary_mcp.tools.support.listing import OF_A_PAGE
from clientary_mcp.tools.support.narrowing import narrowed
from clientary_mcp.tools.support.periods import with_days
from clientary_mcp.tools.tool import Tool
from clientary_mcp.tools.workflows.bulk_changes import id_name
from tool_schemas.base.json_schema import named
from tool_schemas.base.models import Record
from tool_schemas.base.pairs import as_object
from tool_schemas.base.sentences import Sentences, in_order
from tool_schemas.base.validation import nearest
from tool_schemas.workflows.bulk_update import MOST_RECORDS, BulkUpdate


@dataclass
class Found:
    """The records that are meant, in their order, and the ids that no record has."""

    records: list[Record]
    missing: list[int] = field(default_factory=list)
    remark: Sentences | None = None
    """What has to be known of the list."""


@dataclass(frozen=True)
class Source:
    """Where the records of an update tool are read: `reader` reads one, the `lists` those that match."""

    tool: Tool
    reader: Tool
    lists: Sequence[Tool]

    @classmethod
    def of(cls, tool: Tool, exposed: Mapping[str, Tool], readers: Mapping[str, Tool]) -> "Source":
        """Where the records of that tool are read, account-wide lists first."""
        lists = [each for each in exposed.values() if each.listing and get_args(each.answer)[0] is tool.answer]
        lists.sort(key=lambda each: len(each.arguments.addresses()))
        return cls(tool, readers[tool.checked_with or ""], lists)

    async def find(self, clientary: Clientary, args: BulkUpdate, shown: Iterable[int], names: Sequence[str]) -> Found:
        """The records that are meant and those that a preview has `shown`, with the fields in `names`."""
        if args.ids is not None:
            return await self._read(clientary, dict.fromkeys(args.ids))
        matching = await self._listed(clientary, as_object(args.where))
        listed = [*matching.records]
        if not any(name in record.to_json() for record in listed for name in names):
            matching = await self._read(clientary, [record.id for record in listed])  # the list leaves these fields out
        gone = sorted({*shown} - {record.id for record in listed})
        also = await self._read(clientary, gone)
        return Found([*matching.records, *also.records], also.missing, matching.remark)

    async def _listed(self, clientary: Clientary, given: Mapping[str, Any]) -> Found:
        """The records that match; BadArguments for arguments that no list takes, or more records than are changed."""
        tool = self._list_for(given)
        args, of_days = await with_days(clientary, tool.check({**given, "limit": MOST_RECORDS}))
        assert tool.listing is not None  # noqa: S101 - it is a list
        with narrowed(args, whole=True):
            page = await tool.listing(clientary, args).page()
        if page.more:
            count = f"{page.total_count:,}" if page.total_count else f"more than {MOST_RECORDS}"
            raise BadArguments(f"where: {count} records match, and {MOST_RECORDS} are changed at most; narrow it.")
        return Found(page.records, remark=in_order(None if page.complete else page.notice, of_days) or None)

    def _list_for(self, given: Mapping[str, Any]) -> Tool:
        """The list that takes these arguments: the account-wide one, unless only another does."""
        kinds = plural_name(self.tool.answer)
        if not self.lists:
            raise BadArguments(f"where: no list of {kinds} is offered here; give ids.")
        for tool in self.lists:
            if _addresses(tool) <= given.keys() <= {*_filters(tool)}:
                return tool
        valid = [*dict.fromkeys(name for tool in self.lists for name in _filters(tool))]
        for name in given:
            if name in OF_A_PAGE:
                raise BadArguments(f"where: leave out {name}; all {kinds} that match are changed.")
            if name not in valid:
                raise BadArguments(
                    f"where: no list of {kinds} takes {name[:64]!r}.{nearest(name, valid)} Valid: {', '.join(valid)}."
                )
        raise BadArguments(f"where: no list of {kinds} takes {', '.join(given)} together; use fewer of them.")

    async def _read(self, clientary: Clientary, ids: Collection[int]) -> Found:
        records = await gather((partial(self._one, clientary, each) for each in ids), clientary.settings.concurrency)
        found = dict(zip(ids, records, strict=True))
        return Found([each for each in records if each is not None], [each for each in ids if found[each] is None])

    async def _one(self, clientary: Clientary, record_id: int) -> Record | None:
        try:
            record = await self.reader.function(clientary, self.reader.check({id_name(self.tool): record_id}))
        except NotFound:
            return None
        assert isinstance(record, Record)  # noqa: S101 - what an update is checked with reads the record
        return record


def _addresses(tool: Tool) -> set[str]:
    return {name for name in tool.arguments.addresses() if tool.arguments.model_fields[name].is_required()}


def _filters(tool: Tool) -> list[str]:
    return [name for name in named(tool.arguments) if name not in OF_A_PAGE]
