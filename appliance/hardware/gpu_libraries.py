"""GPU abilities of the installed engine libraries, found by importing them."""

import logging
from importlib.metadata import PackageNotFoundError, version

from appliance.hardware.gpu_support import GpuLibraries

log = logging.getLogger(__name__)


def installed_libraries() -> GpuLibraries:
    """The abilities of the installed libraries. Takes a second and 100 MB.

    A library that cannot be imported, as without its CUDA, has none, and is logged.
    """
    return GpuLibraries(
        ctranslate2_devices=_devices(),
        onnx_providers=_providers(),
        onnx_packages=tuple(filter(_is_installed, ("onnxruntime", "onnxruntime-gpu"))),
    )


def _devices() -> int:
    try:
        import ctranslate2

        return int(ctranslate2.get_cuda_device_count())
    except RuntimeError:  # no driver, or one that is too old for it
        return 0
    except (ImportError, OSError) as error:
        log.error("ctranslate2 cannot be used: %s", error)
        return 0


def _providers() -> tuple[str, ...]:
    try:
        import onnxruntime
    except (ImportError, OSError) as error:
        log.error("onnxruntime cannot be used: %s", error)
        return ()
    return tuple(onnxruntime.get_available_providers())


def _is_installed(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False
