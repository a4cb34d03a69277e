"""What a start and a stop say on standard output while they work."""

import time

from rich.console import Console
from rich.markup import escape


class Teller:
    """Short lines with the seconds since the beginning."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._began_s = time.monotonic()

    def say(self, text: str) -> None:
        """Say one sentence; may be called from any thread."""
        elapsed_s = time.monotonic() - self._began_s
        self._console.print(f"[dim]{elapsed_s:6.1f} s[/dim]  {text}", markup=True)

    def warn(self, text: str) -> None:
        """Say what should not have happened."""
        self.say(f"[yellow]{text}[/yellow]")

    def fail(self, text: str) -> None:
        """Say why everything ends."""
        self.say(f"[red]{escape(text)}[/red]")
