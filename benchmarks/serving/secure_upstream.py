"""Clientary over TLS for thousands of connections: a proxy that answers for every account itself.

`python -m benchmarks.serving.secure_upstream CERTIFICATE` prints its port, and ends when its standard input does. The
requests of one credential are answered four at a time, so that each of them has a connection of its own.
"""

import json
import ssl
import sys
from collections import defaultdict
from contextlib import suppress
from functools import partial

import anyio
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream

from benchmarks.upstream import client

AT_ONCE = 4

_waiting = defaultdict[bytes, list[anyio.Event]](list)


async def answer(certificate: ssl.SSLContext, stream: ByteStream) -> None:
    """Answer the requests on one connection, which begins as one to a proxy."""
    with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
        await _head(stream)
        await stream.send(b"HTTP/1.1 200 OK\r\n\r\n")
        secure = await TLSStream.wrap(stream, server_side=True, ssl_context=certificate, standard_compatible=False)
        while True:
            head = await _head(secure)
            await _all_at_once(head.lower().partition(b"\r\nauthorization: ")[2].partition(b"\r\n")[0])
            content = json.dumps(client(int(head.split()[1].rpartition(b"/")[2]))).encode()
            answered = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
            await secure.send(answered.encode() + content)


async def _head(stream: ByteStream) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += await stream.receive()
    return received


async def _all_at_once(credential: bytes) -> None:
    """Wait until so many requests with this credential are here."""
    arrived = anyio.Event()
    _waiting[credential].append(arrived)
    if len(_waiting[credential]) == AT_ONCE:
        for each in _waiting.pop(credential):
            each.set()
    await arrived.wait()


async def serve(path: str) -> None:
    """Answer until standard input ends, so that the process never outlives its parent."""
    certificate = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.load_cert_chain(path)
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, partial(answer, certificate))
        print(listener.extra(anyio.abc.SocketAttribute.local_port), flush=True)  # noqa: S610 - Django has one, too
        await anyio.to_thread.run_sync(sys.stdin.read)
        group.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(serve, sys.argv[1])
