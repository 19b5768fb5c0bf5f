"""Tool: one function with its schemas, its effect, and its preview where it acts only once confirmed.

    @reads("clients")
    async def get_client(clientary: Clientary, args: GetClient) -> Client:
        '''What it does, for agents.'''
        return await clientary.get(Client, f"clients/{args.client_id}")

The decorators are in `decorators.py`. The function's name is the tool's, its docstring the description, its
annotations the schemas. Tools whose effect cannot be undone take a preview and `Confirmed` arguments: unconfirmed,
the function never runs.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeVar

import mcp_types
from pydantic import ValidationError

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BadArguments, NotFound
from clientary_mcp.tools.job import Job
from clientary_mcp.tools.support.listing import Listing
from clientary_mcp.tools.support.narrowing import narrowed
from clientary_mcp.tools.support.periods import with_days
from tool_schemas.base.json_schema import describe, input_schema, named
from tool_schemas.base.models import Arguments, Confirmed, Paging, Previewed, Record
from tool_schemas.base.report import REPORT_SCHEMA, Report
from tool_schemas.base.results import Outcome, Page, answer_schema, show_record
from tool_schemas.base.sentences import Mention, Sentences, in_order, join_sentences
from tool_schemas.base.validation import describe_errors

ArgsT = TypeVar("ArgsT", bound=Arguments)
GatedT = TypeVar("GatedT", bound=Confirmed)
Answer = Record | Page[Any] | Outcome | Report
AnswerT = TypeVar("AnswerT", bound=Answer)

Function = Callable[[Clientary, ArgsT], Awaitable[AnswerT]]
Preview = Callable[[Clientary, GatedT], Awaitable[Outcome]]
JobFunction = Callable[[Clientary, GatedT, Job], Awaitable[Outcome]]


_NUMBERED = {"invoice_id", "estimate_id"}

Kind = Literal["read", "write", "money", "mail", "delete"]
"""What a call may do, in the terms in which owners allow or forbid it."""

Resource = Literal[
    "clients",
    "contacts",
    "leads",
    "projects",
    "hours",
    "tasks",
    "expenses",
    "invoices",
    "estimates",
    "payments",
    "payment_profiles",
    "recurring_schedules",
    "staff",
    "reports",
    "workflows",
    "raw",
]
"""What a tool is about, as toolsets name it."""

Picture = Literal[
    "receivables",
    "budgets",
    "unbilled",
    "timesheet",
    "sales",
    "cash_forecast",
    "recurring_revenue",
    "confirmation",
]
"""What hosts can show of an answer beside its text (MCP Apps)."""


@dataclass(frozen=True)
class Effect:
    """What a tool does to the account: permission prompts and toolsets are built from it."""

    kinds: frozenset[Kind]
    destroys: bool = False
    repeatable: bool = False
    """The same call again changes nothing more."""
    reaches_others: bool = False
    """People or systems outside the account notice."""
    writes_files: bool = False
    """It leaves a file in the owner's export directory, and changes nothing in the account."""

    @property
    def reads_only(self) -> bool:
        """Whether it changes nothing in the account."""
        return self.kinds == {"read"}

    @property
    def capped(self) -> set[Kind]:
        """The kinds that count against the owner's quotas: immediate effects, not recorded payments or schedules.

        A tool that may do anything is limited only where its request is sent: what it does depends on its arguments.
        """
        if self.kinds >= {"write", "delete"}:
            return set()
        return {"delete"} if "delete" in self.kinds else set(self.kinds) if self.reaches_others else set()


