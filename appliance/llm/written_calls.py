"""Reads tool calls that a model wrote as text, in the formats of its training. Pure.

A server whose template or parser does not fit its model passes such calls on as part of the answer.
The formats: JSON (`{"name": …, "arguments": …}`, alone, listed or in an envelope), `name` and JSON
with something between (Mistral, DeepSeek, Kimi, Functionary), XML (Qwen3-Coder, MiniMax, GLM), and
expressions of Python (Llama, LFM, Gemma).
"""

import ast
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_NAME_KEYS: Final = (
    *("name", "function", "tool", "tool_name", "function_name", "action", "recipient_name"),
)
_ARGUMENT_KEYS: Final = (
    *("arguments", "parameters", "args", "input", "tool_input", "action_input", "params", "kwargs"),
)
_ENVELOPES: Final = ("tool_calls", "tool_call", "function_call", "tool_uses", "calls")
_DEEPEST: Final = 4
"""Envelopes within envelopes."""
_LONGEST_EXPRESSION: Final = 4_000
"""Characters; Python's parser takes long for more."""

_FUNCTION = re.compile(
    r"<function(?:=|\s+name=)[\"']?([^>\"'{]+)[\"']?\s*>?(.*?)(?:</function>|(?=<function[= ])|$)",
    re.DOTALL | re.IGNORECASE,
)
_INVOKE = re.compile(
    r"<[｜|\w:]*invoke\s+name=[\"']([^\"']+)[\"']\s*>(.*?)(?:</[｜|\w:]*invoke>|$)",
    re.DOTALL | re.IGNORECASE,
)
_PARAMETER = re.compile(
    r"<[｜|\w:]*parameter(?:=|\s+name=)[\"']?([^>\"'\s]+)[\"']?[^>]*>(.*?)</[｜|\w:]*parameter>",
    re.DOTALL | re.IGNORECASE,
)
_GLM_ARGUMENT = re.compile(
    r"<arg_key>\s*(.*?)\s*</arg_key>\s*<arg_value>(.*?)</arg_value>", re.DOTALL
)
_BETWEEN = (
    r"(?::\d+)?(?:<｜tool▁sep｜>|<\|tool_call_argument_begin\|>|\[CALL_ID\]\s*\w+|\[ARGS\]|"
    r"<\|constrain\|>json|<\|message\|>|Action Input:|json\b|```(?:json)?|\s)*"
)
_NAMED_OBJECT = re.compile(r"(?<![\w.\-])([A-Za-z_][\w.\-]*)" + _BETWEEN + r"(?=\{)", re.IGNORECASE)
_WORD = re.compile(r"(?:functions?\.)?([A-Za-z_][\w.\-]*)(?::\d+)?")
_JSON_BEGIN = re.compile(r"[\[{]")
_BARE_OBJECT = re.compile(r"\{([^{}]*)\}")
_BARE_PAIR = re.compile(r"(\w+)\s*:\s*(?:<escape>(.*?)<escape>|<\|\"\|>(.*?)<\|\"\|>|([^,]*))")
_NAME_IN_JSON = re.compile(
    r"[\"'](?:name|function|tool|tool_name|recipient_name)[\"']\s*:\s*[\"']([^\"']+)[\"']"
)


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """A call as the model wrote it; its arguments are an object, or a text that should be one."""

    name: str
    arguments: Mapping[str, Any] | str


def resolved_name(name: str, offered: Collection[str]) -> str:
    """The offered tool that a model means by `name`; the name as it is where there is none.

    Models add a namespace ("functions.get_time"), marks of their template, or write blanks.
    """
    bare = re.split(r"<[|｜]", name, maxsplit=1)[0].strip().strip("\"'`")
    for candidate in (bare, bare.rpartition(".")[2], bare.partition(":")[0]):
        if candidate in offered:
            return candidate
    plain = {re.sub(r"[\s.\-]+", "_", each).lower(): each for each in offered}
    return plain.get(re.sub(r"[\s.\-]+", "_", bare).lower(), bare)


def written_calls(text: str, offered: Collection[str]) -> list[WrittenCall]:
    """The calls in a text that should hold nothing else. Their names need not be offered."""
    text = text.strip()
    readers: tuple[Callable[[str, Collection[str]], Iterator[WrittenCall]], ...]
    readers = (_from_xml, _from_named_objects, _from_json_text, _from_python, _from_name)
    if text[:1] in ("{", "["):  # a text within JSON may look like anything
        readers = (_from_json_text, *readers)
    for reader in readers:
        found = [
            WrittenCall(resolved_name(call.name, offered), call.arguments)
            for call in reader(text, offered)
        ]
        if found:
            return found
    return []


def unfinished_call(text: str, offered: Collection[str]) -> WrittenCall | None:
    """A call whose arguments cannot be read, by its name."""
    match = _NAME_IN_JSON.search(text)
    return WrittenCall(resolved_name(match[1], offered), text) if match else None


