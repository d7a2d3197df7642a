"""The private names of Pipecat that the package uses or overrides, and that they are still there.

Pipecat may change them in any release. After an update a failure here names what changed and
which of our modules to look at; then the list follows. It also fails when a module of ours begins
to use a name that is not listed, or when an attribute of ours happens to share one.
"""

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import version
from types import ModuleType
from typing import Any

import pytest

import appliance

ATTRIBUTE = "attribute"
PARAMETER = "parameter of __init__"

# By owner: each name with "attribute", or with its parameters if it is a method. Annotations are
# left out: Pipecat checks none of them.
CONTRACT: dict[str, dict[str, str]] = {
    "pipecat.audio.turn.smart_turn.base_smart_turn.BaseSmartTurn": {
        "_audio_buffer": ATTRIBUTE,
        "_clear": "(self, turn_state)",
        "_predict_endpoint": "(self, audio_array)",
        "_process_speech_segment": "(self, audio_buffer)",
        "_silence_ms": ATTRIBUTE,
    },
    "pipecat.audio.vad.vad_analyzer.VADAnalyzer": {
        "_get_smoothed_volume": "(self, audio)",
        "_run_analyzer": "(self, buffer)",
        "_vad_buffer": ATTRIBUTE,
        "_vad_state": ATTRIBUTE,
        "_vad_stopping_count": ATTRIBUTE,
        "_volume_tracker": ATTRIBUTE,
    },
    "pipecat.processors.aggregators.llm_response_universal.LLMAssistantAggregator": {
        "_handle_interruptions": "async (self, frame)",
        "_paired_user_aggregator": PARAMETER,
    },
    "pipecat.processors.aggregators.llm_response_universal.LLMUserAggregator": {
        "_on_vad_speech_activity": "async (self, controller)",
        "_on_vad_speech_started": "async (self, controller)",
        "_push_aggregation": "async (self, *, run_llm=True)",
        "_run_speculative_inference": "async (self, speculation)",
        "_user_turn_controller": ATTRIBUTE,
        "_vad_controller": ATTRIBUTE,
    },
    "pipecat.processors.frameworks.rtvi.processor.RTVIProcessor": {
        "_handle_client_message": "async (self, msg_id, data)",
        "_handle_send_text": "async (self, data, message_id, user_id=None)",
    },
    "pipecat.services.llm_service.LLMService": {
        "_push_llm_text": "async (self, text)",
        "_speculation_gate": ATTRIBUTE,
    },
    "pipecat.services.openai.base_llm.BaseOpenAILLMService": {
        "_process_context": "async (self, context)",
    },
    "pipecat.services.openai.realtime.llm.OpenAIRealtimeLLMService": {
        "_api_session_ready": ATTRIBUTE,
        "_auth_headers": "async (self)",
        "_connect": "async (self)",
        "_context": ATTRIBUTE,
        "_create_response": "async (self)",
        "_current_assistant_response": ATTRIBUTE,
        "_current_audio_response": ATTRIBUTE,
        "_disconnect": "async (self)",
        "_disconnecting": ATTRIBUTE,
        "_handle_context": "async (self, context, direction)",
        "_handle_evt_response_created": "async (self, evt)",
        "_handle_evt_response_done": "async (self, evt)",
        "_handle_evt_session_updated": "async (self, evt)",
        "_llm_needs_conversation_setup": ATTRIBUTE,
        "_process_completed_function_calls": "async (self, send_new_results)",
        "_receive_task": ATTRIBUTE,
        "_receive_task_handler": "async (self)",
        "_response_active": ATTRIBUTE,
        "_run_llm_when_api_session_ready": ATTRIBUTE,
        "_send_user_audio": "async (self, frame)",
        "_settings": ATTRIBUTE,
        "_websocket": ATTRIBUTE,
        "_ws_send": "async (self, realtime_message)",
    },
    "pipecat.services.stt_service.SegmentedSTTService": {
        "_audio_buffer": ATTRIBUTE,
        "_audio_buffer_size_1s": ATTRIBUTE,
        "_handle_user_started_speaking": "async (self, frame)",
        "_handle_user_stopped_speaking": "async (self, frame)",
        "_segment_queue": ATTRIBUTE,
        "_trailing_silence": "(self)",
        "_user_id": ATTRIBUTE,
        "_user_speaking": ATTRIBUTE,
    },
    "pipecat.services.tts_service.TTSService": {
        "_aggregated_frame_sequencer": ATTRIBUTE,
        "_is_yielding_frames_synchronously": ATTRIBUTE,
    },
    "pipecat.turns.user_stop.turn_analyzer_user_turn_stop_strategy"
    ".TurnAnalyzerUserTurnStopStrategy": {
        "_discard_pending_end_of_turn": "async (self)",
        "_handle_input_audio": "async (self, frame)",
        "_handle_prediction_result": "async (self, result)",
        "_handle_transcription": "async (self, frame)",
        "_handle_vad_user_stopped_speaking": "async (self, frame)",
        "_maybe_trigger_user_turn_stopped": "async (self)",
        "_reset": "async (self)",
        "_turn_complete": ATTRIBUTE,
        "_vad_stopped": ATTRIBUTE,
        "_vad_user_speaking": ATTRIBUTE,
    },
    "pipecat.utils.context.aggregated_frame_sequencer.AggregatedFrameSequencer": {
        "_slots": ATTRIBUTE,
    },
    # Public names of a private class.
    "pipecat.utils.context.aggregated_frame_sequencer._AggregatedFrameSlot": {
        "complete": ATTRIBUTE,
        "context_id": ATTRIBUTE,
        "spoken": ATTRIBUTE,
        "tracker": ATTRIBUTE,
    },
}

