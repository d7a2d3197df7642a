"""The tools' commands in the forms in which PocketSphinx listens: a JSGF grammar, or a graph.

Both say the same. JSGF is the readable one, but PocketSphinx unfolds it into thousands of states
and an order of magnitude more empty transitions: with all built-in commands one utterance takes
seconds to decode. The graph is deterministic and minimal, and takes a tenth of a second.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from appliance.errors import ToolError
from appliance.tools.intents.recognizer import Command
from appliance.tools.intents.templates import (
    NOTHING,
    Choice,
    Knows,
    NamedGroup,
    Part,
    TemplateSequence,
    Words,
    part_of,
)

# Said before and after a command; the matcher drops these words again as fillers.
_POLITE_BEFORE = ("please", "okay", "can you", "can you please", "could you", "could you please")
_POLITE_AFTER = ("please", "now", "for me")


def everything_heard(commands: Sequence[Command], knows: Knows) -> Part:
    """All commands, with the polite words around them, as one tree.

    Raises ToolError where nothing at all can be listened for.
    """
    parts = [(command, part_of(command, knows)) for command in commands if command.templates]
    heard = tuple(NamedGroup(command.name, part) for command, part in parts if part)
    if not heard:
        raise ToolError("no tool has a sentence that can be listened for")
    before, after = (_optional(words, knows) for words in (_POLITE_BEFORE, _POLITE_AFTER))
    return TemplateSequence((before, Choice(heard), after))


def _optional(phrases: Sequence[str], knows: Knows) -> Part:
    said = [Words(tuple(phrase.split())) for phrase in phrases]
    return Choice((NOTHING, *(words for words in said if all(map(knows, words.words)))))


def jsgf(heard: Part) -> str:
    """The tree as JSGF, its public rule `command`, each command and list a rule of its own."""
    rules: dict[str, str] = {}
    body = _written(heard, rules)
    lines = [f"<{name}> = {text};" for name, text in rules.items()]
    return "\n".join(
        ["#JSGF V1.0;", "grammar commands;", *lines, f"public <command> = {body};", ""]
    )


def _written(part: Part, rules: dict[str, str]) -> str:
    match part:
        case Words(words):
            return " ".join(words)
        case TemplateSequence(parts):
            return " ".join(_written(piece, rules) for piece in parts)
        case Choice(parts):
            said = " | ".join(_written(piece, rules) for piece in parts if piece != NOTHING)
            return f"[ {said} ]" if NOTHING in parts else f"( {said} )"
        case NamedGroup(name, inner):
            if name not in rules:
                rules[name] = _written(inner, rules)
            return f"<{name}>"


@dataclass(frozen=True, slots=True)
class WordGraph:
    """A word graph: `arcs` of (from, to, word) lead from state 0 to state `final`.

    No two arcs of a state carry the same word, but for those that also end the sentence.
    """

    states: int
    final: int
    arcs: tuple[tuple[int, int, str], ...]

    def accepts(self, sentence: str) -> bool:
        """Whether these words, in lower case, lead from the start to the end."""
        places = {0}
        for word in sentence.split():
            places = {to for start, to, said in self.arcs if start in places and said == word}
        return self.final in places

    @property
    def words(self) -> frozenset[str]:
        """Every word that can be heard."""
        return frozenset(word for _, _, word in self.arcs)

    def fsg(self) -> str:
        """The graph in the file format of Sphinx (`fsg_model_read`), all ways on alike."""
        out = [0] * self.states
        for start, _, _ in self.arcs:
            out[start] += 1
        head = ["FSG_BEGIN commands", f"NUM_STATES {self.states}", "START_STATE 0"]
        arcs = [f"TRANSITION {a} {b} {1 / out[a]:.6f} {word}" for a, b, word in self.arcs]
        return "\n".join([*head, f"FINAL_STATE {self.final}", *arcs, "FSG_END", ""])


def graph(heard: Part) -> WordGraph:
    """The tree as the smallest graph that hears the same sentences."""
    network = _Network()
    end = network.add(heard, 0)
    steps, ends = _deterministic(network, end)
    block, blocks = _equivalent(steps, ends)
    final = blocks
    arcs = set()
    for state, step in enumerate(steps):
        for word, to in step.items():
            arcs.add((block[state], block[to], word))
            if ends[to]:
                arcs.add((block[state], final, word))
    return WordGraph(blocks + 1, final, tuple(sorted(arcs)))


class _Network:
    """A word network with empty transitions, built part by part (Thompson's construction)."""

    def __init__(self) -> None:
        self.empty: list[set[int]] = [set()]
        self.steps: list[list[tuple[str, int]]] = [[]]

    def _state(self) -> int:
        self.empty.append(set())
        self.steps.append([])
        return len(self.steps) - 1

    def add(self, part: Part, start: int) -> int:
        """Adds a part after `start`; answers the state in which it has been said."""
        match part:
            case Words(words):
                for word in words:
                    place, start = start, self._state()
                    self.steps[place].append((word, start))
                return start
            case TemplateSequence(parts):
                for piece in parts:
                    start = self.add(piece, start)
                return start
            case Choice(parts):
                end = self._state()
                for piece in parts:
                    self.empty[self.add(piece, start)].add(end)
                return end
            case NamedGroup(_, inner):
                return self.add(inner, start)

    def reached(self, states: Iterable[int]) -> frozenset[int]:
        """The states and all that empty transitions lead to from them."""
        found = set(states)
        waiting = list(found)
        while waiting:
            new = self.empty[waiting.pop()] - found
            found |= new
            waiting += new
        return frozenset(found)

    def followed(self, states: Iterable[int]) -> Iterator[tuple[str, frozenset[int]]]:
        """Every word that may come next, with the states that it leads to."""
        after: dict[str, set[int]] = {}
        for state in states:
            for word, to in self.steps[state]:
                after.setdefault(word, set()).add(to)
        return ((word, self.reached(to)) for word, to in sorted(after.items()))


def _deterministic(network: _Network, end: int) -> tuple[list[dict[str, int]], list[bool]]:
    """The subset construction: steps of each state by word, and whether a sentence ends in it."""
    first = network.reached({0})
    numbers = {first: 0}
    order = [first]
    steps: list[dict[str, int]] = []
    for states in order:  # grows while it is walked
        step: dict[str, int] = {}
        for word, reached in network.followed(states):
            if reached not in numbers:
                numbers[reached] = len(order)
                order.append(reached)
            step[word] = numbers[reached]
        steps.append(step)
    return steps, [end in states for states in order]


def _equivalent(steps: list[dict[str, int]], ends: list[bool]) -> tuple[list[int], int]:
    """Moore's refinement: the class of each state (the first state's is 0), and their number."""
    block, blocks = [int(end) for end in ends], 0
    while True:
        numbers: dict[object, int] = {}
        block = [
            numbers.setdefault(
                (block[state], tuple((word, block[to]) for word, to in step.items())), len(numbers)
            )
            for state, step in enumerate(steps)
        ]
        if len(numbers) == blocks:
            return block, blocks
        blocks = len(numbers)
