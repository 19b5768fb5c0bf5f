"""/health and /ready: for probes without a token and with any host name, also below a path."""

from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.server.http.app import HttpTransport
from clientary_mcp.server.http.drain import Drain
from clientary_mcp.server.http.health import Probes, exports_to, readiness
from tests.server.http.test_app import PATHS, SECRET, visitor

pytestmark = pytest.mark.anyio

UNAVAILABLE = 503
OF_A_PROBE = {"Host": "10.0.0.7:8000"}


async def said(http: httpx.AsyncClient, path: str) -> tuple[int, str]:
    """What a probe gets: the status and the word."""
    response = await http.get(path, headers=OF_A_PROBE)
    return response.status_code, response.text.strip()


@pytest.mark.parametrize("transport", PATHS)
@pytest.mark.parametrize("prefix", ["", "/clientary"])
async def test_probes_need_no_token_and_no_host_name(sandbox: Sandbox, transport: HttpTransport, prefix: str) -> None:
    async with visitor(sandbox, transport, mcp_token=SECRET, root_path="/clientary") as http:
        assert await said(http, f"{prefix}/health") == (200, "alive")
        assert await said(http, f"{prefix}/ready") == (200, "ready")
        assert (await http.head(f"{prefix}/ready", headers=OF_A_PROBE)).text == ""
        assert (await http.post(f"{prefix}/ready", headers=OF_A_PROBE)).status_code == 405
        assert (await http.get(f"{prefix}/ready/", headers=OF_A_PROBE)).status_code == 401


async def test_an_export_directory_that_is_gone_keeps_traffic_away(sandbox: Sandbox, tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    async with visitor(sandbox, export_dir=exports) as http:
        assert await said(http, "/ready") == (200, "ready")
        assert list(exports.iterdir()) == []
        exports.rmdir()
        assert await said(http, "/ready") == (UNAVAILABLE, "exports")
        assert await said(http, "/health") == (200, "alive")


async def test_the_first_problem_is_told_and_the_drain_before_all(tmp_path: Path) -> None:
    store: list[str | None] = [None]

    async def problem() -> str | None:
        return store[0]

    drain = Drain(deadline=60, seconds=10)
    ready = readiness(drain, problem, exports_to(tmp_path / "missing"))
    probed = httpx.ASGITransport(Probes(PlainTextResponse("the application"), ready))
    async with httpx.AsyncClient(transport=probed, base_url="http://127.0.0.1") as http:
        assert await said(http, "/ready") == (UNAVAILABLE, "exports")
        store[0] = "store"
        assert await said(http, "/ready") == (UNAVAILABLE, "store")
        drain.begin()
        assert await said(http, "/ready") == (UNAVAILABLE, "draining")
        assert await said(http, "/anything") == (200, "the application")
