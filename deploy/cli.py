"""The command `cordon`: every way to start something, each in a file of its own."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="cordon",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


@app.callback()
def root() -> None:
    """Streaming event processing for checkpoints and cameras in an outbreak."""


@app.command()
def backtest(
    file: Annotated[Path, typer.Argument(help="A timeline: NDJSON in order of arrival.")],
    policy: Annotated[
        Path | None, typer.Option(help="Register lines (NDJSON) that are filed first.")
    ] = None,
    from_warm: Annotated[
        bool, typer.Option("--from-warm", help="History is complete since forever.")
    ] = False,
    data_dir: Annotated[
        Path | None, typer.Option(help="Use this deployment's pseudonym key.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 when any line is malformed.")
    ] = False,
) -> None:
    """Run a timeline through the engine, without a broker; the alert log goes to stdout."""
    from deploy import backtest as module

    raise typer.Exit(
        module.main(file, policy=policy, from_warm=from_warm, data_dir=data_dir, strict=strict)
    )


def main() -> None:
    """Run the command line."""
    app()
