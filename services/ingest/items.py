"""From a body to its items: one event, a JSON array, NDJSON, or CloudEvents binary mode."""

import re
from typing import Any, Final
from urllib.parse import unquote

import msgspec
from msgspec import Raw, Struct
from starlette.datastructures import Headers

from schemas.problems import rejected
from services.ingest.answers import Refused, too_large

MAX_DEPTH: Final = 32
_NDJSON: Final = frozenset({"application/x-ndjson", "application/ndjson"})
_JSON: Final = frozenset(
    {
        "application/json",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
    }
)
_array = msgspec.json.Decoder(list[Raw]).decode
_any_value = msgspec.json.Decoder(Raw).decode
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"')
_BRACKET: Final = re.compile(rb"[\[\]{}]")
_ATTRIBUTES: Final = ("specversion", "id", "source", "type", "time", "recordedtime", "corrects")


class Items(Struct):
    """The raw items of a request; `single` = it was one event, so its problem is the answer's."""

    raws: list[bytes] | list[Raw]
    single: bool


def items_of(headers: Headers, body: bytes, max_items: int) -> Items:
    """Return the items of a body.

    Raises Refused (415 for another content type, 413 for too many items, 400 for a body that is
    not JSON) and Rejected (422) for JSON that is neither an object nor an array.
    """
    media, _, parameters = headers.get("content-type", "").lower().partition(";")
    media = media.strip()
    charset = parameters.partition("charset=")[2].partition(";")[0].strip(' "')
    if charset not in ("", "utf-8", "utf8", "us-ascii"):
        raise Refused(415, "the charset is not utf-8")
    if media in _NDJSON:
        lines = [line for line in body.split(b"\n") if line and not line.isspace()]
        return Items(_limited(lines, max_items), single=False)
    if media not in _JSON:
        raise Refused(415, "the content type is neither application/json nor application/x-ndjson")
    if media == "application/json" and "ce-specversion" in headers:
        return Items([_from_binary_mode(headers, body)], single=True)
    start = body.lstrip(b" \t\r\n")[:1]
    try:
        if start == b"[":
            return Items(_limited(_array(body), max_items), single=False)
        _any_value(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(400, f"not JSON: {error}") from error
    except RecursionError as error:
        raise Refused(400, "nested too deeply") from error
    if start != b"{":
        raise rejected("must be an event, an array of events or NDJSON", "$")
    return Items([body], single=True)


def check_depth(item: bytes | Raw) -> None:
    """Raise Rejected for an item that is nested more deeply than any event is.

    Few brackets can't be deep, so nearly every item passes by a count.
    """
    raw = bytes(item)
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", raw)):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise rejected(f"nested more than {MAX_DEPTH} deep", "$", status=400)


def _limited(items: list[Any], max_items: int) -> list[Any]:
    if len(items) > max_items:
        raise too_large(f"more than {max_items} items")
    return items


def _from_binary_mode(headers: Headers, body: bytes) -> bytes:
    """Return the event whose attributes are `ce-` headers and whose data is the body."""
    try:
        event: dict[str, Any] = {"data": _any_value(body)}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(400, f"not JSON: {error}") from error
    except RecursionError as error:
        raise Refused(400, "nested too deeply") from error
    for name in _ATTRIBUTES:
        value = headers.get(f"ce-{name}")
        if value is not None:
            # The HTTP binding of CloudEvents percent-encodes what is not printable ASCII.
            event[name] = unquote(value, errors="replace")
    return msgspec.json.encode(event)
