"""What the installed engine libraries can do with a GPU; asking imports them."""

import logging
from importlib.metadata import PackageNotFoundError, version

from appliance.hardware.gpu_support import Wheels

log = logging.getLogger(__name__)


def wheels() -> Wheels:
    """For a machine that has a GPU: on others it is a second and 100 MB for nothing.

    One that cannot even be imported (its CUDA is not there) finds nothing, and is told of.
    """
    return Wheels(
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
