"""Streams of chat completions as servers and models in the field really send them.

Each shape is the body of one answer, with what must come of it. The sources are the public reports
and formats of the servers and models that are named.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.llm.answer_events import End

TOOLS = ("get_time", "get_date", "set_timer", "forget_conversation")
"""The tools that are offered; of those the shapes call get_time and set_timer."""

NOON = "It is noon."
TEN = {"seconds": 600}


Calls = tuple[tuple[str, Mapping[str, Any] | None], ...]


@dataclass(frozen=True)
class Shape:
    """The body of an answer, and what must come of it.

    `words`: those of the answer, without white space around them. `calls`: the tools that are
    called, with the arguments; None where the call must be refused. `fails`: the body is an error.
    """

    name: str
    body: bytes
    words: str = ""
    calls: Calls = ()
    end: End = End.STOP
    fails: bool = False


def sse(*chunks: object, done: bool = True) -> bytes:
    """The chunks as server-sent events."""
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()


def chunk(delta: object, finish: str | None = None, **more: object) -> dict[str, Any]:
    return {
        "id": "x",
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish, **more}],
    }


def deltas(*given: object, finish: str | None = "stop") -> bytes:
    last = [] if finish is None else [chunk({}, finish)]
    return sse(*(chunk(delta) for delta in given), *last)


def said(text: str, finish: str | None = "stop") -> bytes:
    """A text in pieces of a few characters, so that marks are cut."""
    return deltas(*({"content": text[n : n + 5]} for n in range(0, len(text), 5)), finish=finish)


def call(
    name: object, arguments: object, *, index: object = 0, id: object = "call_1", **more: object
) -> dict[str, Any]:
    function = {key: v for key, v in (("name", name), ("arguments", arguments)) if v is not ...}
    body = {"index": index, "id": id, "type": "function", "function": function, **more}
    return {key: value for key, value in body.items() if value is not ...}


def calling(*pieces: object, finish: str | None = "tool_calls") -> bytes:
    return deltas(*({"tool_calls": [piece]} for piece in pieces), finish=finish)


TIME: Calls = (("get_time", {}),)
TIMER: Calls = (("set_timer", TEN),)
BOTH: Calls = (("get_time", {}), ("set_timer", TEN))
TEN_TEXT = json.dumps(TEN)

CALLS = [
    Shape("id null (vllm 18412)", calling(call("get_time", "{}", id=None)), calls=TIME),
    Shape("id absent (litellm 11407)", calling(call("get_time", "{}", id=...)), calls=TIME),
    Shape("id empty", calling(call("get_time", "{}", id="")), calls=TIME),
    Shape("id a number", calling(call("get_time", "{}", id=7)), calls=TIME),
    Shape(
        "id and name in separate deltas (pipecat 4987)",
        calling(call(..., ...), call("get_time", ..., id=...), call(..., "{}", id=...)),
        calls=TIME,
    ),
    Shape(
        "name first, then id and arguments",
        calling(call("get_time", "", id=...), call(..., "{}")),
        calls=TIME,
    ),
    Shape(
        "two whole calls at index 0 with ids (ollama 15457)",
        calling(call("get_time", "{}", id="a"), call("set_timer", TEN_TEXT, id="b")),
        calls=BOTH,
    ),
    Shape(
        "two whole calls at index 0 without ids (Gemini)",
        calling(call("get_time", "{}", id=None), call("set_timer", TEN_TEXT, id=None)),
        calls=BOTH,
    ),
    Shape(
        "two calls in one delta, both at index 0 (Gemini)",
        deltas(
            {"tool_calls": [call("get_time", "{}", id=""), call("set_timer", TEN_TEXT, id="")]},
            finish="stop",
        ),
        calls=BOTH,
    ),
    Shape(
        "the same call twice at index 0, with one id",
        calling(call("get_time", "{}", id="call_0"), call("get_time", "{}", id="call_0")),
        calls=(*TIME, *TIME),
    ),
    Shape(
        "two calls at index 0, arguments in pieces",
        calling(
            call("set_timer", "", id="a"),
            call(..., '{"seconds"', id=...),
            call(..., ": 600}", id=...),
            call("get_time", "", id="b"),
            call(..., "{}", id=...),
        ),
        calls=(*TIMER, *TIME),
    ),
    Shape(
        "no index at all",
        calling(
            call("set_timer", '{"seconds": ', index=...),
            call(..., "600}", index=..., id=...),
            call("get_time", "{}", index=..., id="call_2"),
        ),
        calls=(*TIMER, *TIME),
    ),
    Shape(
        "index null, id repeated with each piece",
        calling(call("set_timer", '{"seco', index=None), call(None, 'nds": 600}', index=None)),
        calls=TIMER,
    ),
    Shape(
        "indexes that begin at 1",
        calling(call("get_time", "{}", index=1), call("set_timer", TEN_TEXT, index=2, id="b")),
        calls=BOTH,
    ),
    Shape(
        "pieces of two calls mixed",
        calling(
            call("get_time", "", index=0, id="a"),
            call("set_timer", '{"seconds"', index=1, id="b"),
            call(..., "{}", index=0, id=...),
            call(..., ":600}", index=1, id=...),
        ),
        calls=BOTH,
    ),
    Shape("index a text", calling(call("get_time", "{}", index="0")), calls=TIME),
    Shape(
        "name and id repeated with each piece",
        calling(call("set_timer", '{"seconds"'), call("set_timer", ": 600}")),
        calls=TIMER,
    ),
    Shape(
        "name in pieces",
        calling(call("set_", ""), call("timer", ...), call(..., TEN_TEXT)),
        calls=TIMER,
    ),
    Shape(
        "empty name with later pieces (DashScope)",
        calling(call("set_timer", ""), call("", TEN_TEXT, id="")),
        calls=TIMER,
    ),
    Shape("arguments an object", calling(call("set_timer", TEN)), calls=TIMER),
    Shape("arguments null", calling(call("get_time", None)), calls=TIME),
    Shape("arguments absent", calling(call("get_time", ...)), calls=TIME),
    Shape("arguments empty", calling(call("get_time", "")), calls=TIME),
    Shape("arguments the word null", calling(call("get_time", "null")), calls=TIME),
    Shape("arguments encoded twice", calling(call("set_timer", json.dumps(TEN_TEXT))), calls=TIMER),
    Shape("arguments no JSON", calling(call("set_timer", "{bad")), calls=(("set_timer", None),)),
    Shape("arguments a list", calling(call("set_timer", "[600]")), calls=(("set_timer", None),)),
    Shape(
        "arguments cut off by the limit of tokens",
        calling(call("set_timer", '{"seconds": 6'), finish="length"),
        calls=(("set_timer", None),),
        end=End.LENGTH,
    ),
    Shape(
        "call, then stop instead of tool_calls",
        calling(call("get_time", "{}"), finish="stop"),
        calls=TIME,
    ),
    Shape("call without an end", calling(call("get_time", "{}"), finish=None), calls=TIME),
    Shape(
        "words and a call",
        deltas({"content": "Let me look. "}, {"tool_calls": [call("get_time", "{}")]}),
        words="Let me look.",
        calls=TIME,
    ),
    Shape("unknown tool", calling(call("get_weather", "{}")), calls=(("get_weather", {}),)),
    Shape("namespace before the name", calling(call("functions.get_time", "{}")), calls=TIME),
    Shape(
        "marks behind the name (gpt-oss)",
        calling(call("get_time<|channel|>commentary", "{}")),
        calls=TIME,
    ),
    Shape("blanks in the name", calling(call("Get Time", "{}")), calls=TIME),
    Shape("no name", calling(call(None, "{}")), calls=(("unknown", None),)),
    Shape(
        "the older API: function_call",
        deltas(
            {"function_call": {"name": "get_time", "arguments": ""}},
            {"function_call": {"arguments": "{}"}},
            finish="function_call",
        ),
        calls=TIME,
    ),
    Shape("tool_calls an object", deltas({"tool_calls": call("get_time", "{}")}), calls=TIME),
    Shape("tool_calls null beside words", deltas({"content": NOON, "tool_calls": None}), NOON),
    Shape(
        "tool_calls without function",
        deltas({"tool_calls": [{"name": "get_time", "id": "a"}]}),
        calls=TIME,
    ),
    Shape("tool_calls of nonsense", deltas({"tool_calls": [None, 7, "x"], "content": NOON}), NOON),
    Shape(
        "a lone surrogate in the arguments",
        calling(call("set_timer", '{"seconds": 600, "name": "\\ud83d"}')),
        calls=(("set_timer", {**TEN, "name": "\ufffd"}),),
    ),
    Shape(
        "too many calls",
        calling(*(call("get_time", "{}", index=n, id=f"c{n}") for n in range(40))),
        calls=(("get_time", None),) * 8,
    ),
    Shape(
        "long arguments",
        calling(call("set_timer", '{"name": "'), *(call(..., "x" * 1000, id=...),) * 18),
        calls=(("set_timer", None),),
    ),
]

JSON_CALL = '{"name": "set_timer", "arguments": {"seconds": 600}}'
WRITTEN = {
    "bare JSON (Llama 3.1)": '{"name": "set_timer", "parameters": {"seconds": 600}}',
    "bare JSON, pretty": json.dumps({"name": "set_timer", "arguments": TEN}, indent=2),
    "bare JSON with a type": '{"type": "function", "name": "set_timer", '
    '"parameters": {"seconds": 600}}',
    "bare JSON in an envelope": '{"tool_calls": [{"function": {"name": "set_timer", "arguments": '
    '"{\\"seconds\\": 600}"}}]}',
    "bare JSON, function first": '{"function": "set_timer", "arguments": {"seconds": 600}}',
    "bare JSON, tool and tool_input": '{"tool": "set_timer", "tool_input": {"seconds": 600}}',
    "bare JSON, action": '{"action": "set_timer", "action_input": {"seconds": 600}}',
    "bare JSON, function_call": f'{{"function_call": {JSON_CALL}}}',
    "bare JSON list": f"[{JSON_CALL}]",
    "bare JSON with single quotes": "{'name': 'set_timer', 'arguments': {'seconds': 600}}",
    "JSON in a fence": f"```json\n{JSON_CALL}\n```",
    "JSON in a fence without a language": f"```\n{JSON_CALL}\n```",
    "tool_call tags (Hermes, Qwen)": f"<tool_call>\n{JSON_CALL}\n</tool_call>",
    "tool_call tags, never closed": f"<tool_call>\n{JSON_CALL}",
    "tool_call tags in upper case": f"<TOOL_CALL>{JSON_CALL}</TOOL_CALL>",
    "tool_call tags in a fence": f"```xml\n<tool_call>{JSON_CALL}</tool_call>\n```",
    "tools tags (Qwen2.5)": f"<tools>\n{JSON_CALL}\n</tools>",
    "function_call tags": f"<function_call>{JSON_CALL}</function_call>",
    "functioncall tags (Glaive)": f"<functioncall> {JSON_CALL}",
    "tool_calls tags (MiniMax M1, Jamba)": f"<tool_calls>[{JSON_CALL}]</tool_calls>",
    "TOOLCALL tags (Nemotron)": f"<TOOLCALL>[{JSON_CALL}]</TOOLCALL>",
    "[TOOL_CALLS] and a list (Mistral)": f"[TOOL_CALLS] [{JSON_CALL}]",
    "[TOOL_CALLS] name[ARGS] (Mistral Small 3.2)": f"[TOOL_CALLS]set_timer[ARGS]{TEN_TEXT}",
    "[TOOL_CALLS] name{} (Magistral)": f"[TOOL_CALLS]set_timer{TEN_TEXT}</s>",
    "[TOOL_CALLS] with [CALL_ID]": f"[TOOL_CALLS]set_timer[CALL_ID]a1b2c3d4e[ARGS]{TEN_TEXT}",
    "python_tag and JSON (Llama 3.1)": f"<|python_tag|>{JSON_CALL}<|eom_id|>",
    "python_tag and a call (Llama 3.1)": "<|python_tag|>set_timer.call(seconds=600)",
    "function tag (Llama 3.1)": f"<function=set_timer>{TEN_TEXT}</function>",
    "function tag without >": f"<function=set_timer{TEN_TEXT}</function>",
    "list of expressions (Llama 3.2, Llama 4)": "[set_timer(seconds=600)]",
    "bare expression": "set_timer(seconds=600)",
    "expression in tool_code (Gemma)": "```tool_code\nset_timer(seconds=600)\n```",
    "printed expression in tool_code (Gemma)": "```tool_code\n"
    "print(default_api.set_timer(seconds=600))\n```",
    "expression between marks (LFM2)": "<|tool_call_start|>[set_timer(seconds=600)]"
    "<|tool_call_end|>",
    "tool_call mark (Granite)": f"<|tool_call|>[{JSON_CALL}]",
    "tool_call marks (Phi-4-mini)": f"<|tool_call|>[{JSON_CALL}]<|/tool_call|>",
    "functools (Phi-4-mini, Firefunction)": f"functools[{JSON_CALL}]",
    "action marks (InternLM)": "<|action_start|><|plugin|>\n"
    '{"name": "set_timer", "parameters": {"seconds": 600}}<|action_end|>',
    "START_ACTION (Command R7B)": '<|START_ACTION|>[{"tool_call_id": "0", '
    '"tool_name": "set_timer", '
    '"parameters": {"seconds": 600}}]<|END_ACTION|>',
    "tool calls of DeepSeek V3": "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>"
    f"set_timer\n```json\n{TEN_TEXT}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "tool calls of DeepSeek V3.1": "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>set_timer"
    f"<｜tool▁sep｜>{TEN_TEXT}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "tool calls of Kimi K2": "<|tool_calls_section_begin|><|tool_call_begin|>functions.set_timer:0"
    f"<|tool_call_argument_begin|>{TEN_TEXT}<|tool_call_end|><|tool_calls_section_end|>",
    "tools_prefix (Apertus)": f'<|tools_prefix|>[{{"set_timer": {TEN_TEXT}}}]<|tools_suffix|>',
    "harmony commentary (gpt-oss)": "<|channel|>commentary to=functions.set_timer "
    f"<|constrain|>json<|message|>{TEN_TEXT}<|call|>",
    "harmony, recipient in the role": "<|start|>assistant to=functions.set_timer<|channel|>"
    f"commentary json<|message|>{TEN_TEXT}<|call|>",
    "harmony after an analysis": "<|channel|>analysis<|message|>A timer, then.<|end|><|start|>"
    f"assistant<|channel|>commentary to=functions.set_timer<|message|>{TEN_TEXT}",
    "harmony without its marks": "analysisA timer, then.assistantcommentary to=functions.set_timer "
    f"json{TEN_TEXT}",
    "behind a thought": f"<think>\nA timer.\n</think>\n\n<tool_call>{JSON_CALL}</tool_call>",
    "with a made-up result": f"<tool_call>{JSON_CALL}</tool_call>\n<tool_response>done"
    "</tool_response>\nThe timer is set, believe me.",
}

WRITTEN_WITHOUT_TYPES = {
    "function and parameter tags (Qwen3-Coder)": "<tool_call>\n<function=set_timer>\n"
    "<parameter=seconds>\n600\n</parameter>\n</function>\n</tool_call>",
    "function and parameter tags without tool_call": "<function=set_timer>\n"
    "<parameter=seconds>600</parameter>\n</function>",
    "seed tags (Seed-OSS)": "<seed:tool_call><function=set_timer><parameter=seconds>600"
    "</parameter></function></seed:tool_call>",
    "invoke (MiniMax M2)": '<minimax:tool_call>\n<invoke name="set_timer">\n'
    '<parameter name="seconds">600</parameter>\n</invoke>\n</minimax:tool_call>',
    "function_calls and invoke": '<function_calls><invoke name="set_timer">'
    '<parameter name="seconds">600</parameter></invoke></function_calls>',
    "DSML (DeepSeek V3.2)": '<｜DSML｜function_calls>\n<｜DSML｜invoke name="set_timer">\n'
    '<｜DSML｜parameter name="seconds" string="false">600</｜DSML｜parameter>\n'
    "</｜DSML｜invoke>\n</｜DSML｜function_calls>",
    "arg_key and arg_value (GLM-4.5)": "<tool_call>set_timer\n<arg_key>seconds</arg_key>\n"
    "<arg_value>600</arg_value>\n</tool_call>",
    "start_function_call (FunctionGemma)": "<start_function_call>call:set_timer{seconds:600}"
    "<end_function_call>",
    "call: (Gemma 4)": "<|tool_call>call:set_timer{seconds:600}<tool_call|>",
}

THOUGHTS = {
    "think": f"<think>\nThe user wants it.\n</think>\n\n{NOON}",
    "think in upper case": f"<THINK>The user wants it.</THINK>{NOON}",
    "thinking": f"<thinking>Hm.</thinking>{NOON}",
    "thought": f"<thought>Hm.</thought>{NOON}",
    "Thought in mixed case": f"<Thought>Hm.</THOUGHT>\n{NOON}",
    "reasoning": f"<reasoning>Hm.</reasoning>{NOON}",
    "reflection": f"<reflection>Hm.</reflection>{NOON}",
    "scratchpad": f"<scratchpad>Hm.</scratchpad>{NOON}",
    "empty think (Qwen3, /no_think)": f"<think>\n\n</think>\n\n{NOON}",
    "opening mark swallowed (home-assistant 147541)": "Okay, the user wants the time. I should "
    f"look at the clock.\n</think>\n\n{NOON}",
    "opening mark swallowed, at once closed": f"</think>\n\n{NOON}",
    "[THINK] (Magistral)": f"[THINK]Hm.[/THINK]{NOON}",
    "think in triangles (Kimi-VL)": f"◁think▷Hm.◁/think▷{NOON}",
    "START_THINKING (Command A)": f"<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>{NOON}"
    "<|END_RESPONSE|>",
    "seed:think": f"<seed:think>Hm.</seed:think>{NOON}",
    "unused94 (MedGemma)": f"<unused94>thought\nHm.<unused95>{NOON}",
    "channel thought (Gemma 4)": f"<|channel>thought\nHm.<channel|>{NOON}",
    "answer tags (Hunyuan)": f"<think>Hm.</think>\n<answer>\n{NOON}\n</answer>",
    "harmony": f"<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final"
    f"<|message|>{NOON}<|return|>",
    "harmony, first mark in the prompt": f"analysis<|message|>Hm.<|end|><|start|>assistant"
    f"<|channel|>final<|message|>{NOON}",
    "harmony without its marks": f"analysisWe need the time.assistantfinal{NOON}",
    "harmony, final alone": f"<|start|>assistant<|channel|>final<|message|>{NOON}",
    "harmony commentary": f"<|channel|>commentary<|message|>Let me see.<|end|><|start|>assistant"
    f"<|channel|>final<|message|>{NOON}",
    "im_end": f"{NOON}<|im_end|>",
    "im_end, and the next turn": f"{NOON}<|im_end|>\n<|im_start|>user\nWhat else?<|im_end|>",
    "im_start": f"<|im_start|>assistant\n{NOON}<|im_end|>",
    "eot_id": f"<|start_header_id|>assistant<|end_header_id|>\n\n{NOON}<|eot_id|>",
    "end_of_turn (Gemma)": f"{NOON}<end_of_turn>",
    "</s> (Mistral)": f"{NOON}</s>",
    "endoftext": f"{NOON}<|endoftext|>Human: and now?",
    "end (Phi)": f"{NOON}<|end|>",
    "end of sentence (DeepSeek)": f"{NOON}<｜end▁of▁sentence｜>",
    "[/INST] (Llama 2)": f"{NOON} [/INST]",
    "assistant mark": f"<|assistant|>{NOON}<|user|>",
}

PLAIN = {
    "a mark in quotes": "The mark `<think>` begins a thought.",
    "angle brackets": "If a < b, then b > a, and <b>so</b> on.",
    "square brackets": "See [1] and [the page](https://example.org).",
    "braces": "A set is {1, 2}, and {name} is a place.",
    "JSON that is no call": 'It is {"temperature": 21, "unit": "C"}.',
    "code": "Here:\n```python\nprint('<think>')\n```\nThat is all.",
    "JSON in a fence that is no call": 'So:\n```json\n{"name": "Ann"}\n```\nIt is.',
    "the name of a tool": "get_time tells the time.",
    "a call that is explained": "set_timer() is how one sets a timer.",
    "okay": "Okay, the timer is set.",
    "so": "So, it is noon.",
    "final": "Final answer: noon.",
    "analysis": "Analysis shows that it is noon.",
    "the user": "The user of this device is you.",
}

WORDS = [
    Shape("plain", said(NOON), NOON),
    Shape(
        "role first, content null",
        deltas({"role": "assistant", "content": None}, {"content": NOON}),
        NOON,
    ),
    Shape("no end, no [DONE]", sse(chunk({"content": NOON}), done=False), NOON),
    Shape(
        "statistics without choices",
        sse(chunk({"content": NOON}, "stop"), {"choices": [], "usage": {"total_tokens": 3}}),
        NOON,
    ),
    Shape("choices null", sse(chunk({"content": NOON}), {"choices": None}), NOON),
    Shape("delta null", sse(chunk(None), chunk({"content": NOON}), chunk(None, "stop")), NOON),
    Shape(
        "CRLF and comments",
        sse(chunk({"content": NOON}, "stop"))
        .replace(b"\n", b"\r\n")
        .replace(b"data", b": keep-alive\r\ndata", 1),
        NOON,
    ),
    Shape(
        "carriage returns alone", sse(chunk({"content": NOON}, "stop")).replace(b"\n", b"\r"), NOON
    ),
    Shape(
        "no blank after data:",
        sse(chunk({"content": NOON}, "stop")).replace(b": {", b":{", 1),
        NOON,
    ),
    Shape(
        "no empty line between events",
        sse(chunk({"content": "It is "}), chunk({"content": "noon."})).replace(b"\n\n", b"\n"),
        NOON,
    ),
    Shape("a byte order mark", b"\xef\xbb\xbf" + said(NOON), NOON),
    Shape("event names and ids", b"event: message\nid: 1\nretry: 5\n" + said(NOON), NOON),
    Shape(
        "one JSON object instead of a stream",
        json.dumps({"choices": [{"message": {"content": NOON}, "finish_reason": "stop"}]}).encode(),
        NOON,
    ),
    Shape(
        "one pretty JSON object",
        json.dumps({"choices": [{"message": {"content": NOON}}]}, indent=2).encode(),
        NOON,
    ),
    Shape("message instead of delta", sse({"choices": [{"message": {"content": NOON}}]}), NOON),
    Shape("text instead of delta (completions)", sse({"choices": [{"text": NOON}]}), NOON),
    Shape(
        "lines of JSON (Ollama's own API)",
        b'{"message": {"content": "It is "}, "done": false}\n'
        b'{"message": {"content": "noon."}, "done": true, "done_reason": "stop"}\n',
        NOON,
    ),
    Shape(
        "content in parts (Mistral)",
        deltas(
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                    {"type": "text", "text": NOON},
                ]
            }
        ),
        NOON,
    ),
    Shape(
        "reasoning_content (DeepSeek, vLLM)",
        deltas({"reasoning_content": "Hm."}, {"content": NOON}),
        NOON,
    ),
    Shape(
        "reasoning (Ollama, Groq, OpenRouter)",
        deltas({"reasoning": "Hm.", "content": ""}, {"content": NOON}),
        NOON,
    ),
    Shape(
        "reasoning_details",
        deltas({"reasoning_details": [{"text": "Hm."}]}, {"content": NOON}),
        NOON,
    ),
    Shape(
        "thought between words",
        deltas({"content": "It is "}, {"reasoning": "Hm."}, {"content": "noon."}),
        NOON,
    ),
    Shape(
        "an emoji cut in two",
        deltas({"content": "Fine \ud83d"}, {"content": "\ude00."}),
        "Fine \U0001f600.",
    ),
    Shape("a lone high surrogate", deltas({"content": "Fine \ud83d."}), "Fine \ufffd."),
    Shape("a lone low surrogate", deltas({"content": "Fine \ude00."}), "Fine \ufffd."),
    Shape("a lone surrogate at the end", deltas({"content": "Fine. \ud83d"}), "Fine. \ufffd"),
    Shape(
        "two choices in a chunk",
        sse(
            {
                "choices": [
                    {"index": 0, "delta": {"content": NOON}},
                    {"index": 1, "delta": {"content": "Midnight."}},
                ]
            }
        ),
        NOON,
    ),
    Shape(
        "two choices in turn",
        sse(
            chunk({"content": "It is "}),
            {"choices": [{"index": 1, "delta": {"content": "Midnight."}}]},
            chunk({"content": "noon."}),
        ),
        NOON,
    ),
    Shape(
        "refusal",
        deltas({"refusal": "I cannot "}, {"refusal": "help with that."}),
        "I cannot help with that.",
    ),
    Shape("audio transcript", deltas({"audio": {"transcript": NOON}}), NOON),
    Shape(
        "an end in every chunk",
        sse(chunk({"content": "It is "}, ""), chunk({"content": "noon."}, "")),
        NOON,
    ),
    Shape(
        "words behind the end",
        sse(chunk({"content": "It is "}, "stop"), chunk({"content": "noon."})),
        NOON,
    ),
    Shape(
        "end by the limit of tokens", said("It is nearly", "length"), "It is nearly", end=End.LENGTH
    ),
    Shape("end_turn", said(NOON, "end_turn"), NOON),
    Shape("eos", said(NOON, "eos"), NOON),
    Shape(
        "content filter in mid-answer", said("It is", "content_filter"), "It is", end=End.FILTERED
    ),
]

MUTE = [
    Shape("role, then stop (pipecat 4292)", deltas({"role": "assistant"})),
    Shape("white space only", deltas({"content": "\n"}, {"content": "  "})),
    Shape("content filter", deltas({}, finish="content_filter"), end=End.FILTERED),
    Shape("SAFETY (Gemini)", deltas({}, finish="SAFETY"), end=End.FILTERED),
    Shape(
        "only reasoning_content, then length",
        deltas({"reasoning_content": "Hm. "}, finish="length"),
        end=End.LENGTH,
    ),
    Shape("only a thought, never closed", said("<think>The user wants", "length"), end=End.LENGTH),
    Shape("only a thought, closed", said("<think>The user wants.</think>")),
    Shape("only a stop mark", said("<|im_end|>")),
    Shape("only a header", said("<|channel|>analysis")),
    Shape(
        "a swallowed opening mark, cut off",
        said("Okay, the user wants the time. I", "length"),
        end=End.LENGTH,
    ),
    Shape("a call that cannot be read", said("<tool_call>what is this</tool_call>")),
]

BROKEN = [
    Shape("nothing", b"", fails=True),
    Shape("[DONE] alone", b"data: [DONE]\n\n", fails=True),
    Shape("bad JSON", b"data: {not json\n\n", fails=True),
    Shape(
        "bad JSON in mid-stream",
        deltas({"content": "It"}, finish=None)[:-14] + b"data: {x\n\n",
        "It",
        fails=True,
    ),
    Shape("HTML", b"<html><body>Bad gateway</body></html>", fails=True),
    Shape(
        "an error (vLLM)", sse({"object": "error", "message": "no memory", "code": 500}), fails=True
    ),
    Shape(
        "an error in mid-stream (OpenRouter)",
        sse(
            chunk({"content": "It"}),
            {"error": {"code": 502, "message": "gone"}, "choices": [chunk({}, "error")]},
        ),
        "It",
        fails=True,
    ),
    Shape("an error as text", sse({"error": "model requires more memory"}), fails=True),
    Shape("an error event", b'event: error\ndata: {"message": "overloaded"}\n\n', fails=True),
    Shape("detail (FastAPI)", sse({"detail": "not found"}), fails=True),
    Shape("a line without an end", b"data: " + b"x" * 300_000, fails=True),
    Shape("JSON nested too deeply", b"data: " + b"[" * 100_000 + b"\n\n", fails=True),
]


def _texts(kind: str, texts: Mapping[str, str], words: str, calls: Calls) -> Sequence[Shape]:
    return [
        Shape(f"{kind}: {name}", said(text), words or (text if not calls else ""), calls)
        for name, text in texts.items()
    ]


SHAPES: tuple[Shape, ...] = (
    *CALLS,
    *_texts("written", WRITTEN, "", TIMER),
    *_texts("written", WRITTEN_WITHOUT_TYPES, "", (("set_timer", {"seconds": "600"}),)),
    *_texts("thought", THOUGHTS, NOON, ()),
    *_texts("plain", PLAIN, "", ()),
    *WORDS,
    *MUTE,
    *BROKEN,
)
