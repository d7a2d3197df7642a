"""The plan of this machine: facts and files gathered for the pure function that decides."""

import os
from collections.abc import Mapping
from pathlib import Path

from appliance.config.loader import Config
from appliance.hardware import sysfs
from appliance.hardware.detect import Hardware, detect
from appliance.hardware.gpu_libraries import wheels
from appliance.hardware.gpu_support import WITH_CUDA, usable
from appliance.hardware.model_profiles import KOKORO, WHISPER
from appliance.hardware.plan import Plan, plan


def plan_for(config: Config, root: Path = Path("/")) -> Plan:
    """Detects the machine, looks which models are on its disk, and plans; for milliseconds.

    Where there is a GPU, the libraries that would use it are asked whether they can: a second.
    """
    hardware = detect(root)
    libraries = wheels() if usable(hardware).types else WITH_CUDA
    return plan(hardware, config, models_on_disk(config), libraries)


def recommended(hardware: Hardware, config: Config, models: Mapping[str, int]) -> list[str]:
    """What the plan would choose first if all of these models, by name and bytes, were on disk.

    Nothing for an engine that the configuration rules out, or for which no model fits.
    """
    made = plan(hardware, config, models)
    first = (made.stt.rungs[0].model, made.tts.rungs[0].model)
    return [name for name in first if name in models]


def fits(hardware: Hardware, config: Config, name: str, size: int) -> bool:
    """Whether the plan would give that model a place, were it the only one on disk."""
    if name not in KOKORO:
        # The same weights under another name are judged alike.
        name = next((model.name for model in WHISPER.values() if model.bytes == size), name)
    known = name in WHISPER or name in KOKORO
    # Of the others the plan takes only one that it is told.
    change = {"engine": "auto", "model": "auto" if known else name}
    stt = config.stt.model_copy(update=change)
    tts = config.tts.model_copy(update=change)
    made = plan(hardware, config.model_copy(update={"stt": stt, "tts": tts}), {name: size})
    return any(rung.model == name for rung in (*made.stt.rungs, *made.tts.rungs))


def models_on_disk(config: Config) -> dict[str, int]:
    """The bytes of the weights of every model that could be loaded, by name or configured path.

    Hidden entries are none: downloads under way stand there, and every file by its hash.
    """
    directory = config.models.directory
    entries = sysfs.entries(directory, "*")
    models = [entry for entry in entries if not entry.name.startswith(".") and _is_model(entry)]
    found = {entry.name.removesuffix(".onnx"): _weights(entry) for entry in models}
    for named in (config.stt.model, config.tts.model):
        path = Path(named)
        # Not Path.exists, which raises where it may not look.
        if path.is_absolute() and os.path.exists(path):  # noqa: PTH110
            found[named] = _weights(path)
    return found


def _is_model(path: Path) -> bool:
    return os.path.isdir(path) or path.suffix == ".onnx"  # noqa: PTH112  as above


def _weights(path: Path) -> int:
    """A Whisper directory's model.bin, or the file itself; 0 where a directory has none.

    A model without weights still counts as there, so that loading it says what is missing, and
    so does one that the appliance may not read.
    """
    return sysfs.size(path / "model.bin" if os.path.isdir(path) else path)  # noqa: PTH112
