"""Keys that were entered on the page: one file that only the daemon's user may read."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from appliance.config.page_file import write

KEYS_FILE: Final = "keys.json"


class KeyFile:
    """The keys by the name of their secret (OPENAI_API_KEY), in the daemon's own directory."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / KEYS_FILE

    def read(self) -> dict[str, str]:
        """The keys; none where the file is missing or damaged."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with os.fdopen(descriptor, encoding="utf-8") as file:
                kept = json.load(file)
        except (OSError, ValueError):
            return {}
        pairs = kept.items() if isinstance(kept, dict) else ()
        return {str(name): key for name, key in pairs if isinstance(key, str) and key}

    def change(self, keys: Mapping[str, str]) -> None:
        """Sets keys; an empty one is removed. Raises StoreError."""
        kept = {name: key for name, key in (self.read() | dict(keys)).items() if key}
        write(self._path, json.dumps(kept, indent=1) + "\n")
