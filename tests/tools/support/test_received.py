"""The payments since a day: the list is read no further than it has to be, and again where it changed meanwhile."""

from datetime import date

import httpx
import pytest
import respx

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import ListChanged
from clientary_mcp.tools.support.received import payments_since

pytestmark = pytest.mark.anyio

DAYS = ["2023-11-02", "2023-10-31", "2023-10-01", "2023-09-30", "2023-09-29", "2023-09-28"]


@pytest.mark.parametrize(
    ("counts", "pages"),
    [((6,), [1, 2]), ((6, 5), [1, 2, 1, 2])],  # the second page, without one that moved to the first
)
async def test_a_list_that_changed_before_its_reading_stopped_is_read_again(
    account: respx.MockRouter, clientary: Clientary, counts: tuple[int, ...], pages: list[int]
) -> None:
    read = played(account, *counts)
    async with clientary:
        found = await payments_since(clientary, date(2023, 10, 1))
    assert [payment.id for payment in found] == [0, 1, 2]
    assert read == pages


async def test_a_list_that_changes_again_is_no_answer(account: respx.MockRouter, clientary: Clientary) -> None:
    played(account, 6, 5, 6, 5)
    async with clientary:
        with pytest.raises(ListChanged):
            await payments_since(clientary, date(2023, 10, 1))


def played(account: respx.MockRouter, *counts: int) -> list[int]:
    """Play payments in pages that tell these counts; returns the numbers of those that are read."""
    read: list[int] = []

    def page(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("page", 1))
        read.append(number)
        rows = [{"id": place, "received_on": day} for place, day in enumerate(DAYS)][2 * number - 2 : 2 * number]
        count = counts[min(len(read), len(counts)) - 1]
        return httpx.Response(200, json={"page_size": 2, "page_count": 3, "total_count": count, "payments": rows})

    account.get("payments").mock(side_effect=page)
    return read
