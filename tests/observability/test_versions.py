"""The versions by which figures and reports of faults are understood."""

import platform
from collections.abc import Iterator

import numpy as np
import pytest

from appliance import __version__
from appliance.observability import versions
from appliance.observability.versions import PACKAGES, package_versions


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    package_versions.cache_clear()
    yield
    package_versions.cache_clear()


def test_all_that_is_installed_has_its_version() -> None:
    found = package_versions()
    assert (found["voice-appliance"], found["python"]) == (__version__, platform.python_version())
    assert found["numpy"] == np.__version__
    assert set(found) == {"voice-appliance", "python", *PACKAGES}


def test_what_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "PACKAGES", ("nothing-of-the-kind", "numpy"))
    assert list(package_versions()) == ["voice-appliance", "python", "numpy"]
