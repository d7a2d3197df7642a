"""Separates the words of an answer from what chat templates and models mix into them. Pure.

Thoughts, calls written as text, headers and stop marks are taken out, code stays. The text
may come in any pieces: what may still become a mark (`template_marks`) is held back.
"""

import re
from collections.abc import Callable, Collection
from typing import Final

from appliance.llm.answer_events import CallBegun, Thought, Unsaid
from appliance.llm.filter_output import FilterOutput, Found
from appliance.llm.open_block import BracketedCall, Fence, OpenBlock
from appliance.llm.openings import begins_thought, channel_of
from appliance.llm.prose_scanner import FENCE, Meaning, ProseScanner
from appliance.llm.template_marks import BLOCKS, HARMONY_ENDS, NOT_CONSUMED, Mark, unfinished_mark
from appliance.llm.written_calls import WrittenCall, unfinished_call, written_calls

_LONGEST_HEADER: Final = 300
_ENDS_OF_THOUGHT: Final = tuple(
    mark for mark, block in BLOCKS.items() if block.mark is Mark.CLOSING
)
_ENDS_OF_DOUBT: Final = _ENDS_OF_THOUGHT + tuple(
    mark for mark, block in BLOCKS.items() if block.mark in (Mark.CALL, Mark.HEADER)
)
_RECIPIENT = re.compile(r"to=(\S+)")
_CHANNEL_NAME = re.compile(r"analysis|commentary|final")
_OTHER_ROLES: Final = ("user", "system", "tool", "human", "environment", "ipython", "developer")


