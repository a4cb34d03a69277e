"""Builds the console whenever Cordon is installed or packed: nothing built is committed."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_BUILDING = Path(__file__).parent / "services" / "api" / "console" / "building.py"


class ConsoleHook(BuildHookInterface):
    """Runs services/api/console/building.py, which cannot be imported before Cordon is there."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build where sources are newer than what is built.

        A wheel without its console is a broken wheel. A checkout is good for much without it, and
        may lie where npm's registry is out of reach: there the API says what is missing.
        """
        if self.target_name != "wheel":
            return
        spec = importlib.util.spec_from_file_location("cordon_console_building", _BUILDING)
        assert spec is not None
        assert spec.loader is not None
        building = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(building)
        if building.main() != 0:
            if version != "editable":
                raise SystemExit("the console could not be built, and a wheel needs it")
            sys.stderr.write("console: left out; `make console` builds it later\n")
