"""Models of the true shape with random weights: they cost what real ones cost, and say nothing.

They are made by a script of the source tree, which needs PyTorch; the appliance does not.
"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from appliance.bench.contenders import Weights
from appliance.errors import ApplianceError

SCRIPT = Path(__file__).parents[2] / "tests" / "fixtures" / "random_models.py"
VOICE = "af_heart"  # the first that the script puts into its voices file
TOLD_LINES = 5


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where the models are or will be, and which Python makes those that are missing."""

    directory: Path
    python: Path = Path(sys.executable)

    def whisper(self, name: str) -> Path:
        return self.directory / f"whisper-{name}"

    @property
    def kokoro(self) -> Path:
        return self.directory / "kokoro-random.onnx"

    async def weights(self, tell: Callable[[str], None]) -> Weights:
        """Whisper base in int8 and Kokoro in float32, made where they are missing; takes a
        minute. Raises ApplianceError where that fails."""
        await self.need_whisper("base", "int8", tell)
        await self.need_kokoro(tell)
        voices = self.directory / "voices-random.bin"
        # These weights count tokens, and would count those of hot words, too.
        return Weights(self.whisper("base"), self.kokoro, voices, VOICE, hot_words=False)

    async def need_whisper(self, name: str, stored: str, tell: Callable[[str], None]) -> Path:
        """A Whisper of that size; `stored` is the precision of the file. Raises ApplianceError."""
        if not (self.whisper(name) / "tokenizer.json").exists():
            tell(f"making whisper {name} {stored} of random weights")
            await self._make("whisper", name, "--quantization", stored)
        return self.whisper(name)

    async def need_kokoro(self, tell: Callable[[str], None]) -> None:
        """Raises ApplianceError."""
        if not (self.directory / "voices-random.bin").exists():
            tell("making kokoro of random weights")
            await self._make("kokoro", "--types")

    async def _make(self, *arguments: str) -> None:
        if not SCRIPT.exists():
            raise ApplianceError(
                f"the models of random weights are not in {self.directory}",
                advice="Make them in a checkout of the source, with tests/fixtures/"
                "random_models.py, and name their directory with --random-dir.",
            )
        making = await asyncio.create_subprocess_exec(
            *(str(self.python), str(SCRIPT), *arguments, "--out", str(self.directory)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, told = await making.communicate()
        if making.returncode:
            last = "\n".join(told.decode(errors="replace").splitlines()[-TOLD_LINES:])
            raise ApplianceError(
                f"models of random weights cannot be made:\n{last}",
                advice="Make an environment with `pip install torch==2.13.0 transformers "
                "huggingface-hub loguru attrs onnx onnxruntime kokoro-onnx ctranslate2 "
                "tokenizers` and `pip install --no-deps kokoro`, and name its Python with "
                "--random-python.",
            )
