"""Clientary, simulated as fast as Python can: one client by its id, and a list of 1,000 clients on 100 slow pages.

`python -m benchmarks.upstream` prints its port on loopback and ends when its standard input does.
"""

import asyncio
import json
import sys
from typing import Any

RECORDS, PAGES, SECONDS_PER_PAGE = 1_000, 100, 0.05
_PER_PAGE = RECORDS // PAGES


def client(number: int) -> dict[str, Any]:
    """A client as the API returns it; its list form is short, so that 1,000 fit in one answer."""
    return {
        "id": number,
        "name": f"Client {number}",
        "number": None,
        "status": 1,
        "address": "123 Main St.",
        "address_2": "Suite 101",
        "city": "",
        "state": "NY",
        "zip": "12345",
        "country": "",
        "website": "",
        "description": "Retainer of 20 hours a month, billed on the last working day.",
        "contact_viewable": True,
        "amount_outstanding": "1250.50",
        "notes_count": 3,
        "users_count": 2,
        "was_lead": False,
        "created_at": "2023-12-09T20:28:18.000Z",
        "updated_at": "2026-11-18T10:31:04.000Z",
        "invoice_extra_fields": {"vat": "DE 123456789", "po": "4500-12"},
    }


class Upstream(asyncio.Protocol):
    """One connection: answers GET after GET."""

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where answers go."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request whose head is complete; a GET has no body."""
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, self._received = self._received.split(b"\r\n\r\n", 1)
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        path, _, query = head.split(b" ", 2)[1].decode().partition("?")
        if b"\r\nauthorization: basic " not in head.lower():
            self._send("401 Unauthorized", {"error": "no credentials"})
        elif path == "/api/v2/clients":
            page = int(dict(part.split("=") for part in query.split("&") if part).get("page", 1))
            first = (page - 1) * _PER_PAGE + 1
            clients = [client(number) for number in range(first, first + _PER_PAGE)]
            counts = {"page_count": PAGES, "page_size": _PER_PAGE, "total_count": RECORDS}
            asyncio.get_running_loop().call_later(
                SECONDS_PER_PAGE, self._send, "200 OK", {**counts, "clients": clients}
            )
        else:
            self._send("200 OK", client(int(path.removeprefix("/api/v2/clients/"))))

    def _send(self, status: str, body: Any) -> None:
        content = json.dumps(body).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        self._transport.write(head.encode() + content)


async def serve() -> None:
    """Answer until standard input ends, so that the process never outlives its parent."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
