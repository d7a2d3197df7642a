"""The steps that install: done once, again when what they read changed, and only then."""

import itertools
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from tests.install.device import Device
from tests.install.shell import ROOT, run, succeed

TESTS = ROOT / "install" / "test.sh"
LOCKS = ("run", "test", "build", "node", "pip", "uv")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a small page and no environment."""
    root = tmp_path / "checkout"
    for part in ("install", "nginx", "requirements"):
        shutil.copytree(ROOT / part, root / part)
    for file in ("install.sh", "pyproject.toml"):
        shutil.copy(ROOT / file, root / file)
    (root / "web" / "src").mkdir(parents=True)
    (root / "web" / "test").mkdir()
    (root / "web" / "package-lock.json").write_text("{}")
    (root / "web" / "src" / "main.ts").write_text("export {}")
    return root


def steps(checkout: Path, script: str) -> str:
    """Standard output of a script that has the steps of install.sh at hand."""
    return succeed("bash", "-c", f'source "$1"\n{script}', "the test", checkout / "install.sh")


NPM = """
run_npm() {
  echo "$1" >>"$ROOT/calls"
  mkdir -p "$ROOT/web/node_modules" && rm -rf "$ROOT/web/dist" && mkdir "$ROOT/web/dist"
}
ensure_node() { :; }
ensure_page
"""


def calls(checkout: Path) -> list[str]:
    return (checkout / "calls").read_text().split()


def test_the_page_is_built_when_its_sources_changed_and_only_then(checkout: Path) -> None:
    steps(checkout, NPM)
    steps(checkout, NPM)
    assert calls(checkout) == ["ci", "run"]
    (checkout / "web" / "test" / "one.test.ts").touch()
    steps(checkout, NPM)
    assert calls(checkout) == ["ci", "run"]
    (checkout / "web" / "src" / "main.ts").write_text("export const a = 1")
    steps(checkout, NPM)
    assert calls(checkout) == ["ci", "run", "run"]
    (checkout / "web" / "package-lock.json").write_text('{"a": 1}')
    steps(checkout, NPM)
    assert calls(checkout) == ["ci", "run", "run", "ci", "run"]
    shutil.rmtree(checkout / "web" / "dist")
    steps(checkout, NPM)
    assert calls(checkout)[5:] == ["run"]


VENV = """
pip_install() { shift && echo "$*" >>"$ROOT/calls"; }
new_venv() { "$1" -m venv --clear --without-pip "$2"; }
ensure_build_packages() { :; }
check_space() { :; }
ensure_venv """


def test_the_environment_is_made_once_and_from_hashes_alone(checkout: Path) -> None:
    steps(checkout, VENV + "run")
    steps(checkout, VENV + "run")
    first = (checkout / "calls").read_text().splitlines()
    assert len(first) == 3
    locked = [line for line in first if "-r " in line]
    assert len(locked) == 2
    assert all("--require-hashes" in line for line in locked)
    assert all("--no-build-isolation" in line for line in first[1:])
    assert first[2].endswith(f"--no-deps -e {checkout}")


def test_the_test_environment_is_also_that_of_a_run(checkout: Path) -> None:
    steps(checkout, VENV + "test")
    steps(checkout, VENV + "run")
    assert len((checkout / "calls").read_text().splitlines()) == 3
    with (checkout / "requirements" / "run.txt").open("a") as lock:
        lock.write("# another\n")
    steps(checkout, VENV + "run")
    assert len((checkout / "calls").read_text().splitlines()) == 6


def test_the_settings_of_a_linter_install_nothing(checkout: Path) -> None:
    steps(checkout, VENV + "run")
    project = checkout / "pyproject.toml"
    text = project.read_text()
    project.write_text(text.replace("[tool.ruff]", "[tool.ruff]\npreview = true"))
    steps(checkout, VENV + "run")
    assert len((checkout / "calls").read_text().splitlines()) == 3
    project.write_text(text.replace("[project.scripts]", '[project.scripts]\nother = "x:y"'))
    steps(checkout, VENV + "run")
    assert len((checkout / "calls").read_text().splitlines()) == 6


def test_an_environment_of_a_moved_checkout_is_made_anew(checkout: Path) -> None:
    steps(checkout, VENV + "run")
    moved = checkout.rename(checkout.with_name("moved"))
    steps(moved, VENV + "run")
    assert (moved / ".venv" / ".root").read_text().strip() == str(moved)
    assert f"VIRTUAL_ENV={moved}" in (moved / ".venv" / "bin" / "activate").read_text().replace(
        "'", ""
    ).replace('"', "")


def test_an_interrupted_installation_is_made_again(checkout: Path) -> None:
    broken = VENV.replace('echo "$*"', 'echo "$*" >>"$ROOT/calls"; false; echo "$*"')
    done = run("bash", "-c", f'source "$1"\n{broken}run', "the test", checkout / "install.sh")
    assert done.returncode != 0
    assert len((checkout / "calls").read_text().splitlines()) == 1
    steps(checkout, VENV + "run")
    assert len((checkout / "calls").read_text().splitlines()) == 4


def test_only_what_is_missing_is_asked_for(checkout: Path) -> None:
    wanted = "missing sh=dash no-such-command=some-package"
    assert steps(checkout, wanted).split() == ["some-package"]


def test_a_missing_package_without_the_right_to_install_is_told(checkout: Path) -> None:
    script = 'source "$1"\nmay_become_root() { false; }\ninstall_missing no-such-command=chess'
    done = run("bash", "-c", script, "the test", checkout / "install.sh")
    assert done.returncode == 1
    assert "apt-get install chess" in done.stderr


def test_a_failing_step_shows_its_output_and_stops(checkout: Path) -> None:
    script = 'source "$1"\nquietly sh -c "echo the cause; exit 7"\necho went on'
    done = run("bash", "-c", script, "the test", checkout / "install.sh")
    assert done.returncode == 1
    assert "the cause" in done.stderr
    assert "went on" not in done.stdout


def test_every_check_runs_and_one_failure_fails_all(checkout: Path) -> None:
    script = "failures=(); check one false; check two true; echo ${failures[*]} of two"
    assert steps(checkout, script).strip() == "one of two"


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    assert not re.search(r"https?:|--index|--find-links|--trusted-host", text)
    pins = [line for line in text.splitlines() if line and line[0] not in " #"]
    assert pins
    assert all(re.match(r"[a-z0-9._-]+==\S+ .*\\$", pin) for pin in pins), pins
    blocks = re.findall(r"^[a-z].*(?:\\\n.*)+", text, flags=re.MULTILINE)
    assert len(blocks) == len(pins)
    assert all("--hash=sha256:" in block for block in blocks)


def pinned(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, flags=re.MULTILINE))


def test_the_locks_hold_what_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for lock, wanted in (
        ("run", project["dependencies"]),
        ("test", project["dependencies"] + project["optional-dependencies"]["test"]),
    ):
        names = {re.split(r"[\[~=<>; ]", one)[0] for one in wanted}
        assert names <= pinned(lock).keys(), "run ./install.sh lock"
    assert pinned("run").items() <= pinned("test").items()


def test_every_shell_part_is_checked() -> None:
    told = re.search(r"^  check 'shellcheck' shellcheck (.*)$", TESTS.read_text(), re.MULTILINE)
    assert told
    listed = {file for pattern in told[1].split() for file in ROOT.glob(pattern)}
    parts = ("install", "nginx", "jetson", "systemd")
    assert {file for part in parts for file in (ROOT / part).rglob("*.sh")} <= listed
    assert {ROOT / "install.sh", ROOT / ".ci" / "run"} <= listed


def test_continuous_integration_runs_the_same_tests() -> None:
    assert 'install.sh" test' in (ROOT / ".ci" / "run").read_text()


def test_what_was_placed_is_known_even_where_placing_it_was_cut_off(device: Device) -> None:
    place = device.root.parent / "elsewhere"
    source, target = device.root / "install.sh", place / "deep" / "file"
    device.does(f'replace_file() {{ exit 0; }}; place "{source}" "{target}"')
    assert (device.prefix / "placed").read_text().splitlines() == [f"{target.parent}/", str(target)]
    device.does(f'place "{source}" "{target}"; is_placed "{source}" "{target}"')
    assert target.read_bytes() == source.read_bytes()
    assert len((device.prefix / "placed").read_text().splitlines()) == 2
    # What an interruption left beside it goes too, and the directory with the last of its files.
    (target.parent / ".file.voice-appliance-new").touch()
    device.does(f'take_away "{target}"; take_away "{target.parent}/"')
    assert not target.parent.exists()
    assert (device.prefix / "placed").read_text() == ""


MARKS = ("browser", "emulation", "slow", "load", "alone", "waits", "system", "released")
STAGES = """
run_pytest() { printf '%s\\n' "$*" >>"$ROOT/calls"; }
env() { shift && run_pytest "$@"; }
failures=()
"""


def selections(checkout: Path, script: str) -> list[str]:
    """The mark expressions of the runs of pytest that a script starts."""
    steps(checkout, STAGES + script)
    return re.findall(r"^.*-m (.*)$", (checkout / "calls").read_text(), re.MULTILINE)


def test_every_test_runs_in_one_stage_whatever_its_marks(checkout: Path) -> None:
    stages = selections(checkout, "run_all_tests")
    assert len(stages) == 4
    for values in itertools.product((False, True), repeat=len(MARKS)):
        marks = dict(zip(MARKS, values, strict=True))
        # tests/system marks what is emulated as `system`, too.
        if marks["emulation"] <= marks["system"]:
            chosen = [bool(eval(stage, {}, marks)) for stage in stages]
            assert sum(chosen) == (not marks["emulation"]), marks


def test_what_measures_has_no_company(checkout: Path) -> None:
    selections(checkout, "run_all_tests; run_fast_tests")
    spread = [line for line in (checkout / "calls").read_text().splitlines() if "-n " in line]
    company = [line for line in spread if "--dist loadfile" in line]
    assert len(company) == 2
    assert all("not alone" in line and "not waits" in line for line in company)
    # What waits has its like beside it, and what shares a daemon stays together.
    (waiting,) = (line for line in spread if line not in company)
    assert "--dist loadgroup" in waiting
