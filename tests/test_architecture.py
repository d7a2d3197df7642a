"""Holds the package to its architecture: allowed imports, names, sizes; importing does nothing."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "appliance"

# The only modules beside the packages: what every package may need and none of them owns.
ROOT = {
    *("__init__", "__main__", "atomic_file", "circuit_breaker", "client", "concurrency"),
    *("conversation", "errors", "event_hub", "wire"),
}

# What each package, and each module in the root, may import of the others. Lazy and type-only
# imports count. Everything may import `errors`, and `__version__` from the package itself.
MAY_IMPORT: dict[str, set[str]] = {
    "__main__": {"cli"},
    "cli": {
        *("access", "app", "bench", "config", "hardware", "llm", "models", "network"),
        "observability",
        *("selftest", "store"),
    },
    "app": {
        *("access", "agents", "api", "audio", "concurrency", "config", "conversation", "engines"),
        *("event_hub", "hardware", "languages", "llm", "models", "network", "observability"),
        *("selftest", "store", "text", "timers", "tools", "voice", "wire"),
    },
    "selftest": {
        *("atomic_file", "audio", "bench", "client", "concurrency", "config", "conversation"),
        *("engines", "hardware", "languages", "llm", "models", "network", "store", "text", "wire"),
    },
    "bench": {
        *("audio", "client", "concurrency", "config", "conversation", "engines", "hardware"),
        *("languages", "observability", "store", "text", "timers", "tools"),
        *("voice", "wire"),
    },
    "voice": {
        *("access", "audio", "circuit_breaker", "config", "conversation", "engines"),
        *("languages", "llm", "network", "observability", "text", "tools", "wire"),
    },
    "api": {"access", "config", "conversation", "event_hub", "store", "wire"},
    "agents": {
        *("concurrency", "config", "conversation", "network", "store", "text", "tools", "wire"),
    },
    "engines": {"audio", "circuit_breaker", "concurrency", "config", "hardware", "languages"},
    "llm": {"atomic_file", "circuit_breaker", "concurrency", "config", "hardware", "network"},
    "tools": {"concurrency", "config", "languages", "network", "text", "timers", "wire"},
    "timers": {"concurrency", "languages", "text", "wire"},
    "hardware": {"config", "languages"},
    "network": {"concurrency", "config"},
    "models": {"atomic_file", "config", "network"},
    "access": set(),
    "store": {"atomic_file", "conversation"},
    "config": {"atomic_file", "languages"},
    "client": {"audio", "wire"},
    "wire": {"audio", "conversation"},
    "atomic_file": set(),
    "audio": set(),
    "circuit_breaker": set(),
    "concurrency": set(),
    "conversation": set(),
    "errors": set(),
    "event_hub": {"access"},
    "languages": {"text"},
    "observability": set(),
    "text": set(),
}

# The packages that may import a heavy or foreign library.
ONLY_IN = {
    # The benchmark runs Pipecat's own pipeline, as its examples have it, beside ours.
    "pipecat": {"voice", "bench"},
    "sqlite_utils": {"store"},
    "sqlite3": {"store"},
    "hassil": {"tools"},
    "mcp": {"tools"},
    "pocketsphinx": {"engines"},
    "espeakng_loader": {"engines"},
    # The benchmark measures its own defaults beside our use of it.
    "faster_whisper": {"engines", "bench"},
    "ctranslate2": {"engines", "hardware"},
    "kokoro_onnx": {"engines"},
    "prometheus_client": {"observability"},
    "systemd": {"app"},
    "tomlkit": {"config"},
    "xllamacpp": {"llm"},
}

MODULES = sorted(PACKAGE.rglob("*.py"))
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def _part(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _name(module: Path) -> str:
    parts = ("appliance", *module.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


NAMES = {_name(module): module for module in MODULES}


def _imports(module: Path) -> Iterator[tuple[int, str]]:
    """Every imported module with its line, wherever in the file it stands."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: relative import"
            assert node.module is not None
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((node.lineno, name) for name in names if name in NAMES)
            if not all(name in NAMES for name in names):
                yield node.lineno, node.module


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_imports_point_one_way(module: Path) -> None:
    part = _part(module)
    if part == "__init__":
        assert not list(_imports(module))
        return
    allowed = MAY_IMPORT[part] | {part, "errors"}
    for line, name in _imports(module):
        package, _, rest = name.partition(".")
        if package == "appliance" and rest:
            assert rest.split(".")[0] in allowed, f"{module}:{line}: {part} may not import {name}"
        if package in ONLY_IN:
            assert part in ONLY_IN[package], f"{module}:{line}: {part} may not import {package}"


