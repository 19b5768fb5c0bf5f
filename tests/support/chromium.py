"""A real browser without a window, driven over the pipes of its DevTools protocol; and axe, which checks its pages."""

import json
import os
import select
import shutil
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

_PATIENCE = 60.0
_KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MODULES = ("/usr/lib/node_modules", "/usr/local/lib/node_modules", "/usr/share/nodejs", "node_modules")

_START = """
import fcntl, os, sys
theirs, back, *command = sys.argv[1:]
copies = [fcntl.fcntl(int(given), fcntl.F_DUPFD, 50) for given in (theirs, back)]
for place, copy in zip((3, 4), copies):
    os.dup2(copy, place)
    os.close(copy)
os.execv(command[0], command)
"""
"""Starts a program with the protocol's pipes at the descriptors 3 and 4, where it expects them."""


class Chromium:
    """One page of a browser with a profile of its own; skips the test where there is no Chromium."""

    def __init__(self, profile: Path) -> None:
        program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
        if program is None:
            pytest.skip("Chromium is not installed")
        theirs, self._commands = os.pipe()
        self._answers, back = os.pipe()
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        command = [program, *options, f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"]
        self._process = subprocess.Popen(  # noqa: S603 - a program of the system, and our own arguments
            [sys.executable, "-c", _START, str(theirs), str(back), *command],
            pass_fds=(theirs, back),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        os.close(back)
        self._number, self._unread, self._session = 0, b"", ""
        self._loaded = False
        """Whether a page is there since the last step that leads to one."""
        target = self._tell("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._tell("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._tell("Page.enable")

    def close(self) -> None:
        """End the browser."""
        os.close(self._commands)
        self._process.terminate()
        self._process.wait()
        os.close(self._answers)

    def visit(self, url: str) -> None:
        """Go to an address, and wait until its page is there."""
        self._loaded = False
        self._tell("Page.navigate", url=url)
        self._await_page()

    def click(self, selector: str) -> None:
        """Press what leads to another page, and wait until that is there."""
        self._loaded = False
        self.run(f"document.querySelector({json.dumps(selector)}).click()")
        self._await_page()

    def type(self, selector: str, text: str) -> None:
        """Type a text into a field, in place of what it holds."""
        self.run(f"document.querySelector({json.dumps(selector)}).select()")
        self._tell("Input.insertText", text=text)

    def press_tab(self) -> None:
        """Press the key that leads to the next field."""
        self.press("Tab")

    def press(self, key: str) -> None:
        """Press a key that is no letter."""
        code = _KEYS[key]
        typed = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self._tell("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **typed)

    def tap(self, left: float, top: float) -> None:
        """Touch the page there, shortly."""
        self._tell("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": left, "y": top}])
        self._tell("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def screenshot(self, width: int, height: int) -> bytes:
        """The upper part of the page, as PNG."""
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self._tell("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        return b64decode(shot["data"])

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        result = self._tell("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def look_like(self, width: int, colours: str, *, contrast: bool = False) -> None:
        """Be so many pixels wide, on a system in `light` or `dark` colours, or in those of a contrast theme."""
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self._tell("Emulation.setDeviceMetricsOverride", **size)
        features = {"prefers-color-scheme": colours, "forced-colors": "active" if contrast else "none"}
        media = [{"name": name, "value": value} for name, value in features.items()]
        self._tell("Emulation.setEmulatedMedia", media="", features=media)

    def look_like_paper(self) -> None:
        """Be as printed."""
        self._tell("Emulation.setEmulatedMedia", media="print")

    def barriers(self) -> list[str]:
        """What axe finds that keeps people from using the page; skips the test where there is no axe-core."""
        self.run(axe())
        found = self.run("axe.run()")
        assert len(found["passes"]) > 10
        return [f"{each['id']}: {each['nodes'][0]['html']}" for each in (*found["violations"], *found["incomplete"])]

    def _tell(self, method: str, **given: Any) -> dict[str, Any]:
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": self._number, "method": method, "params": given, **session}
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            pass
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _await_page(self) -> None:
        while not self._loaded:
            self._next()

    def _next(self) -> dict[str, Any]:
        """The next message of the browser."""
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._answers], [], [], _PATIENCE)
            part = os.read(self._answers, 1 << 16) if ready else b""
            assert part, "the browser does not answer"
            self._unread += part
        text, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        self._loaded = self._loaded or message.get("method") == "Page.loadEventFired"
        return message


def axe() -> str:
    """The script of axe-core."""
    places = [Path(each) / "axe-core" / "axe.min.js" for each in _MODULES]
    script = next((each for each in places if each.exists()), None)
    if script is None:
        pytest.skip("axe-core is not installed (npm install --global axe-core)")
    return script.read_text("utf-8")
