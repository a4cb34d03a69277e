"""Systems to be loaded."""

from tests.fault.conftest import begin

__all__ = ["begin"]
