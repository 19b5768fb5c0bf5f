"""The sign-in page: one file of HTML without a script, in the person's language."""

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from clientary_mcp.server.callers.sign_in.clients import is_own_program
from clientary_mcp.server.callers.sign_in.pending import Pending

_MOST_LANGUAGES = 20
_SHOWN = 80
"""Characters of a client's name that are shown."""


@dataclass(frozen=True)
class Given:
    """What a person filled in, but for the token, which is never sent back."""

    account: str = ""
    name: str = ""
    choice: str = ""


@dataclass(frozen=True)
class Mistake:
    """Why the page is shown again: `said` of the whole, or of the fields that miss something, by keys of the texts."""

    said: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    status: int = 422


class Page:
    """Renders the page at that address of the server; `choices` are the levels that it offers."""

    def __init__(self, issuer: str, path: str, choices: tuple[str, ...]) -> None:
        self._host, self._path, self.choices = urlsplit(issuer).netloc, path, choices

    def form(
        self, request: Request, pending: Pending, given: Given | None = None, mistake: Mistake | None = None
    ) -> Response:
        """The form, and what is wrong with what was given."""
        given, mistake = given or Given(choice=self.choices[0]), mistake or Mistake(status=200)
        language, said = _texts_for(request)
        redirect = str(pending.params.redirect_uri)
        shown = {
            **{name: escape(Template(text).safe_substitute(host=self._host)) for name, text in said.items()},
            "alarm": _alarm(said[mistake.said]) if mistake.said else "",
            "client_name": escape(_printable(pending.client_name) or said["unnamed"]),
            "described": _described(pending.client_id, said["described_by"]),
            "destination": escape(said["own_program"] if is_own_program(redirect) else _host(redirect)),
            "action": escape(self._path),
            "pending_id": escape(pending.id),
            "account": escape(given.account),
            "name": escape(given.name),
            "choices": "".join(_choice(each, said, chosen=each == given.choice) for each in self.choices),
        }
        for name in ("account", "token", "name"):
            shown |= _field_state(name, mistake, said)
        title = (said["error_title"] if mistake.status != 200 else "") + said["title"]
        main = Template(_file("form.html")).substitute(shown)
        return _response(language, title, main, mistake.status, redirect)

    def problem(self, request: Request, why: str, status: int, detail: str = "") -> Response:
        """A page that says why the sign-in cannot go on, with a detail in English for whoever has to find out."""
        language, said = _texts_for(request)
        main = f"<h1>{escape(said['problem_heading'])}</h1>\n<p>{escape(said[why])}</p>"
        if detail:
            main += f'\n<p class="small" lang="en">{escape(detail)}</p>'
        response = _response(language, said["title"], main, status)
        if status == 503:
            response.headers["Retry-After"] = "60"
        return response


def _response(language: str, title: str, main: str, status: int, redirect: str = "") -> Response:
    page = Template(_file("page.html")).substitute(language=language, title=escape(title), main=main)
    # Browsers apply form-action to the redirect that answers a form, too.
    policy = (
        f"default-src 'none'; style-src '{_style_hash()}'; form-action 'self' {_origin(redirect)}".rstrip()
        + "; base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        # With no-referrer, browsers would send `Origin: null` with the form.
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Content-Language": language,
        "Vary": "Accept-Language",
    }
    return HTMLResponse(page, status, headers)


def _alarm(text: str) -> str:
    return f'<div class="alarm" role="alert" id="alarm"><p>{escape(text)}</p></div>'


def _field_state(name: str, mistake: Mistake, said: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with a field, tied to it so that screen readers say it."""
    error, notes = mistake.fields.get(name), [f"{name}-hint"]
    if error is not None:
        notes.append(f"{name}-error")
    elif mistake.said == "credentials" and name in ("account", "token"):
        notes.append("alarm")
    invalid = 'aria-invalid="true" ' if len(notes) > 1 else ""
    return {
        f"{name}_error": "" if error is None else f'<p class="error" id="{name}-error">{escape(said[error])}</p>',
        f"{name}_state": f'{invalid}aria-describedby="{" ".join(notes)}"',
    }


def _described(client_id: str, label: str) -> str:
    """Who published the description of a client, if it is known by the address of one: that is no mere claim."""
    if not client_id.startswith("https://"):
        return ""
    return f"<dt>{escape(label)}</dt>\n<dd>{escape(_host(client_id))}</dd>"


def _choice(name: str, said: Mapping[str, str], *, chosen: bool) -> str:
    checked = " checked" if chosen else ""
    return (
        f'<div class="choice"><input type="radio" name="choice" id="{name}" value="{name}" required{checked}'
        f' aria-describedby="{name}-hint"><label for="{name}">{escape(said[name])}</label>'
        f'<p class="hint" id="{name}-hint">{escape(said[f"{name}_hint"])}</p></div>\n'
    )


def _printable(text: str) -> str:
    """What a client calls itself, without what could make it look like something else."""
    bare = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return bare if len(bare) <= _SHOWN else f"{bare[:_SHOWN]}…"


def _host(uri: str) -> str:
    """The host of an address as it is looked up, so that no letters look like others."""
    host = urlsplit(uri).hostname or ""
    return host if host.isascii() else host.encode("idna").decode()


def _origin(uri: str) -> str:
    """What a policy calls the origin of an address; the scheme alone for programs."""
    if not uri:
        return ""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else f"{parts.scheme}:"


def _texts_for(request: Request) -> tuple[str, Mapping[str, str]]:
    """The language that the person's browser asks for first, of those we have, and its texts."""
    asked = []
    for position, part in enumerate(request.headers.get("accept-language", "").split(",")[:_MOST_LANGUAGES]):
        name, _, rest = part.partition(";")
        quality = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", rest)
        weight = float(quality[1]) if quality else 1.0
        language = name.strip().partition("-")[0].lower()
        if weight > 0 and language in texts():
            asked.append((-weight, position, language))
    language = min(asked)[2] if asked else "en"
    return language, texts()[language]


@cache
def texts() -> dict[str, dict[str, str]]:
    """What the page says, by language and key."""
    said: dict[str, dict[str, str]] = json.loads(_file("texts.json"))
    return said


@cache
def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


@cache
def _style_hash() -> str:
    """What a policy calls our style, by which the browser knows it."""
    style = _file("page.html").partition("<style>")[2].partition("</style>")[0]
    return f"sha256-{b64encode(sha256(style.encode()).digest()).decode()}"
