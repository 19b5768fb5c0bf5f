"""No text names a tool that is not available."""

import re
from collections.abc import Collection
from typing import Any

_OURS = ("message", "alternative", "basis", "notice")
"""The parts of an answer that are sentences of ours."""

_QUOTATION = re.compile("“[^”]*”")
_SENTENCE = re.compile(r"(?<=[.;:!?])\s+")


def strip_result(shown: dict[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """An answer of ours (not a record, whose texts are data) whose sentences name no tool that is not there."""
    if not hidden:
        return shown
    ours = {part: strip_mentions(shown[part], hidden) for part in _OURS if part in shown}
    gone = {part for part, text in ours.items() if not text and part != "message"}
    kept = {part: text or "It is done." for part, text in ours.items()}
    return {part: value for part, value in {**shown, **kept}.items() if part not in gone}


def strip_mentions(text: str, hidden: Collection[str]) -> str:
    """The sentences of `text` that name none of the tools in `hidden`; what a record says in quotation counts not."""
    if not hidden:
        return text
    named = re.compile(rf"(?<![\w@.-])(?:{'|'.join(map(re.escape, sorted(hidden)))})(?![\w@-]|\.\w)")
    masked = _QUOTATION.sub(lambda quotation: "_" * len(quotation[0]), text)
    ends = [*(gap.span() for gap in _SENTENCE.finditer(masked)), (len(text), len(text))]
    kept, start = [], 0
    for end, after in ends:
        if not named.search(masked, start, end):
            kept.append(text[start:end])
        start = after
    return " ".join(kept)
