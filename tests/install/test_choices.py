"""What the owner chose is kept, and found again by the next run."""

import pytest

from tests.install.device import Device

PARSED = 'parse_device {}; mkdir -p -- $CONFIGURATION; do_choices; echo "[$wanted_models]"'


def chosen(device: Device, options: str = "") -> str:
    """The models that a run with these options wants."""
    return device.does(f"load_choices; {PARSED.format(options)}").strip()


@pytest.mark.parametrize("last", ["# a comment\n", "\n", "unknown=1\n", "bind=127.0.0.1", "x"])
def test_a_file_that_people_have_edited_is_read_to_its_end(device: Device, last: str) -> None:
    (device.configuration / "install.conf").write_text(f"# first\nhttps_port=8443\n{last}")
    told = device.does("load_choices; echo $https_port $bind").split()
    assert told == ["8443", "127.0.0.1" if last.startswith("bind") else "0.0.0.0"]


def test_models_are_remembered(device: Device) -> None:
    assert chosen(device) == "[recommended]"
    assert chosen(device, "--models none") == "[]"
    assert chosen(device) == "[]"
    assert chosen(device, "--models 'small.en kokoro-v1.0.int8'") == "[small.en kokoro-v1.0.int8]"
    assert chosen(device) == "[small.en kokoro-v1.0.int8]"
    assert chosen(device, "--models recommended") == "[recommended]"


def test_a_bundle_fetches_only_what_this_run_asks_for(device: Device) -> None:
    chosen(device, "--models small.en")
    bundle = f"--offline {device.root}"
    assert chosen(device, bundle) == "[]"
    assert chosen(device, f"{bundle} --models tiny.en") == "[tiny.en]"


def test_models_that_did_not_arrive_are_fetched_by_the_next_run(device: Device) -> None:
    fails = "release=/nowhere; do_models; check_models && do_choices"
    device.does(f"parse_device --models small.en; {fails}")
    assert chosen(device) == "[small.en]"


def test_names_that_arrived_are_not_those_recommended(device: Device) -> None:
    arrives = "release=/nowhere; as_appliance() { :; }; wanted_models=small.en; do_models\n"
    done = device.tries(f"{arrives} wanted_models=recommended; check_models")
    assert done.returncode == 1, done.stderr


def test_models_are_looked_for_in_the_indexes_that_root_uses(device: Device) -> None:
    """The daemon's user has neither root's environment nor root's configuration of pip and npm."""
    python = device.release("one") / "venv" / "bin" / "python"
    python.parent.mkdir()
    listed = (
        "global.index-url='https://me:a=b@mine/simple'\nglobal.find-links='/one\\n/two'\n"
        "install.index-url='https://other'\nglobal.timeout='9'\n:env:.proxy='http://proxy'"
    )
    python.write_text(f"#!/bin/sh\ncat <<'END'\n{listed}\nEND\n")
    python.chmod(0o755)
    npm = 'run_npm() { [[ "$*" == "config get registry" ]] && echo https://mine/npm/; }'
    said = device.does(f"release=$PREFIX/current; {npm}; index_settings")
    assert said.splitlines() == [
        "PIP_INDEX_URL=https://me:a=b@mine/simple",
        "PIP_FIND_LINKS=/one /two",
        "PIP_PROXY=http://proxy",
        "NPM_CONFIG_REGISTRY=https://mine/npm/",
    ]
    assert device.does("release=/nowhere; run_npm() { false; }; index_settings") == ""


def test_a_power_mode_can_be_dropped(device: Device) -> None:
    kept = 'echo "[$power_mode]"'
    device.does("parse_device --power 25W; do_choices")
    assert device.does(f"load_choices; {kept}").strip() == "[25W]"
    assert device.does(f"load_choices; parse_device --power none; {kept}").strip() == "[]"
