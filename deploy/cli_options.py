"""Options that several commands share, and the settings that they end up in."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from schemas.settings import Settings

DataDir = Annotated[Path | None, typer.Option(help="Folder of the deployment (CORDON_DATA_DIR).")]
ReadyFile = Annotated[
    Path | None, typer.Option(help="Ready file of a running system; else the data folder's.")
]
Kafka = Annotated[str | None, typer.Option(help="Bootstrap servers (CORDON_KAFKA).")]
LogForm = Annotated[
    Literal["json", "console", "auto"],
    typer.Option(help="auto: console in a terminal, JSON elsewhere."),
]


def settings_with(**given: Any) -> "Settings":
    """Return the settings, what was given on top; ends the program with what is wrong."""
    from pydantic import ValidationError

    from schemas.settings import Settings

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except (ValidationError, FileNotFoundError) as error:
        typer.echo(f"settings: {error}", err=True)
        raise typer.Exit(2) from error
