"""Which wheels give this board its GPU, or why none do; for install.sh, with the standard library.

    gpu.py gate                             no GPU | processor REASON | gpu REASON
    gpu.py choose --python cp312 [--wheels DIRECTORY]
                                            processor REASON, or gpu NAME and a line for each wheel:
                                            wheel SHA256 URL-OR-PATH
    gpu.py facts                            what a stack must have been built for, and a line for
                                            each thing more on which it hangs whether a GPU answers

`--root` reads a recorded board. Needs Python 3.10; the manifest needs 3.11.
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from appliance.hardware import sysfs as files
from appliance.hardware.detect import Hardware, detect
from appliance.hardware.gpu_support import gpu_support

MANIFEST = Path(__file__).with_name("wheels.toml")
# What the engines run on; a stack has to bring both, or half of a turn would stay on the processor.
NEEDED = ("ctranslate2", "onnxruntime_gpu")
_SHA256 = re.compile(r"^[0-9a-f]{64}$")


@dataclass(frozen=True)
class Wheel:
    """`place` is an address or a file."""

    place: str
    sha256: str


@dataclass(frozen=True)
class Choice:
    """`wheels` are empty where the processor works; `reason` says why, or names the stack."""

    reason: str
    wheels: tuple[Wheel, ...] = ()


@dataclass(frozen=True)
class Software:
    """What a wheel must have been built for, beside the board: "13.2" and "cp312"."""

    cuda: str
    python: str


def gate(hardware: Hardware) -> tuple[str, str]:
    """ "none" (no Jetson), "processor" or "gpu", and the reason."""
    if not hardware.is_jetson:
        return "none", "this is no Jetson"
    support = gpu_support(hardware)
    return ("gpu" if support.stt_types else "processor"), support.reason


def choose(hardware: Hardware, software: Software, stacks: Sequence[Mapping[str, Any]]) -> Choice:
    """The first stack of the manifest that fits in all four keys and has all hashes."""
    verdict, reason = gate(hardware)
    if verdict != "gpu":
        return Choice(reason)
    if hardware.compute_capability is None or hardware.l4t is None:
        return Choice("this board does not tell its GPU or its release")
    major, minor = hardware.compute_capability
    l4t = f"{hardware.l4t.major}.{hardware.l4t.minor}"
    wanted = (l4t, software.cuda, software.python, f"{major}{minor}")
    for stack in stacks:
        if tuple(stack[key] for key in ("l4t", "cuda", "python", "sm")) == wanted:
            return _checked(stack)
    said = "L4T {}, CUDA {}, {}, sm_{}".format(*(part or "unknown" for part in wanted))
    return Choice(f"no GPU wheels are known for {said}")


def _checked(stack: Mapping[str, Any]) -> Choice:
    wheels = {wheel["name"]: wheel for wheel in stack["wheel"]}
    for name in NEEDED:
        if name not in wheels:
            return Choice(f"the stack {stack['name']} has no {name}")
        if not _SHA256.match(wheels[name].get("sha256", "")):
            return Choice(
                f"{name} of the stack {stack['name']} has no published SHA-256 and is not fetched;"
                " give it with --wheels"
            )
    found = (Wheel(wheels[name]["url"], wheels[name]["sha256"]) for name in NEEDED)
    return Choice(str(stack["name"]), tuple(found))


def from_directory(hardware: Hardware, directory: Path, python: str) -> Choice:
    """The owner's wheels: those of `directory` that fit, each as its SHA256SUMS says.

    Raises ValueError for one that is missing, does not fit or is not what SHA256SUMS says: the
    owner asked for these.
    """
    verdict, reason = gate(hardware)
    if verdict == "processor":
        return Choice(reason)
    sums = _sums(directory)
    return Choice(
        f"wheels of {directory}",
        tuple(_owned(directory, name, python, hardware.architecture, sums) for name in NEEDED),
    )


def _sums(directory: Path) -> dict[str, str]:
    try:
        lines = (directory / "SHA256SUMS").read_text().splitlines()
    except OSError:
        raise ValueError(f"{directory} has no SHA256SUMS; make it with: sha256sum *.whl") from None
    pairs = (line.split(maxsplit=1) for line in lines if line.strip())
    return {name.lstrip("*"): digest for digest, name in pairs}


def _owned(
    directory: Path, name: str, python: str, architecture: str, sums: Mapping[str, str]
) -> Wheel:
    for file in sorted(directory.glob("*.whl"), reverse=True):
        fields = file.stem.split("-")
        # A build for the GPU may call itself onnxruntime, so that nothing replaces it.
        fits = fields[0] == name or fields[0] + "_gpu" == name
        tagged = python in fields[-3].split(".") and fields[-1].endswith(architecture)
        if not (fits and tagged):
            continue
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        if sums.get(file.name) != digest:
            raise ValueError(f"{file} is not what SHA256SUMS says")
        return Wheel(str(file.resolve()), digest)
    raise ValueError(f"{directory} has no {name} wheel for {python} on {architecture}")


def cuda_version(root: Path) -> str:
    """Of the toolkit or its runtime: "13.2"; empty where there is none."""
    try:
        told = json.loads((root / "usr/local/cuda/version.json").read_text())
        version = str(told["cuda"]["version"])
    except (OSError, ValueError, KeyError, TypeError):
        packages = sorted((root / "var/lib/dpkg/info").glob("cuda-cudart-[0-9]*.list"))
        version = packages[-1].name.split(".")[0].removeprefix("cuda-cudart-") if packages else ""
        version = version.replace("-", ".")
    return ".".join(version.split(".")[:2])


def built_for(hardware: Hardware, cuda: str) -> str:
    """What a stack must have been built for, but for the Python."""
    l4t = f"{hardware.l4t.major}.{hardware.l4t.minor}" if hardware.l4t else ""
    sm = "{}{}".format(*hardware.compute_capability) if hardware.compute_capability else ""
    return f"L4T {l4t or 'unknown'}, CUDA {cuda or 'unknown'}, sm_{sm or 'unknown'}"


def facts(hardware: Hardware, root: Path) -> list[str]:
    """Where one of them changes, a GPU that did not answer may answer."""
    drivers = (root / "proc/driver/nvidia/version", root / "sys/module/nvidia/version")
    driver = next((text for file in drivers if (text := files.text(file))), "").partition("\n")[0]
    libraries = ("usr/lib/*/libcudnn.so.9*", "usr/local/cuda/lib64/libcublas.so.*")
    names = {file.name for pattern in libraries for file in root.glob(pattern)}
    return [
        built_for(hardware, cuda_version(root)),
        f"release {hardware.l4t or 'unknown'}",
        f"driver {driver.strip() or 'unknown'}",
        f"GPU {hardware.gpu or 'not there'}",
        *sorted(names),
    ]


def stacks(manifest: Path = MANIFEST) -> list[dict[str, Any]]:
    import tomllib  # Python 3.11

    found: list[dict[str, Any]] = tomllib.loads(manifest.read_text())["stack"]
    return found


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="gpu.py")
    parser.add_argument("what", choices=("gate", "choose", "facts"))
    parser.add_argument("--root", type=Path, default=Path("/"))
    parser.add_argument("--python", default="")
    parser.add_argument("--wheels", type=Path)
    options = parser.parse_args(arguments)
    hardware = detect(options.root)
    if options.what == "gate":
        print(*gate(hardware))
        return 0
    if options.what == "facts":
        print(*facts(hardware, options.root), sep="\n")
        return 0
    try:
        if options.wheels:
            choice = from_directory(hardware, options.wheels, options.python)
        else:
            software = Software(cuda_version(options.root), options.python)
            choice = choose(hardware, software, stacks())
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print("gpu" if choice.wheels else "processor", choice.reason)
    for wheel in choice.wheels:
        print("wheel", wheel.sha256, wheel.place)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
