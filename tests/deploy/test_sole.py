"""One `cordon up` for each data folder."""

import stat
from pathlib import Path

import pytest

from deploy.sole import AlreadyRunning, sole_owner


def test_a_second_one_is_refused_while_the_first_runs(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with sole_owner(folder):
        with pytest.raises(AlreadyRunning, match="choose another --data-dir"), sole_owner(folder):
            pass
    with sole_owner(folder):
        pass


def test_the_folder_is_its_owners_alone(tmp_path: Path) -> None:
    with sole_owner(tmp_path / "data"):
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
