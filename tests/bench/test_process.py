"""The appliance as a process under measurement."""

import os
from pathlib import Path

import pytest

from appliance.bench.process import parse_samples, running_daemon
from appliance.errors import ApplianceError


async def test_an_appliance_that_does_not_start_is_an_error_with_its_log(tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("[server]\nprot = 1\n", encoding="utf-8")
    with pytest.raises(ApplianceError, match="did you mean 'port'"):
        async with running_daemon([file], os.environ, {}):
            raise AssertionError("it started")


def test_samples_are_read_by_name_and_labels() -> None:
    text = '# HELP a help\na 1.5\nb_total{what="x y"} 2\n\nc NaN\n'
    found = parse_samples(text)
    assert (found["a"], found['b_total{what="x y"}']) == (1.5, 2)
    assert found["c"] != found["c"]
