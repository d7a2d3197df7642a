"""Imports point one way, and importing does nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "appliance"

LEAVES = {
    *("conversation", "errands", "errors", "logs", "metrics", "sections", "systemd", "threads"),
    *("watch", "wire"),
}

# What each part may import of the others: lazy and type-only imports count. A leaf may import
# `errors` and nothing else; the package itself holds the version.
MAY_IMPORT: dict[str, set[str]] = {
    **{leaf: {"errors"} for leaf in LEAVES},
    "errors": set(),
    "config": {"errors", "sections"},
    "hardware": {"config", "errors"},
    "engines": {"config", "errors", "conversation", "hardware"},
    "agents": {"config", "errors", "conversation"},
    "tools": {"agents", "config", "errors", "conversation", "threads"},
    "store": {"config", "errors", "conversation"},
    "weights": {"config", "errors"},
    "access": {"config", "errors", "conversation"},
    "voice": {"engines", "tools", "conversation", "config", "errors", "wire", "providers"},
    "api": {"access", "store", "conversation", "config", "errors"},
    "client": {"wire", "errors"},
    "bench": {
        *("engines", "hardware", "store", "client", "wire", "config", "errors", "planning"),
        *("conversation", "tools", "watch"),
    },
    "planning": {"config", "engines", "hardware"},
    "governor": {"hardware", "threads"},
    "providers": {"config"},
    "site": set(),
    "names": {"config", "site"},
    "selftest": {
        *("bench", "client", "config", "conversation", "engines", "errors", "hardware"),
        *("planning", "providers", "site", "store", "threads", "weights", "wire"),
    },
    "ringing": {"errands", "tools"},
    "delegating": {"agents", "config", "conversation", "errands", "store", "tools"},
    "reloading": {"config", "errors"},
    "desk": {
        "config",
        "conversation",
        "engines",
        "errands",
        "errors",
        "governor",
        "hardware",
        "metrics",
        "store",
        "systemd",
        "tools",
        "voice",
    },
    "reporting": {"desk", "hardware", "metrics", "store", "threads"},
    "app": {
        *("access", "api", "config", "delegating", "desk", "errors", "hardware"),
        *("metrics", "names", "planning", "reloading", "reporting", "ringing", "selftest"),
        *("store", "systemd", "tools", "watch"),
    },
    "commands": {"access", "bench", "config", "errors", "hardware", "planning", "site", "store"},
    "model_commands": {"commands", "config", "errors", "hardware", "planning", "weights"},
    "selftest_commands": {"config", "errors", "selftest", "store"},
    "options": {"config"},
    "models_group": {"model_commands", "options", "weights"},
    "__main__": {
        *("app", "commands", "config", "errors", "logs", "models_group", "options", "systemd"),
        *("selftest_commands",),
    },
}

# Who may import a heavy or foreign library at all.
ONLY_IN = {
    # The benchmark runs Pipecat's own pipeline, as its examples have it, beside ours.
    "pipecat": {"voice", "bench"},
    "sqlite_utils": {"store"},
    "sqlite3": {"store"},
    "hassil": {"tools"},
    "mcp": {"tools"},
    "pocketsphinx": {"engines"},
    "espeakng_loader": {"engines"},
    "faster_whisper": {"engines"},
    "ctranslate2": {"engines"},
    "kokoro_onnx": {"engines"},
    "prometheus_client": {"metrics"},
    "systemd": {"systemd"},
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def _part(module: Path) -> str:
    relative = module.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def _imports(module: Path) -> list[tuple[int, str]]:
    """Every imported module with its line, wherever in the file it stands."""
    found = []
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: relative import"
            found.append((node.lineno, node.module or ""))
            if node.module == "appliance":
                found += [(node.lineno, f"appliance.{alias.name}") for alias in node.names]
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_imports_point_one_way(module: Path) -> None:
    part = _part(module)
    if part == "__init__":
        assert not _imports(module)
        return
    allowed = MAY_IMPORT[part] | {part}
    for line, name in _imports(module):
        package, _, rest = name.partition(".")
        if package == "appliance" and rest and rest != "__version__":
            assert rest.split(".")[0] in allowed, f"{module}:{line}: {part} may not import {name}"
        if package in ONLY_IN:
            assert part in ONLY_IN[package], f"{module}:{line}: {part} may not import {package}"


def test_the_table_names_only_parts_that_exist() -> None:
    parts = {_part(module) for module in MODULES} - {"__init__"}
    assert set(MAY_IMPORT) <= parts | {"selftest", "bench"}
    assert parts <= set(MAY_IMPORT)


def test_aiohttp_web_is_served_in_one_place() -> None:
    servers = {
        _part(module)
        for module in MODULES
        if any("from aiohttp import" in line and "web" in line for line in _lines(module))
    }
    assert servers <= {"api", "bench"}


def _lines(module: Path) -> list[str]:
    return module.read_text(encoding="utf-8").splitlines()


HEAVY = (
    *("numpy", "onnxruntime", "ctranslate2", "faster_whisper", "kokoro_onnx", "pocketsphinx"),
    *("pipecat", "openai", "hassil", "sqlite_utils", "soxr", "num2words", "aiohttp", "systemd"),
    *("mcp", "uvicorn", "jsonschema"),
)

# The pipeline's classes are Pipecat's, the server's are aiohttp's: those are loaded late.
LATE = (
    "appliance.voice",
    "appliance.bench.stock",
    "appliance.api",
    "appliance.app.daemon",
    "appliance.cli.main",
)


def _names() -> list[str]:
    names = []
    for module in MODULES:
        parts = ("appliance", *module.relative_to(PACKAGE).with_suffix("").parts)
        names.append(".".join(parts).removesuffix(".__init__"))
    return names


def test_importing_does_nothing() -> None:
    """One fresh interpreter imports every module that need not be late, and looks around."""
    light = [name for name in _names() if not name.startswith(LATE)]
    probe = """
import importlib, sys
files = []
sys.addaudithook(lambda event, args: files.append(str(args[0])) if event == "open" else None)
for name in sys.argv[1].split(","):
    importlib.import_module(name)
heavy = [m for m in sys.argv[2].split(",") if m in sys.modules]
data = [f for f in files if f.endswith((".toml", ".db", ".onnx", ".bin", ".wav"))]
print(heavy, data, __import__("threading").active_count())
"""
    ran = subprocess.run(
        [sys.executable, "-c", probe, ",".join(light), ",".join(HEAVY)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout.strip() == "[] [] 1", ran.stdout


def test_the_composition_root_reads_on_one_screen() -> None:
    tree = ast.parse((PACKAGE / "app.py").read_text(encoding="utf-8"))
    run = next(n for n in tree.body if isinstance(n, ast.AsyncFunctionDef) and n.name == "run")
    assert run.end_lineno is not None
    assert run.end_lineno - run.lineno <= 45
    importers = [
        module
        for module in MODULES
        if "appliance.app.daemon" in dict.fromkeys(name for _, name in _imports(module))
    ]
    assert [_part(module) for module in importers] == ["__main__"]