def _from_xml(text: str, _offered: Collection[str]) -> Iterator[WrittenCall]:
    if "<" not in text:
        return
    for match in (*_FUNCTION.finditer(text), *_INVOKE.finditer(text)):
        pairs = {name: _value(value) for name, value in _PARAMETER.findall(match[2])}
        body = match[2].strip()
        yield WrittenCall(match[1].strip(), pairs if pairs or not body else body)
    pairs = {name: _value(value) for name, value in _GLM_ARGUMENT.findall(text)}
    if pairs:
        yield WrittenCall(re.split(r"<arg_key>|\n", text)[0].strip(), pairs)


def _value(text: str) -> Any:  # noqa: ANN401  any JSON value
    """A value of XML: a text, unless it can only be something else."""
    stripped = text.strip()
    if stripped in ("true", "false", "null") or stripped[:1] in ("{", "["):
        try:
            return json.loads(stripped)
        except (ValueError, RecursionError):
            return stripped
    return stripped


def _from_named_objects(text: str, offered: Collection[str]) -> Iterator[WrittenCall]:
    position = 0
    while match := _NAMED_OBJECT.search(text, position):
        position = match.end()
        name = resolved_name(match[1], offered)
        if name not in offered:
            continue
        value, end = _object_at(text, match.end())
        if value is not None:
            yield WrittenCall(name, value)
            position = end
        elif bare := _BARE_OBJECT.match(text, match.end()):
            pairs = _BARE_PAIR.findall(bare[1])
            yield WrittenCall(name, {key: next(filter(None, rest), "") for key, *rest in pairs})
            position = bare.end()
        else:
            yield WrittenCall(name, text[match.end() :])
            return


def _object_at(text: str, start: int) -> tuple[dict[str, Any] | None, int]:
    try:
        value, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return None, start
    return (value, end) if isinstance(value, dict) else (None, start)


def _from_json_text(text: str, offered: Collection[str]) -> Iterator[WrittenCall]:
    decoder = json.JSONDecoder()
    position = 0
    if text[:2] in ("{'", "['") or text[:3] == "[{'":
        yield from calls_of_json(_python_value(text), offered)
    while match := _JSON_BEGIN.search(text, position):
        try:
            value, position = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            position = match.end()
        else:
            yield from calls_of_json(value, offered)


def calls_of_json(
    value: Any,  # noqa: ANN401  any JSON value
    offered: Collection[str],
    depth: int = _DEEPEST,
) -> list[WrittenCall]:
    """The calls that a JSON value describes; none where it is other data."""
    if depth == 0:
        return []
    if isinstance(value, list):
        return [call for item in value for call in calls_of_json(item, offered, depth - 1)]
    if not isinstance(value, dict):
        return []
    inner = next(
        (value[key] for key in _ENVELOPES if isinstance(value.get(key), dict | list)), None
    )
    if inner is None and isinstance(value.get("function"), dict):
        inner = value["function"]
    if inner is not None:
        return calls_of_json(inner, offered, depth - 1)
    name = next((value[key] for key in _NAME_KEYS if isinstance(value.get(key), str)), "")
    given = next((key for key in _ARGUMENT_KEYS if key in value), "")
    if not name and len(value) == 1:
        (only, arguments), *_ = value.items()
        if resolved_name(only, offered) in offered and isinstance(arguments, dict):
            return [WrittenCall(only, arguments)]
    if not name or not (given or resolved_name(name, offered) in offered):
        return []
    arguments = value.get(given)
    if isinstance(arguments, dict | str):
        return [WrittenCall(name, arguments)]
    return [WrittenCall(name, {} if arguments is None else json.dumps(arguments))]


def _python_value(text: str) -> Any:  # noqa: ANN401  any literal
    try:
        return ast.literal_eval(text) if len(text) <= _LONGEST_EXPRESSION else None
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _from_python(text: str, offered: Collection[str]) -> Iterator[WrittenCall]:
    if len(text) > _LONGEST_EXPRESSION:
        return
    try:
        tree = ast.parse(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return
    for statement in tree.body:
        if isinstance(statement, ast.Expr | ast.Assign):
            yield from _python_calls(statement.value, offered)


def _python_calls(node: ast.expr, offered: Collection[str]) -> Iterator[WrittenCall]:
    if isinstance(node, ast.List | ast.Tuple):
        for item in node.elts:
            yield from _python_calls(item, offered)
        return
    if not isinstance(node, ast.Call):
        return
    function = node.func
    name = ast.unparse(function)
    if isinstance(function, ast.Attribute) and function.attr in ("call", "run", "invoke"):
        name = ast.unparse(function.value)
    name = resolved_name(name, offered)
    if name not in offered:
        for argument in node.args:  # print(get_time())
            yield from _python_calls(argument, offered)
        return
    try:
        arguments = {key.arg: ast.literal_eval(key.value) for key in node.keywords if key.arg}
        json.dumps(arguments)
    except (ValueError, TypeError, RecursionError):
        yield WrittenCall(name, ast.unparse(node))
        return
    yield WrittenCall(name, ast.unparse(node) if node.args else arguments)


def _from_name(text: str, offered: Collection[str]) -> Iterator[WrittenCall]:
    match = _WORD.fullmatch(re.sub(r"<[^<>]*>|```\w*", " ", text).strip())
    if match and resolved_name(match[1], offered) in offered:
        yield WrittenCall(match[1], {})
