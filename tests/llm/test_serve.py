"""`appliance llm serve`: becomes the server it finds, and refuses what cannot be served."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from appliance.llm.serve import library_parameters, program_arguments
from appliance.llm.served_model import ServedModel, write_choice
from tests.llm.gguf_file import QWEN, gguf

PROGRAM = """#!/bin/sh
[ "$1" = --help ] && echo "--cache-idle-slots, --no-cache-idle-slots" && exit
ignored=$(awk '/^SigIgn:/ { print $2 }' /proc/$$/status)
printf '%s\\n' "$@" "ignored $ignored" "oom $(cat /proc/$$/oom_score_adj)" "nice $(nice)" >"$0.said"
"""


def served(file: Path, server: str = "xllamacpp", device: str = "cpu") -> ServedModel:
    return ServedModel(file.stem, str(file), server, device, 2, 4096, 8123)


def options(arguments: list[str]) -> dict[str, str]:
    values = [*arguments[1:], ""]
    return {one: values[place] for place, one in enumerate(arguments) if one.startswith("--")}


def test_the_program_is_bounded_and_reached_from_this_machine_only() -> None:
    line = options(program_arguments(served(Path("/srv/one.gguf")), Path("/srv/llm.key")))
    assert (line["--host"], line["--port"]) == ("127.0.0.1", "8123")
    assert line["--api-key-file"] == "/srv/llm.key"
    assert (line["--ctx-size"], line["--threads"], line["--threads-batch"]) == ("4096", "2", "2")
    assert (line["--cache-ram"], line["--n-gpu-layers"], line["--fit"]) == ("256", "0", "off")
    assert "--offline" in line


def test_the_library_gets_the_same_settings_as_the_program() -> None:
    model = served(Path("/srv/one.gguf"))
    params = SimpleNamespace(
        model=SimpleNamespace(), cpuparams=SimpleNamespace(), cpuparams_batch=SimpleNamespace()
    )
    library_parameters(params, model, "key")
    line = options(program_arguments(model, Path("/srv/llm.key")))
    assert params.model.path == line["--model"]
    assert params.api_keys == ["key"]
    assert params.cache_idle_slots is False
    same = {
        "--host": params.hostnames[0],
        "--port": params.port,
        "--ctx-size": params.n_ctx,
        "--parallel": params.n_parallel,
        "--threads": params.cpuparams.n_threads,
        "--threads-batch": params.cpuparams_batch.n_threads,
        "--cache-ram": params.cache_ram_mib,
        "--n-gpu-layers": params.n_gpu_layers,
        "--reasoning-budget": params.enable_reasoning,
    }
    assert {name: str(value) for name, value in same.items()} == {name: line[name] for name in same}


def serve(state: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("APPLIANCE__")}
    environment |= {
        "APPLIANCE__STORE__PATH": str(state / "db"),
        "APPLIANCE__MODELS__DIRECTORY": str(state),
    }
    return subprocess.run(
        [sys.executable, "-m", "appliance", "llm", "serve"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_becomes_the_program_that_the_decision_names(tmp_path: Path) -> None:
    model, program = tmp_path / "one.gguf", tmp_path / "llama-server"
    model.write_bytes(gguf())
    program.write_text(PROGRAM)
    program.chmod(0o755)
    write_choice(tmp_path / "llm.json", served(model, str(program)))
    ended = serve(tmp_path)
    assert ended.returncode == 0, ended.stderr
    said = (tmp_path / "llama-server.said").read_text().splitlines()
    assert said[:2] == ["--model", str(model)]
    key = said[said.index("--api-key-file") + 1]
    assert len(Path(key).read_text()) >= 32
    assert "oom 500" in said
    (ignored,) = [line.removeprefix("ignored ") for line in said if line.startswith("ignored ")]
    assert int(ignored, 16) & 1 << (signal.SIGHUP - 1), "SIGHUP would end it"
    assert "--no-cache-idle-slots" in said
    assert int(said[-1].removeprefix("nice ")) >= 5


@pytest.mark.parametrize(
    ("content", "server", "device", "reason"),
    [
        (gguf()[:-150], "xllamacpp", "cpu", "is truncated"),
        (gguf({**QWEN, "tokenizer.chat_template": "x"}), "xllamacpp", "cpu", "no place for tools"),
        (gguf(), "/bin/false", "cuda", "not built for the GPU"),
        (gguf(), "/nowhere/llama-server", "cpu", "cannot be started: No such file"),
    ],
)
def test_what_cannot_be_served_is_refused_for_good(
    tmp_path: Path, content: bytes, server: str, device: str, reason: str
) -> None:
    model = tmp_path / "one.gguf"
    model.write_bytes(content)
    write_choice(tmp_path / "llm.json", served(model, server, device))
    ended = serve(tmp_path)
    assert ended.returncode == 78, ended.stderr
    assert reason in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def test_with_nothing_to_serve_it_ends_well(tmp_path: Path) -> None:
    write_choice(tmp_path / "llm.json", None)
    ended = serve(tmp_path)
    assert (ended.returncode, ended.stdout.strip()) == (
        *(0, "There is no language model to serve; `appliance plan` says why."),
    )
