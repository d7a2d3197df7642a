"""Proves that the engines' libraries have the GPU; exit status 1 and the reason where not.

Any later installation of a package that requires `onnxruntime` puts the build for the processor
over the one for the GPU, so this is asked after every installation and at every start.
"""

import sys


def fault() -> str:
    """What is missing; empty where the GPU is there for both."""
    try:
        import ctranslate2

        if ctranslate2.get_cuda_device_count() < 1:
            return "CTranslate2 sees no GPU"
    except (ImportError, RuntimeError, ValueError) as error:
        return f"CTranslate2: {error}"
    try:
        import onnxruntime

        if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
            return "ONNX Runtime is the build for the processor"
    except (ImportError, RuntimeError, AttributeError) as error:
        return f"ONNX Runtime: {error}"
    return ""


def main() -> int:
    reason = fault()
    print(reason or "CTranslate2 and ONNX Runtime have the GPU")
    return 1 if reason else 0


if __name__ == "__main__":
    sys.exit(main())
