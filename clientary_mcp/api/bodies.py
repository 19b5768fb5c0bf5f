"""Response bodies: unpacked as they arrive, up to a limit, and brought to UTF-8."""

import codecs
import json
import re
import zlib

import httpx

ENCODINGS = "gzip, deflate"
"""What requests accept: the encodings that can be unpacked up to a limit."""

MOST_BYTES = 32 * 1024 * 1024
_DROPPED = (b"content-encoding", b"content-length", b"transfer-encoding")
_BROKEN = (httpx.NetworkError, httpx.ProtocolError)
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_KNOWN = re.compile(r"utf-(16|32)(-[bl]e)?|iso8859-\d+|cp\d+|koi8-\w|shift_jis|euc_\w+|gb\w+|big5", re.ASCII)


class UnreadableBody(httpx.DecodingError):
    """A body that breaks off or cannot be unpacked."""


class BodyTooLarge(httpx.DecodingError):
    """A body that is larger than `MOST_BYTES`."""


async def with_body(response: httpx.Response, request: httpx.Request) -> httpx.Response:
    """The response with its whole body, in UTF-8; of an error, the status counts without a body."""
    sent = {name.lower(): value for name, value in response.headers.raw}
    packing = sent.get(b"content-encoding", b"").decode("ascii", "replace").strip().lower()
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - as all asynchronous transports return
    try:
        read = await _unpacked(stream, packing)
    except (UnreadableBody, BodyTooLarge) as error:
        if response.is_success:
            error.request = request
            raise
        read = b""
    finally:
        await stream.aclose()
    body = _as_utf8(read, sent.get(b"content-type", b""))
    if body is read and not packing:
        response.stream = httpx.ByteStream(body)  # as with most; to make a new response takes a quarter of a request
        response.read()
        return response
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in _DROPPED]
    return httpx.Response(response.status_code, headers=headers, content=body)


async def _unpacked(stream: httpx.AsyncByteStream, packing: str) -> bytes:
    """The body, read no further than to its limit."""
    unpacker = _Unpacker(packing) if packing not in ("", "identity") else None
    body = bytearray()
    try:
        async for chunk in stream:
            body += unpacker.unpack(chunk, MOST_BYTES + 1 - len(body)) if unpacker else chunk
            if len(body) > MOST_BYTES:
                raise BodyTooLarge("too many bytes")
    except zlib.error:
        raise UnreadableBody("it cannot be unpacked") from None
    except _BROKEN:
        raise UnreadableBody("it breaks off") from None
    if unpacker and not unpacker.complete:
        raise UnreadableBody("it breaks off")
    return bytes(body)


class _Unpacker:
    """Unpacks one body; `zlib.error` if it is damaged, or packed in a way that was not asked for."""

    def __init__(self, packing: str) -> None:
        if packing not in ("gzip", "x-gzip", "deflate"):
            raise UnreadableBody("it is packed in another way")
        self._wbits = zlib.MAX_WBITS | 16 if "gzip" in packing else 0
        self._zlib: zlib._Decompress | None = None

    def unpack(self, chunk: bytes, most: int) -> bytes:
        """What a chunk contains, of which no more than `most` bytes are unpacked."""
        unpacked = b""
        while chunk and len(unpacked) < most:
            if self._zlib is None or self._zlib.eof:  # a body may consist of several gzip members
                self._zlib = zlib.decompressobj(self._wbits or _wbits_of_deflate(chunk))
            unpacked += self._zlib.decompress(chunk, most - len(unpacked))
            chunk = self._zlib.unconsumed_tail or self._zlib.unused_data
        return unpacked

    @property
    def complete(self) -> bool:
        """Whether the end was reached, or nothing was sent."""
        return self._zlib is None or self._zlib.eof


def _wbits_of_deflate(start: bytes) -> int:
    """`deflate` is sent with the header of zlib, as specified, or without."""
    return zlib.MAX_WBITS if start[0] & 15 == 8 and (len(start) < 2 or (start[0] << 8 | start[1]) % 31 == 0) else -15


def _as_utf8(body: bytes, content_type: bytes) -> bytes:
    """The body in UTF-8: by its byte order mark, else by the charset of its Content-Type, else as JSON is detected."""
    if body.startswith(codecs.BOM_UTF8):
        return body[len(codecs.BOM_UTF8) :]
    charset = _CHARSET.search(content_type)
    detected = json.detect_encoding(body)
    try:
        name = codecs.lookup(charset[1].decode() if charset and detected == "utf-8" else detected).name
        return body if name == "utf-8" or not _KNOWN.fullmatch(name) else body.decode(name).encode()
    except (LookupError, UnicodeError):
        return body