LISTED = [(owner, name) for owner, names in CONTRACT.items() for name in names]


def _is_private(name: str | None) -> bool:
    return name is not None and name.startswith("_") and not name.startswith("__")


def _modules() -> Iterator[ModuleType]:
    """The modules of ours that import Pipecat."""
    for info in pkgutil.walk_packages(appliance.__path__, "appliance."):
        if info.name.split(".")[1] in ("voice", "bench"):
            module = importlib.import_module(info.name)
            if not info.ispkg and "pipecat" in inspect.getsource(module):
                yield module


def _tree(cls: type[Any]) -> ast.ClassDef:
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(node, ast.ClassDef)
    return node


def _class(path: str) -> Any:  # noqa: ANN401  None where Pipecat has no such class
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name, None)


def _path(cls: type[Any]) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


@cache
def _attributes(path: str) -> frozenset[str]:
    """The names that a class assigns to `self`, or declares in its body."""
    tree = _tree(_class(path))
    found = {target.id for target in _targets(tree.body) if isinstance(target, ast.Name)}
    for target in _targets(ast.walk(tree)):
        if isinstance(target, ast.Attribute) and _is_self(target.value):
            found.add(target.attr)
    return frozenset(found)


def _targets(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in nodes:
        if isinstance(node, ast.Assign):
            yield from (part for target in node.targets for part in ast.walk(target))
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            yield node.target


def _is_self(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id == "super"
    return isinstance(value, ast.Name) and value.id in ("self", "cls")


def _owner(cls: type[Any], name: str) -> str:
    """The class of Pipecat from which `cls` has a private name; empty where it is our own."""
    for base in cls.__mro__:
        if base.__module__.startswith("pipecat.") and (
            name in vars(base) or name in _attributes(_path(base))
        ):
            return _path(base)
    return ""


def _inherited_uses(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Each (owner, name) that the classes of a module override or use of their bases."""
    for cls in vars(module).values():
        if not inspect.isclass(cls) or cls.__module__ != module.__name__:
            continue
        for node in ast.walk(_tree(cls)):
            name = None
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                name = node.name
            elif isinstance(node, ast.Attribute) and _is_self(node.value):
                name = node.attr
            if name is not None and _is_private(name) and (owner := _owner(cls, name)):
                yield owner, name


def _other_uses(module: ModuleType) -> Iterator[str]:
    """Private names that a module reads of other objects, passes as arguments or imports."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Attribute) and not _is_self(node.value):
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg is not None:
            yield node.arg
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pipecat"):
            yield from (alias.name for alias in node.names)


@cache
def _uses() -> dict[tuple[str, str], set[str]]:
    """By owner and name, the modules of ours that use it; the owner of other objects is empty."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for module in _modules():
        for use in _inherited_uses(module):
            found[use].add(module.__name__)
        for name in _other_uses(module):
            if _is_private(name):
                owners = [owner for owner, names in CONTRACT.items() if name in names]
                found[owners[0] if owners else "", name].add(module.__name__)
    return found


def _actual(owner: str, name: str) -> str:
    """What Pipecat has now under a listed name, written as in CONTRACT; empty for nothing."""
    cls = _class(owner)
    if cls is None:
        return ""
    method = inspect.getattr_static(cls, name, None)
    if inspect.isfunction(method):
        return _parameters(method)
    if name in _attributes(owner) and CONTRACT[owner][name] == ATTRIBUTE:
        return ATTRIBUTE
    return PARAMETER if name in inspect.signature(cls).parameters else ""


def _parameters(method: Any) -> str:  # noqa: ANN401  a function of Pipecat's
    signature = inspect.signature(method)
    bare = [one.replace(annotation=one.empty) for one in signature.parameters.values()]
    text = str(signature.replace(parameters=bare, return_annotation=signature.empty))
    return f"async {text}" if inspect.iscoroutinefunction(method) else text


@pytest.mark.parametrize(("owner", "name"), LISTED)
def test_pipecat_still_has(owner: str, name: str) -> None:
    users = ", ".join(sorted(_uses()[owner, name])) or "the users of its owner"
    assert _actual(owner, name) == CONTRACT[owner][name], (
        f"Pipecat {version('pipecat-ai')} changed {owner}.{name}: look at {users}"
    )


def test_no_private_name_is_used_that_is_not_listed() -> None:
    unlisted = {use: users for use, users in _uses().items() if use not in LISTED}
    assert unlisted == {}, "use a public name instead, rename our own attribute, or list it"


def test_every_listed_name_is_used() -> None:
    unused = [(o, n) for o, n in LISTED if _is_private(n) and not _uses()[o, n]]
    assert unused == [], "nothing of ours uses these any more: remove them from the list"
