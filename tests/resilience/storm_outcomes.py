"""What jobs of several writes report of each of them, by its key: in rows, or in the words of an error."""

import re
from collections.abc import Callable, Iterable, Iterator

from tests.resilience.outcomes import Answer, Outcome
from tests.resilience.storm_records import KINDS, JsonObject, OwnRecords

Told = Callable[[JsonObject, JsonObject, Answer], dict[str, Outcome]]
"""From the arguments, the preview and the answer: what is reported of each write."""

CHANGED_ALIKE = {
    "client": "city",
    "lead": "city",
    "contact": "phone",
    "invoice": "summary",
    "estimate": "summary",
    "recurring_schedule": "summary",
    "hour_entry": "title",
}
"""The text that `bulk_update` changes in each kind of record, which no other call of an agent does."""

_MARK = re.compile(r"mark-\d+-\d+")
_SO_FAR = re.compile(r"So far: (.*?)\. The same call", re.DOTALL)
_AN_INVOICE = re.compile(r" for invoice [^()]*\(id (\d+)\)")
_FAILED = re.compile(r"invoices/(\d+)/payments")
_WORDS: dict[str, Outcome] = {
    "recorded": "done",
    "already recorded": "done",
    "changed": "done",
    "already so": "done",
    "not known whether recorded": "unknown",
    "not known whether changed": "unknown",
    "recorded in part": "half",
}
"""Every other word says that nothing was done."""


def record_path(kind: str, record: int) -> str:
    """Where a record of a kind that is changed alike is."""
    return f"{KINDS[kind].path(OwnRecords())}/{record}"


def told_of_shares(given: JsonObject, shown: JsonObject, answer: Answer) -> dict[str, Outcome]:
    """Of the payments of one sum. An error names those before it, and the one that failed; none was tried after it."""
    mark = _mark_in(given["note"])
    ids = [step["invoice_id"] for step in answer.content.get("steps") or shown.get("steps", ()) if "invoice_id" in step]
    if answer.content or (answer.outcome == "unknown" and len(ids) > 1 and not _FAILED.search(answer.text)):
        return dict.fromkeys((_payment(mark, each) for each in ids), "done" if answer.content else "unknown")
    stopped, _, before = answer.text.partition("Done before: ")
    done = {int(each) for each in _AN_INVOICE.findall(before)}
    failed = int(found[1]) if (found := _FAILED.search(stopped)) else None
    unknown = "It is unknown whether" in stopped
    return {
        _payment(mark, each): "done" if each in done else "unknown" if each == failed and unknown else "not done"
        for each in ids
    }


def told_of_lines(given: JsonObject, shown: JsonObject, answer: Answer) -> dict[str, Outcome]:
    """Of the payments of bank lines.

    Which of a line with several failed is not said. A line that is recorded already may be so by another call, unless
    it has a choice: those have amounts of their own.
    """
    told: dict[str, Outcome] = {}
    chosen = {choice["row"] for choice in given["choices"]}
    words = dict(_words_of(answer, "row"))
    for step in answer.content.get("steps") or shown.get("steps", ()):
        if "row" not in step:
            continue
        ids = [part["invoice_id"] for part in (step, *step.get("invoices", ())) if "invoice_id" in part]
        outcome = words.get(step["row"], answer.outcome)
        if (len(ids) > 1 and outcome == "unknown") or (
            step["outcome"] == "already recorded" and step["row"] not in chosen
        ):
            outcome = "half"
        mark = _mark_in(given["rows"][step["row"] - 1]["text"])
        told |= {_payment(mark, each): outcome for each in ids}
    return told


def told_of_records(given: JsonObject, shown: JsonObject, answer: Answer) -> dict[str, Outcome]:
    """Of the records that were changed alike."""
    kind = given["tool"].removeprefix("update_")
    mark = _mark_in(given["changes"][CHANGED_ALIKE[kind]])
    words = dict(_words_of(answer, "id"))
    rows = answer.content.get("steps") or shown.get("steps", ())
    return {
        f"{mark} at {record_path(kind, row['id'])}": words.get(row["id"], answer.outcome)
        for row in rows
        if "row" in row
    }


def _words_of(answer: Answer, name: str) -> Iterator[tuple[int, Outcome]]:
    """The outcome of each row or id that the answer, or the error, names."""
    for step in answer.content.get("steps", ()):
        if name in step:
            yield step[name], _WORDS.get(step["outcome"], "not done")
    if found := _SO_FAR.search(answer.text):
        for part in found[1].split("; "):
            word, _, numbers = part.partition(": ")
            yield from ((number, _WORDS.get(word, "not done")) for number in _numbers(numbers))


def _numbers(written: str) -> Iterable[int]:
    for run in re.findall(r"(\d+)(?:-(\d+))?", written):
        yield from range(int(run[0]), int(run[1] or run[0]) + 1)


def _payment(mark: str, invoice: int) -> str:
    return f"{mark} at invoices/{invoice}/payments"


def _mark_in(text: str) -> str:
    found = _MARK.search(text)
    assert found is not None
    return found[0]
