"""Provides the models that the benchmark measures: of random weights, or those of the plan.

Models of random weights have the true shape: they cost what real ones cost, and say nothing. A
script of the source tree makes them; it needs PyTorch, which the appliance does not.
"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from appliance.bench.contenders import BenchSetup, ModelEngines
from appliance.config.layers import PREFIX
from appliance.config.loader import Config, load
from appliance.errors import ApplianceError
from appliance.hardware import planner
from appliance.hardware.candidates import EngineOption
from appliance.hardware.plan import Plan
from appliance.languages import table

SCRIPT = Path(__file__).parents[2] / "tests" / "fixtures" / "random_models.py"
VOICE = "af_heart"  # the first that the script puts into its voices file
ERROR_LINES = 5


@dataclass(frozen=True, slots=True)
class RandomModels:
    """A directory of models of random weights, and the Python that makes missing ones."""

    directory: Path
    python: Path = Path(sys.executable)

    def whisper(self, name: str) -> Path:
        return self.directory / f"whisper-{name}"

    @property
    def kokoro(self) -> Path:
        return self.directory / "kokoro-random.onnx"

    async def engines(self, progress: Callable[[str], None]) -> ModelEngines:
        """Whisper base in int8 and Kokoro in float32, made where missing, which takes a minute.

        Raises ApplianceError where making them fails.
        """
        await self.ensure_whisper("base", "int8", progress)
        await self.ensure_kokoro(progress)
        voices = self.directory / "voices-random.bin"
        # These weights count tokens, and would count those of hot words, too.
        return ModelEngines(self.whisper("base"), self.kokoro, voices, VOICE, hot_words=False)

    async def ensure_whisper(
        self, name: str, precision: str, progress: Callable[[str], None]
    ) -> Path:
        """The directory of a Whisper of that size, its weights stored in `precision`.

        Raises ApplianceError where making it fails.
        """
        if not (self.whisper(name) / "tokenizer.json").exists():
            progress(f"making whisper {name} {precision} of random weights")
            await self._make("whisper", name, "--quantization", precision)
        return self.whisper(name)

    async def ensure_kokoro(self, progress: Callable[[str], None]) -> None:
        """Makes a Kokoro and its voices where missing. Raises ApplianceError."""
        if not (self.directory / "voices-random.bin").exists():
            progress("making kokoro of random weights")
            await self._make("kokoro", "--types")

    async def _make(self, *arguments: str) -> None:
        if not SCRIPT.exists():
            raise ApplianceError(
                f"the models of random weights are not in {self.directory}",
                advice="Make them in a checkout of the source, with tests/fixtures/"
                "random_models.py, and name their directory with --random-dir.",
            )
        process = await asyncio.create_subprocess_exec(
            *(str(self.python), str(SCRIPT), *arguments, "--out", str(self.directory)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await process.communicate()
        if process.returncode:
            last = "\n".join(errors.decode(errors="replace").splitlines()[-ERROR_LINES:])
            raise ApplianceError(
                f"models of random weights cannot be made:\n{last}",
                advice="Make an environment with `pip install torch==2.13.0 transformers "
                "huggingface-hub loguru attrs onnx onnxruntime kokoro-onnx ctranslate2 "
                "tokenizers` and `pip install --no-deps kokoro`, and name its Python with "
                "--random-python.",
            )


def planned_models(overrides: dict[str, str], setup: BenchSetup) -> ModelEngines:
    """The plan's first choices for STT and TTS, with `overrides` over the configuration.

    Raises ApplianceError where one of them is not Whisper or not Kokoro.
    """
    environ = {**setup.environ, **{PREFIX + key: value for key, value in overrides.items()}}
    config = load(setup.files, environ)
    plan = planner.plan_for(config)
    stt, tts = plan.stt.options[0], plan.tts.options[0]
    if (stt.engine, tts.engine) != ("whisper", "kokoro"):
        raise ApplianceError(
            "a Whisper and a Kokoro are needed to measure against Pipecat's services",
            advice="Fetch them with `appliance models pull`, or name them with --stt-model, "
            "--tts-model and --tts-voices.",
        )
    kokoro, voices = _kokoro_and_voices(config, tts)
    return ModelEngines(
        whisper=config.models.directory / stt.model,
        kokoro=kokoro,
        voices=voices,
        voice=config.tts.named_voice or table.kokoro_voices(table.ENGLISH)[0],
        device=stt.device,
        compute_type=stt.compute_type,
    )


def kokoro_files(config: Config, plan: Plan) -> tuple[Path, Path] | None:
    """The model and the voices of the best Kokoro in the plan; None where there is none."""
    found = (option for option in plan.tts.options if option.engine == "kokoro")
    option = next(found, None)
    return _kokoro_and_voices(config, option) if option is not None else None


def _kokoro_and_voices(config: Config, option: EngineOption) -> tuple[Path, Path]:
    directory = config.models.directory
    model = directory / option.model  # an absolute path stays one
    model = model if model.suffix == ".onnx" else model.with_name(f"{model.name}.onnx")
    return model, _voices_file(model, directory, config.tts.voices)


def _voices_file(model: Path, directory: Path, configured: str) -> Path:
    if configured != "auto":
        return directory / configured
    return next(iter(sorted(model.parent.glob("voices*.bin"))), model.with_name("voices-v1.0.bin"))