def test_the_table_names_the_parts_that_exist_and_no_other() -> None:
    assert set(MAY_IMPORT) == {_part(module) for module in MODULES} - {"__init__"}


def test_the_packages_are_layers() -> None:
    """Above the modules: the table itself allows no circle, so there is an order from the top."""
    TopologicalSorter(MAY_IMPORT).prepare()


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {
        name: {found for _, found in _imports(module) if found in NAMES} - {name}
        for name, module in NAMES.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_the_root_holds_its_few_modules_and_no_other() -> None:
    assert {module.stem for module in PACKAGE.glob("*.py")} == ROOT


def _classes(module: Path) -> Iterator[str]:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def test_no_two_classes_share_a_name() -> None:
    names = Counter(name for module in MODULES for name in _classes(module))
    assert [name for name, times in names.items() if times > 1] == []


# Words of no field: an engineer who knows voice assistants would have to look each of them up.
FOREIGN_WORDS = {
    *("desk", "errands", "ringing", "knocking", "household", "shelf", "patience", "patient"),
    *("roster", "retreat", "bell", "told"),
}

# Names that do not say what the function returns.
VAGUE_NAMES = {"_told", "_said", "_plain", "_shown", "_read", "_text"}


def _words(name: str) -> set[str]:
    """The words of a name in CamelCase or snake_case, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def _definitions(module: Path) -> Iterator[tuple[str, str]]:
    """The name and the place of a module and of every class and function in it."""
    place = str(module.relative_to(PACKAGE))
    yield place.removesuffix(".py"), place
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.ClassDef, *FUNCTION)):
            yield node.name, f"{place}:{node.lineno}"


def test_the_words_of_a_name() -> None:
    assert _words("LLMCheck") == {"llm", "check"}
    assert _words("_patience_of_HTTPServer2") == {"patience", "of", "http", "server"}


def test_names_are_terms_of_the_field() -> None:
    names = [definition for module in MODULES for definition in _definitions(module)]
    assert [f"{place} {name}" for name, place in names if _words(name) & FOREIGN_WORDS] == []
    assert [f"{place} {name}" for name, place in names if name in VAGUE_NAMES] == []


# A docstring names its subject; one that begins so makes the reader look for it.
NO_SUBJECT = {"What", "Who", "Whether", "Where", "How", "Is", "Does", "By", "From", "For"}


def test_module_docstrings_begin_with_their_subject() -> None:
    found = []
    for module in MODULES:
        text = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
        if text and text.split()[0] in NO_SUBJECT:
            found.append(f"{module.relative_to(PACKAGE)}: {text.splitlines()[0]}")
    assert found == []


def test_modules_and_functions_stay_short() -> None:
    """400 lines a module, 60 a function: what is longer is two things."""
    for module in MODULES:
        text = module.read_text(encoding="utf-8")
        assert text.count("\n") <= 400, module
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                assert node.end_lineno - node.lineno < 60, f"{module}:{node.lineno} {node.name}"


def test_no_class_has_more_than_twenty_methods() -> None:
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                methods = [one for one in node.body if isinstance(one, FUNCTION)]
                assert len(methods) <= 20, f"{module}: {node.name} has {len(methods)} methods"


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
    "anyascii",
    *("mcp", "uvicorn", "jsonschema", "xllamacpp"),
)

# The pipeline's classes are Pipecat's, the server's are aiohttp's: those are loaded late.
LATE = (
    "appliance.voice",
    "appliance.bench.stock_pipecat",
    "appliance.api",
    "appliance.app",
    "appliance.__main__",
    # Only the pipeline and smart-turn's features use these.
    "appliance.audio.chime",
    "appliance.audio.mel",
    "appliance.audio.silence",
    "appliance.audio.two_channels",
    # The yardstick makes sound, and takes turns, only when it runs.
    "appliance.bench.accuracy.audio_time",
    "appliance.bench.accuracy.clips",
    "appliance.bench.accuracy.sound",
    "appliance.bench.accuracy.speakers",
    "appliance.llm.endpoint",
    "appliance.llm.failover",
)


def test_importing_does_nothing() -> None:
    """One fresh interpreter imports every module that need not be late, and looks around."""
    light = [name for name in NAMES if not name.startswith(LATE)]
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
    tree = ast.parse((PACKAGE / "app" / "daemon.py").read_text(encoding="utf-8"))
    run = next(n for n in tree.body if isinstance(n, ast.AsyncFunctionDef) and n.name == "run")
    assert run.end_lineno is not None
    assert run.end_lineno - run.lineno <= 45
    importers = {
        _part(module)
        for module in MODULES
        if "appliance.app.daemon" in {name for _, name in _imports(module)}
    }
    assert importers == {"cli"}
