"""The readers of the feed benchmark: many sockets, one process that does next to nothing."""

import selectors
import socket
import sys
import time
from typing import Final

TOKEN: Final = "bench"
_MARK: Final = b"\nevent: cordon.alert."


def read(port: int, readers: int, events: int) -> None:
    """Count what comes; the time runs from the first event to the last of the last reader."""
    request = (
        f"GET /v1/alerts/stream HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    ).encode()
    waiting = selectors.DefaultSelector()
    sockets = []
    for _ in range(readers):
        one = socket.create_connection(("127.0.0.1", port))
        one.sendall(request)
        one.setblocking(False)
        waiting.register(one, selectors.EVENT_READ)
        sockets.append(one)
    by_descriptor = {one.fileno(): one for one in sockets}
    buffer = bytearray(1 << 18)
    view = memoryview(buffer)
    total, seen = readers * events, 0
    opened: set[socket.socket] = set()
    # The end of what came before may be the beginning of a mark.
    tails = dict.fromkeys(sockets, b"")
    began_s = 0.0
    while seen < total:
        for key, _ in waiting.select():
            one = by_descriptor[key.fd]
            size = one.recv_into(view)
            if size == 0:
                raise RuntimeError("a reader was cut off")
            if len(opened) < readers:
                opened.add(one)
                if len(opened) == readers:
                    _say("ready")
                continue
            if not began_s:
                began_s = time.perf_counter()
            tail = tails[one]
            seen += buffer.count(_MARK, 0, size)
            seen += (tail + buffer[: min(size, len(_MARK) - 1)]).count(_MARK)
            tails[one] = bytes(buffer[max(size - len(_MARK) + 1, 0) : size])
    _say(time.perf_counter() - began_s)
    for one in sockets:
        one.close()


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    read(*(int(argument) for argument in sys.argv[1:]))
