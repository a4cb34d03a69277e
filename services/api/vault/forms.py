"""What is posted to the vault, and what it answers, over HTTP."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.events import IdType
from schemas.problems import rejected
from services.api.vault.vault import MAX_CHARACTERS

Purpose = Literal["contact", "verify", "transfer", "trace", "care"]
_Text = Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)]
# A telephone of the mainland, or anything as long as an identity number.
_IDENTIFIER: Final = re.compile(r"(?<![0-9])1[3-9][0-9]{9}(?![0-9])|[0-9]{15}")
_BETWEEN: Final = re.compile(r"[\s\-]+")


class Identity(BaseModel):
    """What is known of a person; what is absent stays as it is."""

    model_config = ConfigDict(extra="forbid")

    id_type: IdType | None = None
    id_number: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    name: _Text | None = None
    telephone: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    address: _Text | None = None

    def fields(self) -> dict[str, str]:
        """Return what is given, by field."""
        return {name: value for name, value in self.model_dump().items() if value is not None}


class Opening(BaseModel):
    """Why somebody has to know who it is; it goes into the audit log as it stands."""

    model_config = ConfigDict(extra="forbid")

    purpose: Purpose
    case: Annotated[str, Field(min_length=1, max_length=128)]
    reason: Annotated[str, Field(min_length=5, max_length=500)]


def check_opening(opening: Opening) -> None:
    """Raise Rejected where a text for the audit log holds what looks like an identifier."""
    for field in ("case", "reason"):
        if _IDENTIFIER.search(_BETWEEN.sub("", getattr(opening, field))):
            raise rejected("must hold no number of a person; it goes into the audit log", field)


_STRING: Final[dict[str, Any]] = {"type": "string"}
KEPT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["person", "label", "changed"],
    "properties": {"person": _STRING, "label": _STRING, "changed": {"type": "boolean"}},
}
OPENED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["alert", "persons", "opened", "expires", "watermark"],
    "properties": {
        **dict.fromkeys(("alert", "opened", "expires", "watermark"), _STRING),
        "persons": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["person", "label"],
                "properties": dict.fromkeys(
                    ("person", "label", "id_type", "id_number", "name", "telephone", "address"),
                    _STRING,
                ),
            },
        },
    },
}
