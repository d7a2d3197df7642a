"""Writes the tools' commands as PocketSphinx grammars: JSGF text, or a word graph.

Both accept the same sentences. JSGF is readable, but PocketSphinx expands it into thousands of
states and an order of magnitude more empty transitions: with all built-in commands one utterance
takes seconds to decode. The graph is deterministic and minimal, and takes a tenth of a second.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from appliance.errors import ToolError
from appliance.tools.intents.recognizer import Command
from appliance.tools.intents.templates import (
    NOTHING,
    Choice,
    KnowsWord,
    NamedGroup,
    Part,
    TemplateSequence,
    Words,
    parse_templates,
)

# Accepted before and after a command; the sentence matcher drops these words as fillers.
_POLITE_BEFORE = ("please", "okay", "can you", "can you please", "could you", "could you please")
_POLITE_AFTER = ("please", "now", "for me")


def command_tree(commands: Sequence[Command], knows: KnowsWord) -> Part:
    """All commands as one tree, with optional polite words around them.

    Raises ToolError if no sentence can be recognised.
    """
    parts = [
        (command, parse_templates(command, knows)) for command in commands if command.templates
    ]
    groups = tuple(NamedGroup(command.name, part) for command, part in parts if part)
    if not groups:
        raise ToolError("no tool has a sentence that can be listened for")
    before, after = (_optional(words, knows) for words in (_POLITE_BEFORE, _POLITE_AFTER))
    return TemplateSequence((before, Choice(groups), after))


def _optional(phrases: Sequence[str], knows: KnowsWord) -> Part:
    options = [Words(tuple(phrase.split())) for phrase in phrases]
    return Choice((NOTHING, *(words for words in options if all(map(knows, words.words)))))


def jsgf(tree: Part) -> str:
    """The tree as JSGF with the public rule `command`, and a rule for each command and list."""
    rules: dict[str, str] = {}
    body = _jsgf_text(tree, rules)
    lines = [f"<{name}> = {text};" for name, text in rules.items()]
    return "\n".join(
        ["#JSGF V1.0;", "grammar commands;", *lines, f"public <command> = {body};", ""]
    )


def _jsgf_text(part: Part, rules: dict[str, str]) -> str:
    match part:
        case Words(words):
            return " ".join(words)
        case TemplateSequence(parts):
            return " ".join(_jsgf_text(piece, rules) for piece in parts)
        case Choice(parts):
            options = " | ".join(_jsgf_text(piece, rules) for piece in parts if piece != NOTHING)
            return f"[ {options} ]" if NOTHING in parts else f"( {options} )"
        case NamedGroup(name, inner):
            if name not in rules:
                rules[name] = _jsgf_text(inner, rules)
            return f"<{name}>"


@dataclass(frozen=True, slots=True)
class WordGraph:
    """A word graph: `arcs` of (from, to, word) lead from state 0 to state `final`.

    Two arcs of a state carry the same word only if one of them leads to `final`.
    """

    states: int
    final: int
    arcs: tuple[tuple[int, int, str], ...]

    def accepts(self, sentence: str) -> bool:
        """Whether the graph accepts a sentence in lower case."""
        places = {0}
        for word in sentence.split():
            places = {to for start, to, label in self.arcs if start in places and label == word}
        return self.final in places

    @property
    def words(self) -> frozenset[str]:
        """All words of the graph."""
        return frozenset(word for _, _, word in self.arcs)

    def fsg(self) -> str:
        """The graph in the file format of Sphinx (`fsg_model_read`), with equal probabilities."""
        out = [0] * self.states
        for start, _, _ in self.arcs:
            out[start] += 1
        head = ["FSG_BEGIN commands", f"NUM_STATES {self.states}", "START_STATE 0"]
        arcs = [f"TRANSITION {a} {b} {1 / out[a]:.6f} {word}" for a, b, word in self.arcs]
        return "\n".join([*head, f"FINAL_STATE {self.final}", *arcs, "FSG_END", ""])


def word_graph(tree: Part) -> WordGraph:
    """The minimal graph that accepts the sentences of the tree."""
    network = _Network()
    end = network.add(tree, 0)
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
        """Adds a part after the state `start`; returns the state in which the part ends."""
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

    def closure(self, states: Iterable[int]) -> frozenset[int]:
        """The states and all that empty transitions lead to from them (the epsilon closure)."""
        found = set(states)
        waiting = list(found)
        while waiting:
            new = self.empty[waiting.pop()] - found
            found |= new
            waiting += new
        return frozenset(found)

    def successors(self, states: Iterable[int]) -> Iterator[tuple[str, frozenset[int]]]:
        """Every possible next word, with the states that it leads to."""
        after: dict[str, set[int]] = {}
        for state in states:
            for word, to in self.steps[state]:
                after.setdefault(word, set()).add(to)
        return ((word, self.closure(to)) for word, to in sorted(after.items()))


def _deterministic(network: _Network, end: int) -> tuple[list[dict[str, int]], list[bool]]:
    """Subset construction: each state's steps by word, and whether a sentence may end there."""
    first = network.closure({0})
    numbers = {first: 0}
    order = [first]
    steps: list[dict[str, int]] = []
    for states in order:  # grows while it is walked
        step: dict[str, int] = {}
        for word, reached in network.successors(states):
            if reached not in numbers:
                numbers[reached] = len(order)
                order.append(reached)
            step[word] = numbers[reached]
        steps.append(step)
    return steps, [end in states for states in order]


def _equivalent(steps: list[dict[str, int]], ends: list[bool]) -> tuple[list[int], int]:
    """Moore's refinement: the class of each state, the first state's being 0, and their number."""
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
