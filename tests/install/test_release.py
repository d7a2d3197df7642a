"""install.sh install: a release is built apart from everybody's checkout and home directory."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.install.shell import INSTALL, ROOT, run, succeed

PARTS = ("docs", "install", "jetson", "nginx", "requirements", "systemd")
FILES = ("install.sh", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """One with a small page that is not built yet; /opt is below `tmp_path`."""
    root = tmp_path / "checkout"
    for part in PARTS:
        shutil.copytree(ROOT / part, root / part)
    for file in FILES:
        shutil.copy(ROOT / file, root / file)
    for file in ("web/package.json", "web/package-lock.json", "models/manifest.toml"):
        (root / file).parent.mkdir(exist_ok=True)
        (root / file).write_text("{}")
    (root / "appliance").mkdir()
    device = root / "install/device.sh"
    told = device.read_text()
    assert "PREFIX=/opt/voice-appliance " in told
    device.write_text(told.replace("PREFIX=/opt/", f"PREFIX={tmp_path}/opt/"))
    return root


def steps(checkout: Path, script: str) -> str:
    """Standard output of a script that has the steps of install.sh at hand."""
    return succeed("bash", "-c", f'source "$1"\n{script}', "the test", checkout / "install.sh")


# ── The page ─────────────────────────────────────────────────────────────────────────────────

NPM = """
run_npm() {
  echo "$1" >>"$CALLS"
  mkdir -p "$ROOT/web/node_modules" "$ROOT/web/dist" && echo built >"$ROOT/web/dist/index.html"
}
ensure_node() { :; }
"""
LAY_OUT = "release=$PREFIX/releases/1; do_sources"


def test_the_page_is_built_in_no_checkout(checkout: Path, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    with (checkout / "install/page.sh").open("a") as part:
        part.write(NPM.replace("$CALLS", str(calls)))
    steps(checkout, LAY_OUT)
    prefix = tmp_path / "opt/voice-appliance"
    assert (prefix / "releases/1/web/index.html").read_text() == "built\n"
    assert [one.name for one in prefix.iterdir()] == ["releases"]
    assert not (checkout / "web/dist").exists()
    assert not (checkout / "web/node_modules").exists()
    # One that is built already is taken.
    steps(checkout, "ensure_page")
    calls.unlink()
    steps(checkout, LAY_OUT)
    assert not calls.exists()
    assert (prefix / "releases/1/web/index.html").read_text() == "built\n"


# ── The wheels ───────────────────────────────────────────────────────────────────────────────

# What would fetch and build, as far as files are concerned.
WHEELS = """
python=$2 wheels=$PREFIX/wheels
mkdir -p "$PREFIX"
ensure_build_packages() { :; }
new_venv() {
  rm -rf "$2" && mkdir -p "$2/bin"
  printf '#!/bin/sh\\necho "$@" >>"%s"\\n' "$PREFIX/calls" >"$2/bin/python"
  chmod +x "$2/bin/python"
}
"""
FETCH = WHEELS + 'pip_install() { echo fetch >>"$PREFIX/calls"; }\nmake_wheels "$wheels"\n'
CUT_OFF = WHEELS + 'pip_install() { die "cut off"; }\nmake_wheels "$wheels"\n'


def make_wheels(checkout: Path, script: str) -> int:
    line = f'source "$1"\n{script}'
    done = run("bash", "-c", line, "the test", checkout / "install.sh", sys.executable)
    return done.returncode


def calls(tmp_path: Path) -> list[str]:
    """What was called since the last time; of pip wheel, what it was to make."""
    file = tmp_path / "opt/voice-appliance/calls"
    lines = file.read_text().splitlines()
    file.unlink()
    return ["lock" if " -r " in line else line.split()[0] for line in lines]


def test_what_was_cut_off_before_it_could_build_is_made_anew(
    checkout: Path, tmp_path: Path
) -> None:
    assert make_wheels(checkout, FETCH) == 0
    assert calls(tmp_path) == ["fetch", "lock", "-m"]
    assert make_wheels(checkout, CUT_OFF) == 1
    assert make_wheels(checkout, FETCH) == 0
    assert calls(tmp_path) == ["fetch", "-m"]


def test_every_release_brings_the_pip_that_unpacks_it(checkout: Path, tmp_path: Path) -> None:
    assert make_wheels(checkout, FETCH) == 0
    told = (tmp_path / "opt/voice-appliance/calls").read_text()
    assert f"--require-hashes -r {checkout}/requirements/pip.txt -r" in told


def test_no_wheel_of_another_lock_stays(checkout: Path, tmp_path: Path) -> None:
    assert make_wheels(checkout, FETCH) == 0
    wheels = tmp_path / "opt/voice-appliance/wheels"
    (wheels / "numpy-1.whl").touch()
    assert make_wheels(checkout, FETCH) == 0
    assert (wheels / "numpy-1.whl").exists()
    with (checkout / "requirements/run.txt").open("a") as lock:
        lock.write("# another\n")
    assert make_wheels(checkout, FETCH) == 0
    assert not (wheels / "numpy-1.whl").exists()


# ── A Python that is brought ─────────────────────────────────────────────────────────────────


def test_the_python_of_a_bundle_is_only_roots_to_write_and_compiled(
    checkout: Path, tmp_path: Path
) -> None:
    brought = tmp_path / "bundle/python/cpython-3.99"
    (brought / "bin").mkdir(parents=True)
    (brought / "bin/python3.99").symlink_to(sys.executable)
    (brought / "bin/python3").symlink_to("python3.99")
    (brought / "lib/python3.99").mkdir(parents=True)
    (brought / "lib/python3.99/this.py").write_text("import this\n")
    (brought / "lib/python3.99/wrong.py").write_text("on purpose(\n")
    (brought / "lib/python3.99").chmod(0o777)
    # As main has it, so that no bundle is written into.
    script = f"export PYTHONDONTWRITEBYTECODE=1; bundle={tmp_path}/bundle; do_python; do_python"
    steps(checkout, script)
    kept = tmp_path / "opt/voice-appliance/python/cpython-3.99"
    assert (kept / "lib/python3.99").stat().st_mode & 0o777 == 0o755
    assert (kept / "bin/python3").readlink() == Path("python3.99")
    assert [one.name.split(".")[0] for one in kept.glob("lib/*/__pycache__/*")] == ["this"]
    assert not list(brought.glob("lib/*/__pycache__"))


# ── What a release is known by ───────────────────────────────────────────────────────────────


def test_only_its_own_list_is_not_in_the_list_of_its_files(checkout: Path, tmp_path: Path) -> None:
    release = tmp_path / "opt/voice-appliance/releases/1"
    (release / "units").mkdir(parents=True)
    (release / "units/MANIFEST.sha256.conf").touch()
    (release / "units/__pycache__").mkdir()
    (release / "units/__pycache__/x.pyc").touch()
    steps(checkout, "release=$PREFIX/releases/1; do_seal; is_intact $release")
    (line,) = (release / "MANIFEST.sha256").read_text().splitlines()
    assert line.endswith("  ./units/MANIFEST.sha256.conf")
    assert [one.name for one in release.parent.parent.iterdir()] == ["releases"]


# ── What the installer's own programs are told ───────────────────────────────────────────────

MAIN = 'source "$1"; shift; run_appliance() { env; }; install_device() { env; }; main "$@"'


def told(*command: str) -> dict[str, str]:
    lines = succeed("bash", "-c", MAIN, "the test", INSTALL, *command).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_nothing_is_written_into_a_bundle_or_into_roots_home() -> None:
    variables = told("install")
    assert variables["PYTHONDONTWRITEBYTECODE"] == "1"
    for name in ("PIP_CACHE_DIR", "UV_CACHE_DIR", "npm_config_cache"):
        assert variables[name].startswith("/opt/voice-appliance/caches/")


def test_whoever_runs_a_checkout_keeps_bytecode_and_caches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("PYTHONDONTWRITEBYTECODE", "PIP_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert not {"PYTHONDONTWRITEBYTECODE", "PIP_CACHE_DIR"} & told("run").keys()


def test_what_runs_as_the_appliance_knows_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "localhost, .lan")
    monkeypatch.setenv("http_proxy", "")
    monkeypatch.setenv("SECRET", "x")
    script = 'source "$1"; setpriv() { shift 3; "$@"; }; as_appliance env'
    lines = set(succeed("bash", "-c", script, "the test", INSTALL).splitlines())
    assert {"HTTPS_PROXY=http://proxy:3128", "no_proxy=localhost, .lan"} <= lines
    assert not [line for line in lines if line.startswith(("http_proxy", "SECRET"))]


# ── Without a network ────────────────────────────────────────────────────────────────────────

ALONE = """
for check in $(compgen -A function check_); do
  [[ $check =~ ^check_(offline|everything)$ ]] || eval "$check() { :; }"
