"""Fixtures for checks: a context of real files and a real configuration, without a daemon."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.config.loader import Config, load
from appliance.hardware.detect import detect
from appliance.hardware.plan import plan
from appliance.network import nginx_site
from appliance.network.nginx_site import Site
from appliance.selftest.check import Finding, Verdict
from appliance.selftest.context import CheckContext

# A real nginx, and the certificate that certificate.sh makes.
from tests.install.conftest import Site as Nginx
from tests.install.conftest import site, tls  # noqa: F401  fixtures

MakeContext = Callable[..., CheckContext]


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., Config]:
    """A configuration with its state in tmp_path; settings as in the environment."""

    def make(**settings: str) -> Config:
        places = {
            "STORE__PATH": str(tmp_path / "state" / "voice.db"),
            "MODELS__DIRECTORY": str(tmp_path / "models"),
        }
        return load([], {f"APPLIANCE__{key}": value for key, value in (places | settings).items()})

    return make


@pytest.fixture
def here(site: Nginx) -> Site:  # noqa: F811  the fixture
    """The site of the running nginx, as the self-test reads it."""
    found = nginx_site.find(site.directory, root=Path("/nowhere"))
    assert found
    return found


@pytest.fixture
def make_context(tmp_path: Path, configured: Callable[..., Config]) -> MakeContext:
    """Makes the context of a machine whose files are below `root`, and of a configuration."""

    def make(
        root: Path | None = None,
        models: dict[str, int] | None = None,
        settings: dict[str, str] | None = None,
        **more: Any,  # noqa: ANN401  fields of Facts
    ) -> CheckContext:
        below = root or tmp_path / "root"
        config = configured(**(settings or {}))
        hardware = detect(below)
        made = plan(hardware, config, models or {})
        return CheckContext(config, hardware, made, root=below, **more)

    return make


def good(finding: Finding) -> str:
    """The message of a finding, which must be good."""
    assert finding.verdict is Verdict.OK, finding
    return finding.message


def bad(finding: Finding, verdict: Verdict) -> tuple[str, str]:
    """Message and advice of a finding, which must have this verdict."""
    assert finding.verdict is verdict, finding
    assert finding.advice
    return finding.message, finding.advice


def skipped(finding: Finding) -> str:
    assert finding.verdict is Verdict.SKIPPED, finding
    return finding.message
