"""A host that shows pictures: a page of a real browser with a frame for ours, and what real calls answered."""

import json
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import anyio

from clientary_mcp.pictures import page
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Picture
from tests.conftest import agency, session_with
from tests.support.agent import agent_of
from tests.support.chromium import Chromium, axe
from tests.support.gated import record_for

REPORTS: dict[Picture, str] = {tool.picture: tool.name for tool in ALL if tool.picture and not tool.gated}
_HOST = Path(__file__).with_suffix(".html").as_uri()

Result = dict[str, Any]
Answer = dict[str, Any]


@cache
def answered(tool: str, arguments: str = "{}") -> Result:
    """The result of a call on the embedded account, as it travels."""
    return anyio.run(_answered, tool, json.loads(arguments))


async def _answered(tool: str, arguments: dict[str, Any]) -> Result:
    async with agent_of(session_with(agency())) as agent:
        return _wire(await agent.call(tool, arguments))


def answer_of(account: Sandbox, tool: str, arguments: dict[str, Any]) -> Answer:
    """What a call on some account answers, as a structure."""

    async def called() -> Answer:
        async with agent_of(session_with(account)) as agent:
            return Answer((await agent.call(tool, arguments)).structured_content)

    return anyio.run(called)


@cache
def previewed(tool: str) -> Result:
    """The preview of a call, on a record of the embedded account."""
    arguments, _ = record_for(agency(), tool)
    return answered(tool, json.dumps(arguments))


def _wire(result: Any) -> Result:
    return dict(result.model_dump(mode="json", by_alias=True, exclude_none=True))


def report(**answer: Any) -> Result:
    """The result of a report, with as little as any has."""
    return {"structuredContent": {"rows": [], "row_count": len(answer.get("rows", [])), "basis": "", **answer}}


class PictureHost:
    """A host with one frame, in a browser that other tests use as well."""

    def __init__(self, chromium: Chromium) -> None:
        self._chromium = chromium

    def open(
        self,
        picture: Picture,
        width: int = 640,
        colours: str = "light",
        can: Collection[str] = (),
        *,
        mute: bool = False,
        **context: Any,
    ) -> None:
        """Open a page as hosts do while its tool still runs; a host of which it is told what it `can`.

        One that is mute says nothing of itself.
        """
        self._chromium.look_like(width, colours)
        self._chromium.visit(_HOST)
        said = None if mute else {"theme": colours, "locale": "en-US", **context}
        told = json.dumps([page(picture), said, {each: dict[str, Any]() for each in can}])
        self._chromium.run(f"open_page(...{told})")

    def show(
        self,
        picture: Picture,
        result: Result,
        width: int = 640,
        colours: str = "light",
        given: Mapping[str, Any] = {},
        can: Collection[str] = (),
        **context: Any,
    ) -> None:
        """Open a page, and send it the arguments of a call and its result."""
        self.open(picture, width, colours, can, **context)
        self.notify("tool-input", {"arguments": given})
        self.notify("tool-result", result)

    def force_colours(self, width: int, colours: str) -> None:
        """Put the system into a contrast theme, whatever the host says."""
        self._chromium.look_like(width, colours, contrast=True)

    def notify(self, name: str, params: object) -> None:
        """Send the page a notification, and wait until it is painted."""
        self._chromium.run(f"notify({json.dumps(name)}, {json.dumps(params)})")

    def ask(self, method: str) -> dict[str, Any]:
        """The response of the page to a request."""
        return dict(self._chromium.run(f"ask({json.dumps(method)})"))

    def asked(self) -> list[dict[str, Any]]:
        """What the page asked of the host since it introduced itself."""
        return [each for each in self.sent() if "id" in each and each.get("method") not in (None, "ui/initialize")]

    def reply(self, place: int = -1, **response: Any) -> None:
        """Answer what the page asked, by default what it asked last, and wait until that is painted."""
        self._chromium.run(f"reply({self.asked()[place]['id']}, {json.dumps(response)})")

    def sent(self) -> list[dict[str, Any]]:
        """Everything that the page sent."""
        return list(self._chromium.run("messages()"))

    def run(self, script: str) -> Any:
        """The value of an expression, where `page` is the document in the frame."""
        return self._chromium.run(f"((page) => {script})(inside())")

    def text(self) -> str:
        """What people read, with what is folded away."""
        self.run("page.querySelectorAll('details').forEach((each) => each.open = true)")
        return str(self.run("page.body.innerText"))

    def marks(self) -> list[str]:
        """What the marks say, in order."""
        return list(self.run("[...page.querySelectorAll('.mark')].map((each) => each.getAttribute('aria-label'))"))

    def told(self) -> str | None:
        """What the mark says that is pointed at, tapped or focused, if one is."""
        found = self.run("page.querySelector('div.tip')?.textContent ?? null")
        return None if found is None else str(found)

    def press(self, key: str) -> None:
        """Press a key."""
        self._chromium.press(key)

    def tap(self, selector: str) -> None:
        """Tap an element in the frame, and wait until the page has noticed."""
        self.run(
            "void (page.tapped = new Promise((done) => page.addEventListener('click', () => done(), { once: true })))"
        )
        box = self.run(f"page.querySelector({json.dumps(selector)}).getBoundingClientRect().toJSON()")
        self._chromium.tap(box["left"] + box["width"] / 2, box["top"] + box["height"] / 2)
        self.run("page.tapped")

    def barriers(self) -> list[str]:
        """What axe finds that keeps people from using the page; skips the test where there is no axe-core."""
        self._chromium.run(f"add_script({json.dumps(axe())})")
        found = self.run("page.defaultView.axe.run()")
        assert len(found["passes"]) > 10
        return [f"{each['id']}: {each['nodes'][0]['html']}" for each in (*found["violations"], *found["incomplete"])]

    def screenshot(self, width: int, most: int = 2_000) -> bytes:
        """The page as PNG, down to that height."""
        return self._chromium.screenshot(width, min(most, self.run("page.body.offsetHeight")))
