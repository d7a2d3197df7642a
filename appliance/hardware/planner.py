"""Planner: gathers hardware, models on disk and libraries for `plan.plan`, which decides."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from appliance.config.loader import Config
from appliance.hardware import sysfs
from appliance.hardware.detect import Hardware, detect
from appliance.hardware.gpu_support import WITH_CUDA, gpu_support, installed_libraries
from appliance.hardware.language_models import (
    CONTEXTS,
    LANGUAGE_MODELS,
    LanguageServer,
    language_model_memory,
)
from appliance.hardware.language_server import find_server
from appliance.hardware.model_profiles import (
    KOKORO,
    WHISPER,
    kokoro_memory,
    piper_language,
    piper_memory,
    whisper_memory,
)
from appliance.hardware.plan import Plan, plan

_MODEL_FILES = (".onnx", ".gguf")


def plan_for(config: Config, root: Path = Path("/")) -> Plan:
    """Detects the machine, lists the models on its disk, and plans. Takes milliseconds.

    Where there is a GPU, the libraries that would use it are imported, which takes a second.
    """
    return _plan_with_disk(detect(root), config)


def replan(made: Plan, config: Config) -> Plan:
    """The plan for the same machine with the models that are on its disk now.

    It counts with the memory that was available at first: what the engines have taken since is
    theirs to give back.
    """
    return _plan_with_disk(made.hardware, config)


def _plan_with_disk(hardware: Hardware, config: Config) -> Plan:
    has_gpu = bool(gpu_support(hardware).stt_types)
    libraries = installed_libraries() if has_gpu else WITH_CUDA
    server = find_server(config, has_gpu=has_gpu)
    return plan(hardware, config, models_on_disk(config), libraries, server)


def recommended(hardware: Hardware, config: Config, models: Mapping[str, int]) -> list[str]:
    """The models that the plan would choose first if all of `models` were on disk.

    `models` maps names to bytes of weights. An engine has none where the configuration rules it
    out or no model fits.
    """
    has_gpu = bool(gpu_support(hardware).stt_types)
    made = plan(hardware, config, models, server=find_server(config, has_gpu=has_gpu))
    first = [made.stt.options[0].model, made.tts.options[0].model]
    first += [option.model for option in made.llm.options[:1]]
    return [name for name in first if name in models]


def fits(hardware: Hardware, config: Config, name: str, size: int) -> bool:
    """Whether the plan would use the model if it were the only one on disk."""
    if name in LANGUAGE_MODELS:
        return _language_model_fits(hardware, config, name, size)
    voice = bool(piper_language(name))
    if name not in KOKORO and not voice:
        # The same weights under another name have the same profile.
        name = next((model.name for model in WHISPER.values() if model.bytes == size), name)
    known = name in WHISPER or name in KOKORO
    # The plan uses a model that it does not know only where the configuration names it, as it does
    # a Piper voice for another language.
    named = {"engine": "auto", "model": "auto" if known else name}
    stt = config.stt.model_copy(update={"engine": "sphinx"} if voice else named)
    tts = config.tts.model_copy(update=named)
    made = plan(hardware, config.model_copy(update={"stt": stt, "tts": tts}), {name: size})
    return any(option.model == name for option in (*made.stt.options, *made.tts.options))


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why the plan would not use a model, "" if it would, and the bytes that it takes at work."""

    reason: Literal["", "language", "speed", "memory"]
    memory: int


def obstacle(hardware: Hardware, config: Config, name: str, size: int) -> Obstacle:
    """What keeps the plan from using a model if it were the only one on disk."""
    device = "cuda" if gpu_support(hardware).stt_types else "cpu"
    memory = _memory(name, size, device, hardware)
    if fits(hardware, config, name, size):
        return Obstacle("", memory)
    spoken = config.model_copy(update={"stt": config.stt.model_copy(update={"language": "en"})})
    known = WHISPER.get(name)
    if known and known.english and fits(hardware, spoken, name, size):
        return Obstacle("language", memory)
    ample = replace(hardware, memory_available=1 << 50, gpu_memory_free=1 << 50)
    return Obstacle("memory" if fits(ample, config, name, size) else "speed", memory)


def _memory(name: str, size: int, device: str, hardware: Hardware) -> int:
    """The bytes that a model takes at work on this machine, in the precision of its kind."""
    if known := LANGUAGE_MODELS.get(name):
        return language_model_memory(size, known.token_bytes, CONTEXTS[-1], device)
    if name in KOKORO:
        return kokoro_memory(size)
    if piper_language(name):
        return piper_memory(size)
    kinds = gpu_support(hardware).stt_types
    return whisper_memory(size, device, kinds[0] if kinds else "int8")


def _language_model_fits(hardware: Hardware, config: Config, name: str, size: int) -> bool:
    """Beside the starter engines, whether or not something that could run it is installed."""
    named = config.llm.model_copy(update={"provider": "auto", "model": name})
    chosen = config.model_copy(update={"llm": named})
    made = plan(hardware, chosen, {name: size}, server=LanguageServer("any"))
    return bool(made.llm.options)


def models_on_disk(config: Config) -> dict[str, int]:
    """Bytes of weights of every model that could be loaded, by name or configured path.

    Hidden entries are not models: they hold downloads under way, and all files by their hash.
    """
    directory = config.models.directory
    entries = sysfs.entries(directory, "*")
    models = [entry for entry in entries if not entry.name.startswith(".") and _is_model(entry)]
    found = {_model_name(entry): _weights(entry) for entry in models}
    managed = config.llm.model if config.llm.provider == "auto" else ""
    for named in (config.stt.model, config.tts.model, managed):
        path = Path(named)
        # Not Path.exists, which raises where access is denied.
        if path.is_absolute() and os.path.exists(path):  # noqa: PTH110
            found[named] = _weights(path)
    return found


def _is_model(path: Path) -> bool:
    return os.path.isdir(path) or path.suffix in _MODEL_FILES  # noqa: PTH112  as above


def _model_name(path: Path) -> str:
    return path.stem if path.suffix in _MODEL_FILES else path.name


def _weights(path: Path) -> int:
    """Bytes of a Whisper directory's model.bin, or of the file itself; 0 where there is none.

    A model without weights, or with unreadable ones, still counts as on disk, so that loading it
    says what is wrong.
    """
    return sysfs.size(path / "model.bin" if os.path.isdir(path) else path)  # noqa: PTH112
