"""Types of columns that mean the same in SQLite and in PostgreSQL."""

from typing import Any

from sqlalchemy import Dialect, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

# PostgreSQL cannot hold this character in a text, and JSON may bring it.
_NUL, _INSTEAD = "\x00", "\N{REPLACEMENT CHARACTER}"


def plain_text(text: str) -> str:
    """Return a text as PostgreSQL can hold it."""
    return text.replace(_NUL, _INSTEAD) if _NUL in text else text


class PlainText(TypeDecorator[str]):
    """A text of any length, in which NUL becomes the replacement character, as in look-ups."""

    impl: type[TypeEngine[Any]] = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return what is written or looked for."""
        return None if value is None else plain_text(value)


class Key(PlainText):
    """A text of bounded length that sorts by code points, whatever language the server speaks."""

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Return the type of a dialect; SQLite sorts like that by itself."""
        length = self.impl_instance.length  # type: ignore[attr-defined]
        if dialect.name == "postgresql":
            return dialect.type_descriptor(String(length, collation="C"))
        return dialect.type_descriptor(String(length))