@dataclass(frozen=True)
class Tool:
    """One tool: what agents see of it, and how a call of it runs."""

    name: str
    resource: Resource
    description: Sentences
    arguments: type[Arguments]
    answer: Any
    effect: Effect
    function: Callable[..., Awaitable[Answer]]
    listing: Callable[[Clientary, Any], Listing[Any]] | None = None
    """The list that it reads a page of, for tools that list records."""
    preview: Callable[..., Awaitable[Outcome]] | None = None
    """What the call would do, for the tools that act only with `confirm`."""
    is_job: bool = False
    """Whether the function and its preview also take a `Job`."""
    checked_with: str | None = None
    """The tool that shows whether a write succeeded."""
    picture: Picture | None = None
    """What a host can show of its answers."""
    reading: "Tool | None" = None
    """The form of it that changes nothing, for read-only servers; None where it has none."""

    @property
    def published(self) -> mcp_types.Tool:
        """The tool as agents see it where every tool is available."""
        return self.publish()

    @lru_cache(maxsize=2_000)  # noqa: B019 - tools live as long as the process; rendering all takes 20 ms
    def publish(self, unavailable: frozenset[str] = frozenset()) -> mcp_types.Tool:
        """The tool exactly as agents see it: none of its sentences mentions an unavailable tool."""
        title = self.name.replace("_", " ").capitalize()
        return mcp_types.Tool(
            name=self.name,
            title=title,
            description=join_sentences(self.description, unavailable),
            input_schema=input_schema(self.arguments, unavailable),
            output_schema=REPORT_SCHEMA
            if self.answer is Report
            else answer_schema(self.answer, with_preview_id=issubclass(self.arguments, Previewed)),
            annotations=mcp_types.ToolAnnotations(
                title=title,
                read_only_hint=self.effect.reads_only and not self.effect.writes_files,
                destructive_hint=self.effect.destroys,
                idempotent_hint=self.effect.repeatable,
                open_world_hint=self.effect.reaches_others,
            ),
            _meta={"ui": self._ui} if self._ui else None,
        )

    @property
    def picture_uri(self) -> str | None:
        """Where hosts find the page of its picture."""
        return f"ui://clientary/{self.picture}.html" if self.picture else None

    @property
    def _ui(self) -> dict[str, Any]:
        """What hosts are told of pictures: where its own is, and whether others may call it.

        Where a tool does not say so, they may. Only the model may call what does more than read, so that no picture
        can begin a write, whatever got into it.
        """
        only_reads = self.effect.reads_only and not self.effect.writes_files
        if only_reads and not self.picture:
            return {}
        page = {"resourceUri": self.picture_uri} if self.picture else {}
        return {**page, "visibility": ["model", "app"] if only_reads else ["model"]}

    @property
    def gated(self) -> bool:
        """Whether it acts only with `confirm`."""
        return self.preview is not None

    def check(self, given: dict[str, Any]) -> Arguments:
        """The arguments of a call, or BadArguments with everything that is wrong with them."""
        try:
            return self.arguments.checked(given)
        except ValidationError as error:
            raise BadArguments(f"{self.name}: {describe_errors(error, self.arguments)}.") from None

    def names_for_ids(self, given: dict[str, Any]) -> list[tuple[str, str]]:
        """The texts that were given in place of ids, each with the argument that it was given for."""
        try:
            self.arguments.model_validate(given)
        except ValidationError as error:
            wrong = [(mistake, _argument(mistake["loc"])) for mistake in error.errors(include_url=False)]
            return [
                (argument, mistake["input"])
                for mistake, argument in wrong
                if mistake["type"] == "int_parsing" and argument.endswith(("_id", "_ids"))
            ]
        return []

    async def run(self, clientary: Clientary, args: Arguments, job: Job) -> Answer:
        """Act, or preview what would happen where the call is not confirmed."""
        if args.today_by_default:
            args = args.dated(clientary.today().day)  # never left to Clientary, whose day may be another
        args, remark = await with_days(clientary, args)
        act = self.function if self.preview is None or acts(args) else self.preview
        try:
            with narrowed(args):
                answer = await (act(clientary, args, job) if self.is_job else act(clientary, args))
        except NotFound as error:
            error.add(*_check_ids(args))
            raise
        if remark:
            _note(answer, remark)
        return answer


def answer_to_json(answer: Answer, args: Arguments, unavailable: Collection[str] = ()) -> dict[str, Any]:
    """An answer as JSON holds it, without sentences that mention an unavailable tool."""
    if remark := args.remark():
        _note(answer, remark)
    if isinstance(answer, Page):
        return answer.to_json(args.detail if isinstance(args, Paging) else "full", unavailable)
    return show_record(answer) if isinstance(answer, Record) else answer.to_json(unavailable)


def _note(answer: Answer, remark: str) -> None:
    """Add a sentence to the notice of an answer."""
    if isinstance(answer, Record):
        answer.notice = f"{answer.notice} {remark}" if answer.notice else remark
    else:
        answer.notice = in_order(answer.notice, remark)


def _check_ids(args: Arguments) -> Iterator[str]:
    """`Check client_id; list_clients returns valid ids.` for each id in the address of a call."""
    given = {name for name in args.addresses() if getattr(args, name) is not None}
    sources = {name: describe(field) for name, field in named(type(args)).items() if name in given}
    for name, sentences in sources.items():
        for tool in sorted({tool for each in sentences if isinstance(each, Mention) for tool in each.tools}):
            yield Mention(f"Check {name}; {tool} returns valid ids.", tool)
    if _NUMBERED & given:
        yield Mention("The number on a document is not its id; search finds the id by the number.", "search")


def _argument(place: tuple[int | str, ...]) -> str:
    """The innermost name in the location of a value."""
    return next((part for part in reversed(place) if isinstance(part, str)), "")


def acts(args: Arguments) -> bool:
    """Whether a call may do what its tool does: the gate, where there is one, is open."""
    return not isinstance(args, Confirmed) or args.confirm
