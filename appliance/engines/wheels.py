"""What the installed engine libraries can do with a GPU; asking imports them."""

from importlib.metadata import PackageNotFoundError, version

from appliance.hardware.accelerator import Wheels


def wheels() -> Wheels:
    """For a machine that has a GPU: on others it is a second and 100 MB for nothing."""
    import ctranslate2
    import onnxruntime

    try:
        devices = int(ctranslate2.get_cuda_device_count())
    except RuntimeError:  # no driver, or one that is too old for it
        devices = 0
    return Wheels(
        ctranslate2_devices=devices,
        onnx_providers=tuple(onnxruntime.get_available_providers()),
        onnx_packages=tuple(filter(_is_installed, ("onnxruntime", "onnxruntime-gpu"))),
    )


def _is_installed(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False
