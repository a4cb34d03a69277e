"""The master keys of the vault: a file of mode 0600 that lies apart from the database."""

import contextlib
import os
import re
import secrets
from pathlib import Path
from typing import Final

_LINE: Final = re.compile(r"([1-9][0-9]{0,8}):([0-9a-fA-F]{64})")
_KEY_BYTES: Final = 32


class VaultKeyProblem(ValueError):
    """The file of master keys cannot be used; the text names the file and never its content."""


class MasterKeys:
    """The keys of one file, one a line as `<number>:<64 hex digits>`; the last one wraps.

    There is one line but while keys are wrapped anew (`cordon vault rekey`).
    """

    def __init__(self, path: Path, keys: dict[int, bytes]) -> None:
        self._path = path
        self._keys = keys

    def __repr__(self) -> str:
        return f"MasterKeys({self._path}, {sorted(self._keys)})"

    @classmethod
    def load_or_create(cls, path: Path) -> "MasterKeys":
        """Return the keys of the file, which is made with key 1 where there is none.

        Processes that start together end with the same key. Raises VaultKeyProblem for a
        malformed file, OSError for one that cannot be read or made.
        """
        if not path.exists():
            with contextlib.suppress(FileExistsError):  # Another process was first.
                _write(path, {1: secrets.token_bytes(_KEY_BYTES)}, replace=False)
        return cls(path, _read(path))

    @property
    def newest(self) -> int:
        """The number of the key that wraps."""
        return max(self._keys)

    def key(self, number: int) -> bytes:
        """Return a key, looked up in the file again where it is not known; raises VaultKeyProblem.

        `cordon vault rekey` may have written another since the start of this process.
        """
        if number not in self._keys:
            self._keys = _read(self._path)
        found = self._keys.get(number)
        if found is None:
            raise VaultKeyProblem(f"{self._path} lacks the master key {number}")
        return found

    def add(self) -> int:
        """Write a new key beside those that are there; return its number."""
        number = self.newest + 1
        self._keys = {**self._keys, number: secrets.token_bytes(_KEY_BYTES)}
        _write(self._path, self._keys, replace=True)
        return number

    def keep_only(self, number: int) -> None:
        """Forget every other key, in the file too."""
        self._keys = {number: self._keys[number]}
        _write(self._path, self._keys, replace=True)


def _read(path: Path) -> dict[int, bytes]:
    found = [_LINE.fullmatch(line.strip()) for line in path.read_text("utf-8").splitlines()]
    keys = {int(line[1]): bytes.fromhex(line[2]) for line in found if line is not None}
    if not keys or None in found:
        raise VaultKeyProblem(
            f"{path} is no file of master keys: expected lines <number>:<64 hex digits>; restore "
            "it from a copy, since without it nobody's identity can be read"
        )
    return keys


def _write(path: Path, keys: dict[int, bytes], *, replace: bool) -> None:
    """Write the file whole or not at all; without `replace` one that is there stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    text = "".join(f"{number}:{key.hex()}\n" for number, key in sorted(keys.items()))
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(draft, path)
        else:
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
