"""Choosing and checking TCP ports on the loopback interface."""

import socket

from deploy.broker.errors import PortTakenError

LOOPBACK = "127.0.0.1"


def claim_port(port: int, setting: str) -> int:
    """Return a port on which a server can listen: the given one, or any free one for 0.

    Raises PortTakenError naming the port and the setting to change.  The port is let go again
    before this returns, so another process may still be faster; nothing better exists for a
    server that opens its own socket.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As Java does it: connections that a stopped broker left in TIME_WAIT are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError as error:
            raise PortTakenError(
                f"cannot listen on {LOOPBACK}:{port} for Kafka ({error.strerror}); "
                f"stop what uses it or set {setting} to another port (0 = any free one)"
            ) from error
        bound: int = probe.getsockname()[1]
        return bound
