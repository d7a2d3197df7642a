"""The managed model that is to be served: the daemon decides, `appliance llm serve` reads it.

Both find it, and the key that the server asks for, as files beside the database.
"""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from appliance.atomic_file import replace_text
from appliance.config.loader import Config
from appliance.errors import ConfigError
from appliance.hardware.language_models import LanguageModelOption
from appliance.hardware.language_server import server_build
from appliance.llm.providers import Address

HOST: Final = "127.0.0.1"
_SLOTS: Final = {"cuda": 4}
_SLOTS_ON_PROCESSOR: Final = 2
"""Two answers at once take twice as long on a processor, and are still read out faster than heard;
four are not."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model's name and file, the server for it (see `server_command`), and how it is to run.

    `build` is the build of that server.
    """

    model: str
    file: str
    server: str
    device: str
    threads: int
    context: int
    port: int
    build: str = ""

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.port}/v1"

    @property
    def slots(self) -> int:
        """How many conversations the server keeps computed, and answers at once."""
        return _SLOTS.get(self.device, _SLOTS_ON_PROCESSOR)

    @property
    def origin(self) -> str:
        """The address of the routes that are llama.cpp's own, such as /health."""
        return f"http://{HOST}:{self.port}"


def served_option(option: LanguageModelOption, config: Config, server: str) -> ServedModel:
    """What to serve for an option of the plan."""
    file = Path(option.model)
    if not file.is_absolute():
        file = config.models.directory / f"{option.model}.gguf"
    return ServedModel(
        model=file.stem,
        file=str(file),
        server=server,
        device=option.device,
        threads=option.threads,
        context=option.context,
        port=config.llm.port,
        build=server_build(server),
    )


def choice_file(config: Config) -> Path:
    return config.store.path.parent / "llm.json"


def key_file(config: Config) -> Path:
    return config.store.path.parent / "llm.key"


def read_choice(path: Path) -> ServedModel | None:
    """The model that the daemon has decided on; None where there is none to serve.

    Raises ConfigError where the daemon has not decided yet, or the file is not its own.
    """
    try:
        kept: Any = json.loads(path.read_text(encoding="utf-8"))
        return ServedModel(**kept) if kept else None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}",
            advice="The appliance writes it as it starts: is it running?",
        ) from None
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"{path} is damaged: {error}", advice="Remove it, and restart the appliance."
        ) from None


def write_choice(path: Path, served: ServedModel | None) -> bool:
    """Writes the decision, atomically; False where it is the one that stands there already.

    The file is what the unit of the server follows, so that it is left alone where nothing changes.
    """
    text = json.dumps(asdict(served) if served else {}, indent=1)
    try:
        if path.read_text(encoding="utf-8") == text:
            return False
    except (OSError, UnicodeDecodeError):
        pass
    replace_text(path, text, synced=False)
    return True


def api_key(path: Path) -> str:
    """The key of the server; made where there is none. Only the appliance's user may read it."""
    try:
        if key := path.read_text(encoding="ascii").strip():
            return key
    except (OSError, UnicodeDecodeError):
        pass
    key = secrets.token_urlsafe(32)
    replace_text(path, key, synced=False)
    return key


def managed_address(config: Config) -> Address | None:
    """Where the managed model answers; None where none is served."""
    if config.llm.provider != "auto":
        return None
    try:
        served = read_choice(choice_file(config))
        key = key_file(config).read_text(encoding="ascii").strip()
    except (ConfigError, OSError, UnicodeDecodeError):
        return None
    return Address(served.base_url, served.model, "", key) if served else None
