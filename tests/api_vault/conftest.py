"""A migrated database of each kind, and a vault with keys of the test's own."""

from pathlib import Path

import pytest

from services.api.vault.master_keys import MasterKeys
from services.api.vault.vault import Vault


@pytest.fixture
def keys_path(tmp_path: Path) -> Path:
    """Where the master keys lie."""
    return tmp_path / "vault.key"


@pytest.fixture
def vault(keys_path: Path) -> Vault:
    """A vault with a fresh key."""
    return Vault(MasterKeys.load_or_create(keys_path))