done
bundle=$2
"""


def checked(script: str, bundle: Path | str) -> tuple[int, str]:
    line = f'source "$1"\n{ALONE}{script}\ncheck_everything'
    done = run("bash", "-c", line, "the test", INSTALL, bundle)
    return done.returncode, done.stderr


def test_a_missing_package_is_a_fault_where_nothing_can_be_fetched(tmp_path: Path) -> None:
    wanted = "wanted_packages() { echo chess; echo go; }"
    assert checked(wanted, "") == (0, "")
    code, said = checked(wanted, tmp_path)
    assert code == 1
    assert "nothing was changed" in said
    assert "are missing, and --offline fetches nothing: chess go" in said


def test_a_bundle_with_a_python_needs_none_of_debians(tmp_path: Path) -> None:
    lacking = "has_package() { [[ $1 != python3 ]]; }; missing() { :; }; board_packages() { :; }"
    code, said = checked(lacking, tmp_path)
    assert code == 1
    assert "fetches nothing: python3" in said
    (tmp_path / "python").mkdir()
    assert checked(lacking, tmp_path) == (0, "")


def test_without_wheels_for_the_gpu_its_libraries_are_not_asked_for(tmp_path: Path) -> None:
    jetson = "has_package() { :; }; missing() { :; }; board_packages() { echo nvidia-jetpack; }"
    assert checked(jetson, tmp_path) == (0, "")
    code, said = checked(f"{jetson}; wheels_directory=$2", tmp_path)
    assert code == 1
    assert "nvidia-jetpack" in said
