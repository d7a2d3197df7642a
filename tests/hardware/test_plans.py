"""The plan of every recorded machine, word for word as `appliance plan` prints it.

The files in plans/ are reviewed. After an intended change, write them again with
`python -m tests.hardware.test_plans`, and review the difference.
"""

import tempfile
from pathlib import Path

import pytest

from appliance.config.loader import load
from appliance.hardware.detect import detect
from appliance.hardware.gpu_support import WITH_CUDA, GpuLibraries, gpu_support
from appliance.hardware.language_models import LANGUAGE_MODELS, LanguageServer
from appliance.hardware.model_profiles import KOKORO, WHISPER
from appliance.hardware.plan import plan
from appliance.hardware.plan_table import describe
from tests.hardware.boards import BOARDS, COMPUTERS, Board, Computer

PLANS = Path(__file__).with_name("plans")
EVERYTHING = {
    name: model.bytes
    for known in (WHISPER, KOKORO, LANGUAGE_MODELS)
    for name, model in known.items()
}
NAMES = [*BOARDS, *COMPUTERS]
WITHOUT_CUDA = GpuLibraries(0, ("CPUExecutionProvider",), ("onnxruntime", "onnxruntime-gpu"))
WITH_PIPER = EVERYTHING | {"en_US-joe-medium": 63_201_294}
VARIANTS = {
    "orin nano super with wheels for the processor": ("orin nano super", WITHOUT_CUDA, EVERYTHING),
    "workstation without CTranslate2 for its card": (
        "workstation with a card",
        GpuLibraries(0, WITH_CUDA.onnx_providers),
        EVERYTHING,
    ),
    "orin nano super with a Piper voice": ("orin nano super", WITH_CUDA, WITH_PIPER),
    "raspberry pi 5 with a Piper voice": ("raspberry pi 5", WITH_CUDA, WITH_PIPER),
    "virtual machine with a Piper voice": ("virtual machine", WITH_CUDA, WITH_PIPER),
}


def printed(name: str, root: Path) -> str:
    machine, wheels, models = VARIANTS.get(name, (name, WITH_CUDA, EVERYTHING))
    recorded: Board | Computer = BOARDS[machine] if machine in BOARDS else COMPUTERS[machine]
    cards = recorded.cards if isinstance(recorded, Computer) else ()
    hardware = detect(recorded.lay(root), lambda: cards)
    # A board's GPU is used by a llama-server built for it; elsewhere there is the package alone.
    gpu = bool(gpu_support(hardware, wheels).stt_types)
    server = LanguageServer("llama-server" if gpu else "xllamacpp", gpu)
    return describe(plan(hardware, load([], {}), models, wheels, server)) + "\n"


def _file(name: str) -> Path:
    return PLANS / f"{name.replace(' ', '_')}.txt"


@pytest.mark.parametrize("name", [*NAMES, *VARIANTS])
def test_the_plan_is_the_reviewed_one(tmp_path: Path, name: str) -> None:
    assert printed(name, tmp_path) == _file(name).read_text(encoding="utf-8")


def test_every_file_is_the_plan_of_a_machine() -> None:
    assert {file.name for file in PLANS.iterdir()} == {_file(n).name for n in (*NAMES, *VARIANTS)}


if __name__ == "__main__":
    PLANS.mkdir(exist_ok=True)
    for each in (*NAMES, *VARIANTS):
        with tempfile.TemporaryDirectory() as directory:
            _file(each).write_text(printed(each, Path(directory)), encoding="utf-8")
