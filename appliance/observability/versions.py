"""Names the versions of the appliance and of the packages that a turn spends its time in."""

import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from appliance import __version__

PACKAGES = (
    *("pipecat-ai", "faster-whisper", "ctranslate2", "kokoro-onnx", "onnxruntime"),
    *("pocketsphinx", "espeakng-loader", "openai", "aiohttp", "numpy", "soxr", "pydantic"),
)


@cache
def package_versions() -> dict[str, str]:
    """The versions of the appliance, of Python, and of those of PACKAGES that are installed."""
    found = {"voice-appliance": __version__, "python": sys.version.split()[0]}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
