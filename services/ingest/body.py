"""Reading a request's body under limits of size, of time and of what is in flight."""

import asyncio
import zlib
from collections.abc import Callable

import cramjam
from starlette.requests import ClientDisconnect, Request

from services.ingest.answers import Refused, busy, too_large
from services.ingest.metrics import Metrics

READ_TIMEOUT_S = 30.0
_GZIP = 31


class InFlight:
    """The bytes of all bodies that are read and not yet answered, bounded."""

    def __init__(self, limit_bytes: int, metrics: Metrics) -> None:
        self._limit = limit_bytes
        self._held = 0
        metrics.in_flight.set_function(lambda: self._held)

    def take(self, size: int) -> None:
        """Count more bytes. Raises Refused (429) when there is no room for them."""
        if self._held + size > self._limit:
            raise busy()
        self._held += size

    def give(self, size: int) -> None:
        """Count bytes no longer."""
        self._held -= size


class Body:
    """One body and the room that it takes in flight while the `with` block runs."""

    def __init__(self, request: Request, limit_bytes: int, in_flight: InFlight) -> None:
        self._request = request
        self._limit = limit_bytes
        self._in_flight = in_flight
        self._held = 0

    def __enter__(self) -> "Body":
        return self

    def __exit__(self, *_: object) -> None:
        self._in_flight.give(self._held)

    async def read(self) -> bytes:
        """Return the body, decoded.

        Raises Refused: 413 over the limit, by its declared length before anything is read; 415
        for an unknown coding; 400 for a broken one; 408 when it takes too long; 429 without room.
        """
        headers = self._request.headers
        declared = headers.get("content-length", "")
        # No number of twenty digits is within a limit, and thousands of digits Python won't read.
        if declared.isdecimal() and (len(declared) > 19 or int(declared) > self._limit):
            raise too_large(f"the body is over {self._limit} bytes")
        decode = _decoder(headers.get("content-encoding", "identity"))
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                raw = await self._read()
        except TimeoutError as error:
            raise Refused(408, "the body took too long", {"Connection": "close"}) from error
        except ClientDisconnect as error:
            raise Refused(400, "the body ended early") from error
        if decode is None:
            return raw
        body = decode(raw, self._limit)
        self._hold(len(body))
        return body

    async def _read(self) -> bytes:
        chunks = []
        size = 0
        async for chunk in self._request.stream():
            size += len(chunk)
            if size > self._limit:
                raise too_large(f"the body is over {self._limit} bytes")
            self._hold(len(chunk))
            chunks.append(chunk)
        return b"".join(chunks)

    def _hold(self, size: int) -> None:
        self._in_flight.take(size)
        self._held += size


def _decoder(coding: str) -> Callable[[bytes, int], bytes] | None:
    match coding.strip().lower():
        case "identity" | "":
            return None
        case "gzip" | "x-gzip":
            return _gunzip
        case "zstd":
            return _unzstd
    raise Refused(
        415, "the content coding is none of gzip, zstd", {"Accept-Encoding": "gzip, zstd"}
    )


def _gunzip(raw: bytes, limit: int) -> bytes:
    parts = []
    room = limit
    while raw:
        member = zlib.decompressobj(_GZIP)
        try:
            part = member.decompress(raw, room + 1)
        except zlib.error as error:
            raise Refused(400, f"not gzip: {error}") from error
        if len(part) > room:
            raise too_large(f"the body is over {limit} bytes when decompressed")
        if not member.eof:
            raise Refused(400, "not gzip: it ends early")
        parts.append(part)
        room -= len(part)
        raw = member.unused_data
    return b"".join(parts)


def _unzstd(raw: bytes, limit: int) -> bytes:
    # A target of fixed size is what bounds a bomb: the library stops when it is full.
    target = bytearray(limit + 1)
    try:
        size = cramjam.zstd.decompress_into(raw, target)
    except cramjam.DecompressionError as error:
        if "failed to write whole buffer" in str(error):
            raise too_large(f"the body is over {limit} bytes when decompressed") from error
        raise Refused(400, f"not zstd: {error}") from error
    if size > limit:
        raise too_large(f"the body is over {limit} bytes when decompressed")
    return bytes(memoryview(target)[:size])
