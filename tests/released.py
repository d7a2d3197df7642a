"""Provides the released Whisper, Kokoro and Piper models to tests.

They are fetched once, with `appliance models pull`, and kept between runs outside the checkout:
in the directory that APPLIANCE_TEST_MODELS names, else in the user's cache directory. Tests with
the mark `released` fail with the reason where the models cannot be had; the option
`--without-released-models` leaves them out.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.config.layers import DEFAULT_FILE

RELEASED = ("base", "kokoro-v1.0.int8", "en_US-joe-medium")
LANGUAGE_MODEL = "Qwen2.5-Coder-0.5B-Instruct"


def cache_directory() -> Path:
    """The directory of the fetched models."""
    if configured := os.environ.get("APPLIANCE_TEST_MODELS"):
        return Path(configured)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "voice-appliance" / "test-models"


@pytest.fixture(scope="session")
def released_models() -> Path:
    """A models.directory with the models of RELEASED, verified by their hashes."""
    return _pulled(RELEASED)


@pytest.fixture(scope="session")
def released_language_model(released_models: Path) -> Path:
    """The same directory with LANGUAGE_MODEL in it, half a gigabyte more."""
    return _pulled((LANGUAGE_MODEL,))


def _pulled(names: Sequence[str]) -> Path:
    directory = cache_directory()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("APPLIANCE__")}
    environment["APPLIANCE__MODELS__DIRECTORY"] = str(directory)
    pull = [sys.executable, "-m", "appliance", "models", "pull", *names]
    pulled = subprocess.run(
        [*pull, "--config", str(DEFAULT_FILE)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    if pulled.returncode:
        pytest.fail(
            f"the released models cannot be had:\n{pulled.stderr}\n"
            "--without-released-models leaves this test out.",
            pytrace=False,
        )
    return directory
