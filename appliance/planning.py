"""The plan of this machine: facts and files gathered for the pure function that decides."""

from pathlib import Path

from appliance.config import Config
from appliance.hardware.detect import detect
from appliance.hardware.plan import Plan, plan


def plan_for(config: Config, root: Path = Path("/")) -> Plan:
    """Detects the machine, looks which models are on its disk, and plans; for milliseconds."""
    return plan(detect(root), config, models_on_disk(config))


def models_on_disk(config: Config) -> dict[str, int]:
    """The bytes of the weights of every model that could be loaded, by name or configured path."""
    directory = config.models.directory
    entries = sorted(directory.iterdir()) if directory.is_dir() else []
    found = {entry.name.removesuffix(".onnx"): _weights(entry) for entry in entries}
    for named in (config.stt.model, config.tts.model):
        path = Path(named)
        if path.is_absolute() and path.exists():
            found[named] = _weights(path)
    return found


def _weights(path: Path) -> int:
    """A Whisper directory's model.bin, or the file itself; 0 where a directory has none.

    A model without weights still counts as there, so that loading it says what is missing.
    """
    file = path / "model.bin" if path.is_dir() else path
    return file.stat().st_size if file.is_file() else 0
