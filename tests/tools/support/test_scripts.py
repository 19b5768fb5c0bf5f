"""Parts of names in scripts without spaces, and names without letters, are found by search and by filters."""

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.conftest import TODAY, session_with
from tests.support.agent import agent_of
from tests.support.tables import put

pytestmark = pytest.mark.anyio

PARTS = {
    "東京商事株式会社": ["東京", "商事", "株式会社"],
    "北京大学": ["大学", "北"],
    "삼성전자": ["삼성", "전자"],
    "ร้านกินดี": ["กิน", "ดี"],
    "ＡＢＣ物産": ["物産", "abc"],
    "🎉 Party Co": ["🎉", "party"],
    "متجر ١٢٣": ["123"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "part"), [(name, part) for name, parts in PARTS.items() for part in parts])
async def test_a_part_finds_the_name(name: str, part: str) -> None:
    account = Sandbox(TODAY, filled=False)
    for each in (*PARTS, "ร้านกันเอง", "Zebra"):
        put(account, "clients", name=each, status=1)
    async with agent_of(session_with(account)) as agent:
        for tool, rows in (("search", "rows"), ("list_clients", "records")):
            answer = await agent.answer(tool, query=part)
            assert [row["name"] for row in answer[rows]] == [name], tool


@pytest.mark.parametrize("noise", ["?", "!?", "🦄", "--"])
async def test_signs_find_no_name_without_them(noise: str) -> None:
    account = Sandbox(TODAY, filled=False)
    for each in PARTS:
        put(account, "clients", name=each, status=1)
    async with agent_of(session_with(account)) as agent:
        assert (await agent.answer("search", query=noise))["rows"] == []
        assert (await agent.answer("list_clients", query=noise))["records"] == []
