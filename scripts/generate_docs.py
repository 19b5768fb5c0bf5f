"""The generated parts of the documentation, made from the code that they describe; `scripts/docs` rewrites them.

A document marks such a part with `<!-- generated: NAME -->` and `<!-- /generated -->`.
"""

import re
from collections.abc import Callable, Iterable
from functools import partial
from inspect import getdoc
from pathlib import Path
from typing import get_args

import clientary_mcp
from clientary_mcp.accounting.bank.columns import COLUMNS
from clientary_mcp.cli.tool_table import kind
from clientary_mcp.settings import ALL_SETTINGS
from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Kind, Resource
from clientary_mcp.tools.toolsets import CORE
from scripts.asked import Asked, Cost, asked
from scripts.observed import observed
from scripts.packaging import links
from scripts.packaging.registry import ownership
from scripts.reference.entries import entries, title
from scripts.shell_examples import EXAMPLES, example

ROOT = Path(__file__).parents[1]
DOCUMENTS = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "PRIVACY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
)
_PART = re.compile(r"(?<=<!-- generated: )([\w-]+)( -->\n).*?(?=<!-- /generated -->)", re.DOTALL)


def rewritten(text: str) -> str:
    """A document with its generated parts up to date."""
    return _PART.sub(lambda part: f"{part[1]}{part[2]}\n{_text_of(part[1])}\n\n", text)


def _text_of(name: str) -> str:
    if name in PARTS:
        return PARTS[name]()
    return "\n".join(f"> {line}" for line in observed().messages[name].splitlines())


def _settings() -> str:
    """Every variable, its default, and what it does."""
    return _table(
        ("Variable", "Default", "What it does"),
        (
            (f"`{setting.metadata['variable']}`", _default(setting.default), setting.metadata["about"])
            for setting in ALL_SETTINGS
        ),
    )


def _default(value: object) -> str:
    if not value and value not in (0, False):
        return "none"
    if isinstance(value, frozenset):
        return ", ".join(f"`{each}`" for each in sorted(value))
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _tools() -> str:
    """The tools by resource, in the order that agents get them, each with the place of its entry in the reference."""
    resources = dict.fromkeys(tool.resource for tool in ALL)
    return _table(("About", "Tools"), ((f"[{title(name)}](tools/{name}.md)", _links(name)) for name in resources))


def _links(resource: Resource) -> str:
    names = [tool.name for tool in ALL if tool.resource == resource]
    return ", ".join(f"[`{name}`](tools/{resource}.md#{name})" for name in names)


def _counts() -> str:
    """The number of tools per effect."""
    kinds = [kind(tool) for tool in ALL]
    return (
        f"{len(ALL)} tools: {kinds.count('reads')} read, {kinds.count('writes')} write at once, and"
        f" {kinds.count('confirm')} show first and act only when confirmed."
    )


def _resource_toolsets() -> str:
    rows = ((f"`{name}`", str(sum(tool.resource == name for tool in ALL))) for name in get_args(Resource))
    return _table(("Resource", "Tools"), rows)


def _effect_toolsets() -> str:
    rows = ((f"`{name}`", str(sum(name in tool.effect.kinds for tool in ALL))) for name in get_args(Kind))
    return _table(("Effect", "Tools"), rows)


def _core_tools() -> str:
    return ", ".join(f"`{tool.name}`" for tool in ALL if tool.name in CORE)


def _gated() -> str:
    return ", ".join(f"`{tool.name}`" for tool in ALL if tool.gated)


def _errors() -> str:
    """Every error, its name in the audit trail, and what it means."""
    errors = [
        error
        for name in clientary_mcp.__all__
        if isinstance(error := getattr(clientary_mcp, name), type)
        and issubclass(error, clientary_mcp.ClientaryError)
        and error is not clientary_mcp.ClientaryError
    ]
    return _table(
        ("Error", "In the audit trail", "What it means"),
        ((f"`{error.__name__}`", f"`{error.code}`", _first_paragraph(error)) for error in errors),
    )


def _first_paragraph(documented: object) -> str:
    return " ".join((getdoc(documented) or "").partition("\n\n")[0].split())


def _prompts() -> str:
    return _table(
        ("Prompt", "What it does", "Arguments"),
        (
            (
                f"`{prompt.name}`",
                prompt.description or "",
                ", ".join(f"{part.name}{'' if part.required else '?'}" for part in prompt.arguments or ()),
            )
            for prompt in observed().prompts
        ),
    )


def _resources() -> str:
    return _table(
        ("Address", "What it holds"), ((f"`{address}`", about) for address, about in observed().resources.items())
    )


def _instructions() -> str:
    return f"> {observed().instructions}"


def _questions() -> str:
    """Every question with its calls and its answer, by topic, and what they take together."""
    every = [each for of_topic in asked().values() for each in of_topic]
    ours, alone = (sum((getattr(each, name) for each in every), Cost()) for name in ("cost", "alone"))
    head = ("Question", "Calls", "Answer", "Takes", "With one tool per endpoint")
    return "\n\n".join(
        [
            f"The {len(every)} questions take {ours}. With one tool per endpoint they would take {alone}.",
            *(f"### {topic}\n\n{_table(head, map(_question, of_topic))}" for topic, of_topic in asked().items()),
        ]
    )


def _question(each: Asked) -> tuple[str, ...]:
    calls = ", ".join(f"`{call}`" for call in each.calls)
    return tuple(
        cell.replace("|", "\\|") for cell in (each.question.words, calls, each.answer, str(each.cost), str(each.alone))
    )


def _bank_columns() -> str:
    """What the columns of bank exports may be called, by what they hold."""
    return _table(
        ("What it holds", "Names that are understood"),
        ((f"`{fact}`", ", ".join(names)) for fact, names in COLUMNS.items()),
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))


PARTS: dict[str, Callable[[], str]] = {
    "bank-columns": _bank_columns,
    "core-tools": _core_tools,
    "counts": _counts,
    "effect-toolsets": _effect_toolsets,
    "errors": _errors,
    "gated": _gated,
    "install-first": links.shown_first,
    "install-table": links.table,
    "instructions": _instructions,
    "ownership": ownership,
    "prompts": _prompts,
    "questions": _questions,
    "resource-toolsets": _resource_toolsets,
    "resources": _resources,
    "settings": _settings,
    "tools": _tools,
    **{name: partial(example, name) for name in EXAMPLES},
    **{f"tools-{name}": partial(entries, name) for name in get_args(Resource)},
}

if __name__ == "__main__":
    for document in DOCUMENTS:
        document.write_text(rewritten(document.read_text(encoding="utf-8")), encoding="utf-8")