class ProseFilter:
    """Filters one answer.

    `offered` are the names of the tools that the model may call, `longest_call` the characters of a
    call that are kept. An answer that `thinks_first` begins with a thought whose opening mark is
    known to be missing.
    """

    def __init__(
        self, offered: Collection[str], longest_call: int = 16_384, *, thinks_first: bool = False
    ) -> None:
        self._offered = offered
        self._longest_call = longest_call
        self._thinks_first = thinks_first
        self._scanner = ProseScanner(offered)
        self._out = FilterOutput()
        self._step: Callable[[bool], bool] = self._opening
        self._block = OpenBlock(Mark.NOTHING, ())
        self._bracketed = BracketedCall(longest_call)
        self._has_thought = self._is_cut = False

    def feed(self, text: str) -> list[Found]:
        """The events that are certain with this text."""
        self._out.buffer += text
        return self._scan(complete=False)

    def end(self, *, cut: bool = False) -> list[Found]:
        """The rest of the events; `cut` is an answer that the server ended before its end."""
        self._is_cut = cut
        return self._scan(complete=True)

    def _scan(self, *, complete: bool) -> list[Found]:
        while self._step(complete):
            pass
        found, self._out.found = self._out.found, []
        return found

    # The steps: each looks at the buffer, and returns whether there is more to do.

    def _opening(self, complete: bool) -> bool:
        """At the beginning of an answer, or of what follows a thought."""
        self._out.buffer = self._out.buffer.lstrip()
        if not self._out.buffer:
            return False
        if self._thinks_first and not self._has_thought:
            return self._enter(Mark.THOUGHT, _ENDS_OF_DOUBT, in_doubt=True)
        channel = channel_of(self._out.buffer)
        if isinstance(channel, re.Match):
            return self._enter_channel(channel)
        thinks = False if self._has_thought else begins_thought(self._out.buffer)
        if (channel is None or thinks is None) and not complete:
            return False
        if thinks:
            return self._enter(Mark.THOUGHT, _ENDS_OF_DOUBT, in_doubt=True)
        self._step = self._prose
        return True

    def _enter_channel(self, channel: re.Match[str]) -> bool:
        """A channel of gpt-oss whose marks were lost."""
        self._out.buffer = self._out.buffer[channel.end() :]
        if self._out.buffer.startswith("<|message|>"):
            self._out.buffer = self._out.buffer.removeprefix("<|message|>")
            return self._enter_message(channel[1])
        if channel[1] == "final":
            self._step = self._prose
            return True
        return self._enter(Mark.THOUGHT, ("assistantfinal", "assistantcommentary"))

    def _prose(self, complete: bool) -> bool:
        text = self._out.buffer
        bare = self._scanner.bare_call(text, self._out.last)
        position = 0
        while match := self._scanner.next_place(text, position):
            if bare and bare.end() <= match.start():
                break
            meaning = self._scanner.meaning(text, match, self._out.last, complete=complete)
            if meaning is Meaning.WORDS:
                position = match.end()
                continue
            self._out.pass_on(match.start())
            if meaning is Meaning.UNDECIDED:
                return False
            if meaning is Meaning.MARK:
                self._meet(match[0].lower())
            else:
                self._step = self._fence
                if meaning is Meaning.CALL:
                    self._enter_brackets()
            return True
        if bare:
            self._out.pass_on(bare.start())
            return self._enter_brackets()
        held = 0 if complete else self._scanner.held(text, position, self._out.last)
        self._out.pass_on(len(text) - held)
        return False

    def _meet(self, mark: str) -> None:
        """A mark in the prose."""
        block = BLOCKS[mark]
        self._out.buffer = self._out.buffer[len(mark) :]
        if block.mark is Mark.CLOSING:
            if self._out.said and not self._has_thought:
                self._out.found.append(Unsaid())
            self._has_thought, self._out.said = True, False
            self._out.last, self._step = "\n", self._opening
        elif block.mark is Mark.STOP:
            # At the beginning, it ends the prompt.
            if self._out.called or self._out.said:
                self._step = self._nothing
        elif block.mark is not Mark.NOTHING:
            self._enter(block.mark, block.closings)
            if mark[-1] in "=[":
                self._block.text = mark

    def _block_text(self, complete: bool) -> bool:
        """Inside a block."""
        block, text = self._block, self._out.buffer
        match = block.pattern.search(text) if block.pattern else None
        if match is None:
            kept = 0 if complete else unfinished_mark(text, block.beginnings)
            self._collect(text[: len(text) - kept])
            self._out.buffer = text[len(text) - kept :]
            if complete:
                self._close("")
            return complete
        self._collect(text[: match.start()])
        closing = match[0].lower()
        reopens = block.in_doubt and closing not in _ENDS_OF_THOUGHT
        consumed = closing not in NOT_CONSUMED and not reopens
        self._out.buffer = text[match.end() if consumed else match.start() :]
        self._close(closing)
        return True

    def _collect(self, text: str) -> None:
        """More of the open block."""
        block = self._block
        if not text:
            return
        if block.mark is Mark.THOUGHT:
            self._out.found.append(Thought(len(text)))
        elif block.mark is Mark.CALL:
            self._out.found.append(CallBegun(len(text)))
        limit = _LONGEST_HEADER if block.mark is Mark.HEADER else self._longest_call
        if block.in_doubt:
            block.text += text
        elif block.mark in (Mark.CALL, Mark.HEADER):
            block.text += text[: limit + 1 - len(block.text)]

    def _close(self, closing: str) -> None:
        block, self._step = self._block, self._prose
        if block.mark is Mark.HEADER:
            self._enter_message(block.text)
        elif block.mark is Mark.CALL:
            self._read_call(block)
        elif block.in_doubt and not closing:
            if not self._is_cut:
                self._out.say(block.text)
        elif block.mark is Mark.THOUGHT:
            self._has_thought = True
            if closing == "assistantcommentary":
                self._enter(Mark.CALL, ("assistantfinal", "assistantanalysis"))
            elif closing:
                self._out.last, self._step = "\n", self._opening

    def _read_call(self, block: OpenBlock) -> None:
        text = block.text
        if block.name:
            self._out.call([WrittenCall(block.name, text.strip().removeprefix("json"))])
            return
        calls = written_calls(text, self._offered) if len(text) <= self._longest_call else []
        unread = None if calls else unfinished_call(text, self._offered)
        self._out.call(calls or ([unread] if unread else []))

    def _enter(
        self, mark: Mark, closings: tuple[str, ...], name: str = "", *, in_doubt: bool = False
    ) -> bool:
        self._block = OpenBlock(mark, closings, name=name, in_doubt=in_doubt)
        self._step = self._block_text
        return True

    def _enter_message(self, header: str) -> bool:
        """A message whose header is read: of a channel (harmony), or of a role (ChatML)."""
        words = header.lower()
        if any(words.strip().startswith(role) for role in _OTHER_ROLES):
            self._step = self._nothing
            return True
        channels, recipient = _CHANNEL_NAME.findall(words), _RECIPIENT.search(header)
        if recipient and recipient[1].lower() not in ("assistant", "user", "all"):
            name = recipient[1].partition("<|")[0]
            return self._enter(Mark.CALL, HARMONY_ENDS, name.removeprefix("functions."))
        if channels and channels[-1] != "final":
            return self._enter(Mark.THOUGHT, HARMONY_ENDS)
        self._out.last, self._step = "\n", self._opening
        return True

    def _enter_brackets(self) -> bool:
        self._bracketed, self._step = BracketedCall(self._longest_call), self._brackets
        return True

    def _brackets(self, complete: bool) -> bool:
        """A call as JSON or as an expression of Python, without any mark."""
        bracketed = self._bracketed
        before = len(self._out.buffer)
        self._out.buffer = bracketed.feed(self._out.buffer)
        if before > len(self._out.buffer):
            self._out.found.append(CallBegun(before - len(self._out.buffer)))
        if not bracketed.is_complete(self._out.buffer) and not complete:
            return False
        calls = bracketed.calls(self._offered, self._out.buffer)
        if calls:
            self._out.call(calls)
        else:
            self._out.say(bracketed.text)
        self._step = self._prose
        return True

    def _fence(self, complete: bool) -> bool:
        """A block of code, or a call in the form of one."""
        fence = Fence.of(self._out.buffer, self._longest_call, complete=complete)
        if fence is None:
            return False
        calls = fence.calls(self._offered)
        if calls:
            self._out.buffer = self._out.buffer[fence.size :]
            self._out.call(calls)
            self._step = self._prose
        else:
            self._out.pass_on(len(FENCE))
            self._step = self._code
        return True

    def _code(self, complete: bool) -> bool:
        end = self._out.buffer.find(FENCE)
        if end >= 0:
            self._out.pass_on(end + len(FENCE))
            self._step = self._prose
            return True
        ticks = len(self._out.buffer) - len(self._out.buffer.rstrip("`"))
        self._out.pass_on(len(self._out.buffer) - (0 if complete else ticks))
        return False

    def _nothing(self, complete: bool) -> bool:
        """Behind the end of the answer."""
        self._out.buffer = ""
        return False
