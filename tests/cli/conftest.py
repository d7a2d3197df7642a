"""What tests of the command line share with those of the packages behind it."""

from tests.models.conftest import bench
from tests.selftest.conftest import configured

__all__ = ["bench", "configured"]
