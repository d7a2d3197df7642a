"""The marks of chat templates and of models' training that may stand in the text of an answer.

They are compared without regard to case. None is the beginning of another, so that each is known as
soon as it is complete.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


class Mark(Enum):
    """What a mark does to the text behind it."""

    THOUGHT = auto()
    """A thought begins."""
    CALL = auto()
    """A tool call begins."""
    DROPPED = auto()
    """Something begins that is neither (a tool's result that the model made up)."""
    HEADER = auto()
    """The header of a message begins."""
    CLOSING = auto()
    """A thought ends, whose opening mark may be missing."""
    STOP = auto()
    """The answer ends."""
    NOTHING = auto()
    """The mark alone is left out."""


@dataclass(frozen=True, slots=True)
class Block:
    """What a mark opens, and the marks that close it; without any, it lasts to the end."""

    mark: Mark
    closings: tuple[str, ...] = ()


THOUGHT_TAGS: Final = (
    *("think", "thinking", "thought", "thoughts", "reasoning", "reflection", "scratchpad"),
    *("seed:think", "mm:think", "inner_monologue", "analysis"),
)
_THOUGHTS: Final = {
    **{f"<{tag}>": (f"</{tag}>",) for tag in THOUGHT_TAGS},
    "[think]": ("[/think]",),
    "◁think▷": ("◁/think▷",),
    "<|start_thinking|>": ("<|end_thinking|>",),
    "<|begin_of_thought|>": ("<|end_of_thought|>",),
    "<|channel>thought": ("<channel|>",),
    "<unused94>": ("<unused95>",),
}
_CALLS: Final = {
    "<tool_call>": ("</tool_call>",),
    "<tool_calls>": ("</tool_calls>",),
    "<toolcall>": ("</toolcall>",),
    "<tool_use>": ("</tool_use>",),
    "<tools>": ("</tools>",),
    "<function_call>": ("</function_call>",),
    "<function_calls>": ("</function_calls>",),
    "<functioncall>": ("</functioncall>",),
    "<function=": ("</function>",),
    "<invoke name=": ("</invoke>",),
    "<minimax:tool_call>": ("</minimax:tool_call>",),
    "<seed:tool_call>": ("</seed:tool_call>",),
    "<｜dsml｜function_calls>": ("</｜dsml｜function_calls>",),
    "<start_function_call>": ("<end_function_call>",),
    "<|tool_call>": ("<tool_call|>",),
    "<|tool_call|>": ("<|/tool_call|>", "<|end_of_tool_call|>"),
    "<|tool_call_start|>": ("<|tool_call_end|>",),
    "<|tool_calls_section_begin|>": ("<|tool_calls_section_end|>",),
    "<|tool_call_begin|>": ("<|tool_call_end|>",),
    "<｜tool▁calls▁begin｜>": ("<｜tool▁calls▁end｜>",),
    "<｜tool▁call▁begin｜>": ("<｜tool▁call▁end｜>",),
    "<|tools_prefix|>": ("<|tools_suffix|>",),
    "<|action_start|>": ("<|action_end|>",),
    "<|start_action|>": ("<|end_action|>",),
    "<|plugin|>": ("<|action_end|>",),
    "<|python_tag|>": ("<|eom_id|>", "<|eot_id|>"),
    "[tool_calls]": ("</s>",),
    "[tool_call]": ("[/tool_call]",),
    "functools[": (),
}
_DROPPED: Final = {
    "<tool_response>": ("</tool_response>",),
    "<tool_result>": ("</tool_result>",),
    "<function_results>": ("</function_results>",),
    "<|tool_response>": ("<tool_response|>",),
    "[tool_results]": ("[/tool_results]",),
    "<|start_tool_result|>": ("<|end_tool_result|>",),
}
HARMONY_ENDS: Final = ("<|end|>", "<|call|>", "<|return|>", "<|start|>", "<|channel|>")
NOT_CONSUMED: Final = frozenset({"<|start|>", "<|channel|>"})
"""Closing marks that open the next message."""
_HEADERS: Final = {
    "<|start|>": ("<|message|>",),
    "<|channel|>": ("<|message|>",),
    "<|im_start|>": ("\n", "<|im_sep|>"),
    "<|start_header_id|>": ("<|end_header_id|>",),
    "<|header_start|>": ("<|header_end|>",),
    "<|start_of_role|>": ("<|end_of_role|>",),
    "<start_of_turn>": ("\n",),
    "<|turn>": ("\n",),
}
_STOPS: Final = (
    *("<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|eot|>", "<|end_of_text|>", "<|endoftext|>"),
    *("<end_of_turn>", "<turn|>", "</s>", "<eos>", "<|end_of_turn|>", "<|end_of_turn_token|>"),
    *("<｜end▁of▁sentence｜>", "<|end_of_sentence|>", "<|endofturn|>", "<|return|>", "<|user|>"),
    *("<|observation|>", "[/inst]", "<|eos|>", "<|stop|>", "<｜user｜>", "<|endofprompt|>"),
)
_NOTHING: Final = (
    *("<s>", "<bos>", "<pad>", "<unk>", "<|begin_of_text|>", "<|assistant|>", "<｜assistant｜>"),
    *("[inst]", "<answer>", "</answer>", "<response>", "</response>", "<final>", "</final>"),
    *("<final_answer>", "</final_answer>", "<|start_response|>", "<|end_response|>", "<|end|>"),
    *("<|begin_of_solution|>", "<|end_of_solution|>", "<|begin_of_box|>", "<|end_of_box|>"),
    *("<|message|>", "<|call|>", "<|constrain|>", "<|im_sep|>", "<channel|>", "<|think|>"),
    *("</tool_call>", "</function>", "</tools>", "</invoke>", "</function_calls>"),
    *("<|eom|>", "<|system|>", "<|sep|>", "<|tool_call_end|>", "<tool_call|>"),
)

_CLOSINGS: Final = tuple(
    closing for closings in _THOUGHTS.values() for closing in closings if closing != "<channel|>"
)

BLOCKS: Final[dict[str, Block]] = {
    **{mark: Block(Mark.NOTHING) for mark in _NOTHING},
    **{mark: Block(Mark.STOP) for mark in _STOPS},
    **{mark: Block(Mark.CLOSING) for mark in _CLOSINGS},
    **{mark: Block(Mark.HEADER, closings) for mark, closings in _HEADERS.items()},
    **{mark: Block(Mark.DROPPED, closings) for mark, closings in _DROPPED.items()},
    **{mark: Block(Mark.CALL, closings) for mark, closings in _CALLS.items()},
    **{mark: Block(Mark.THOUGHT, closings) for mark, closings in _THOUGHTS.items()},
}
"""All marks, in lower case, with what they open."""


def finder(marks: tuple[str, ...]) -> re.Pattern[str]:
    """A pattern that finds the first of the marks."""
    return re.compile("|".join(map(re.escape, marks)), re.IGNORECASE | re.ASCII)


ANY_MARK: Final = finder(tuple(BLOCKS))


def prefixes(marks: tuple[str, ...]) -> frozenset[str]:
    """All beginnings of the marks, shorter than these."""
    return frozenset(mark[:length] for mark in marks for length in range(1, len(mark)))


ALL_PREFIXES: Final = prefixes(tuple(BLOCKS))
LONGEST_MARK: Final = max(map(len, BLOCKS))


def unfinished_mark(text: str, beginnings: frozenset[str] = ALL_PREFIXES) -> int:
    """The length of the longest end of the text that may be the beginning of a mark."""
    end = text[-LONGEST_MARK:].lower()
    lengths = range(len(end), 0, -1)
    return next((length for length in lengths if end[-length:] in beginnings), 0)
