"""The log: one line of JSON per event, and no credential in either form, whoever logs it."""

import io
import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from opentelemetry.trace import NonRecordingSpan, SpanContext, use_span

from clientary_mcp import logs
from clientary_mcp.redaction import Secrets
from tests.conftest import SETTINGS
from tests.support.processes import PATIENCE, free_port, listening

TOKEN, GATE, KEY, PASSWORD = "api-token-of-a-caller", "gate-gate-gate-gate", "k" * 40, "redis-password"
RANDOM = "x" * 43
WITH_SECRETS = replace(
    SETTINGS, api_token=TOKEN, mcp_token=GATE, keys=(KEY,), store=f"redis://:{PASSWORD}@localhost/0", replica="one"
)


class Log:
    """A logger with a handler of ours, and what it has written."""

    def __init__(self, log_format: Any) -> None:
        self._stream = io.StringIO()
        handler = logs.new_handler(replace(WITH_SECRETS, log_format=log_format))
        handler.setStream(self._stream)
        self.logger = logging.Logger("httpx", logging.DEBUG)
        self.logger.addHandler(handler)
        Secrets(WITH_SECRETS)

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    def line(self) -> dict[str, Any]:
        (line,) = [json.loads(line) for line in self.text.splitlines()]
        return dict(line)


@pytest.fixture(params=["text", "json"])
def log(request: pytest.FixtureRequest) -> Log:
    return Log(request.param)


def test_an_event_is_one_line_with_time_level_logger_and_replica() -> None:
    log = Log("json")
    log.logger.warning("two\nlines of %s", "München")
    line = log.line()
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "WARNING", "logger": "httpx", "message": "two\nlines of München", "replica": "one"}


def test_the_trace_the_account_and_the_caller_are_in_it() -> None:
    log, span = Log("json"), NonRecordingSpan(SpanContext(0xABC, 0x1, is_remote=True))
    with use_span(span), logs.serving("account-id", "caller-id"):
        log.logger.info("inside")
    line = log.line()
    assert (line["trace_id"], line["account"], line["caller"]) == (f"{0xABC:032x}", "account-id", "caller-id")
    log.logger.info("outside")
    assert "caller" not in json.loads(log.text.splitlines()[1])


def test_an_exception_is_one_field_without_credentials() -> None:
    log = Log("json")
    try:
        raise ValueError(f"no answer for {TOKEN}")
    except ValueError:
        log.logger.exception("failed")
    exception = log.line()["exception"]
    assert exception.startswith("Traceback")
    assert exception.endswith("ValueError: no answer for [removed]")


SPELLINGS = [
    f"Authorization: Bearer {RANDOM}",
    f"{{'authorization': 'Bearer {RANDOM}'}}",
    f"[(b'authorization', b'Basic {RANDOM}')]",
    f"bearer  {RANDOM}",
    f"token cmt_0123456789abcdef_{RANDOM}",
    f'"refresh_token": "cmr_0123456789abcdef_{RANDOM}"',
    f"cmk_0123456789abcdef_{RANDOM},",
    f"X-Clientary-Token: {RANDOM}",
    f"(b'x-clientary-token', b'{RANDOM}')",
    f'{{"X-Clientary-Token": "{RANDOM}"}}',
    f"GET /callback?code={RANDOM}&state=1",
    f"grant_type=authorization_code&code_verifier={RANDOM}",
    f"account=acme&api_token={RANDOM}",
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_what_looks_like_a_credential_is_removed(log: Log, text: str) -> None:
    log.logger.info("%s", text)
    log.logger.info(text)
    log.logger.error("failed", exc_info=RuntimeError(text))
    assert "xxx" not in log.text
    assert log.text.count("[removed]") == 3


@pytest.mark.parametrize("secret", [TOKEN, GATE, KEY, PASSWORD])
def test_the_credentials_of_every_session_are_removed(log: Log, secret: str) -> None:
    log.logger.info("sent %s", {"value": secret})
    assert secret not in log.text
    assert "[removed]" in log.text


@pytest.mark.parametrize(
    "text",
    [
        "Missing or invalid bearer token.",
        "Client error, status code=404",
        "cm_status_of_a_record",
        "the authorization of a payment failed",
        "Bearer token resource 'https://mcp.example.com/mcp' is not resource_server_url",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    log = Log("text")
    log.logger.info(text)
    assert log.text == f"{text}\n"


def test_arguments_that_do_not_fit_are_not_printed(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    log.logger.info("%d of %s", RANDOM)
    assert "%d of %s" in log.text
    assert RANDOM not in log.text + capsys.readouterr().err


@pytest.mark.anyio
async def test_every_line_of_a_process_is_json(tmp_path: Path) -> None:
    port, path = free_port(), tmp_path / "stderr"
    serve = ("--sandbox", "--transport", "http")
    settings = {"CLIENTARY_LOG_LEVEL": "DEBUG", "CLIENTARY_LOG_FORMAT": "json", "CLIENTARY_REPLICA": "two"}
    with anyio.fail_after(PATIENCE):
        async with (
            listening(*serve, port=port, log=path, CLIENTARY_MCP_TOKEN=GATE, **settings) as process,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
        ):
            await http.get(
                "/mcp", headers={"Host": f"cmt_0123456789abcdef_{RANDOM}", "Authorization": f"Bearer {GATE}"}
            )
            process.terminate()
            await process.wait()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert {line["replica"] for line in lines} == {"two"}
    assert {"uvicorn.error", "mcp.server.transport_security", "clientary_mcp.logs.announcements"} <= {
        line["logger"] for line in lines
    }
    assert not {secret for secret in (GATE, RANDOM) if secret in path.read_text()}


class _Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize("arguments", [({"other": 1},), (_Unprintable(),), (1, 2)])
def test_what_cannot_be_printed_does_not_end_what_logs_it(log: Log, arguments: tuple[Any, ...]) -> None:
    log.logger.warning("%(name)s", *arguments)
    assert "%(name)s" in log.text
