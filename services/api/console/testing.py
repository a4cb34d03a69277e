"""Check the console's types and run its unit tests: `make console-test`."""

import sys

from services.api.console.building import HERE, NotBuilt, run_npm


def main() -> int:
    """Run both; 1 when one fails."""
    try:
        for script in ("check", "test"):
            run_npm(HERE, "run", script, "--silent")
    except NotBuilt as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
