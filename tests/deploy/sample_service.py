"""A process such as `cordon up` starts, without a service in it: `… MODE PARENT_PID`.

`serve` waits to be let go, reports a port and answers /readyz; `die` ends at once, with an error.
"""

import http.server
import os
import sys
from typing import Any

from deploy.launch import die_with, read_go, report_channel


class Ready(http.server.BaseHTTPRequestHandler):
    """Answers 200 with the environment's greeting."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ.get("CORDON_GREETING", "").encode())

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


def main() -> int:
    """Run until killed."""
    mode, parent = sys.argv[1], int(sys.argv[2])
    die_with(parent)
    if mode == "die":
        sys.stderr.write("dying as told\n")
        return 3
    channel = report_channel()
    environment = read_go()
    if environment is None:
        return 0
    os.environ.update(environment)
    sys.stdout.write("this goes to the log\n")
    sys.stdout.flush()
    port = int(environment.get("CORDON_SAMPLE_PORT", "0"))
    with http.server.HTTPServer(("127.0.0.1", port), Ready) as server:
        os.write(channel, f"{server.server_address[1]}\n".encode())
        os.close(channel)
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
