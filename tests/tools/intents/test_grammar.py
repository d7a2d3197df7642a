from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pocketsphinx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import ToolError
from appliance.tools import Tool, ToolContext, ToolResult
from appliance.tools.intents.grammar import WordGraph
from appliance.tools.registry import ToolRegistry
from tests.tools.sampling import sampled


async def silent(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    return ToolResult("")


def registry_of(*sentences: str, parameters: Mapping[str, Any] | None = None) -> ToolRegistry:
    return ToolRegistry([Tool("t", "", silent, parameters or {}, sentences)])


@pytest.fixture(scope="module")
def graph(registry: ToolRegistry) -> WordGraph:
    return registry.graph()


@pytest.fixture(scope="module")
def decoder() -> pocketsphinx.Decoder:
    return pocketsphinx.Decoder(pocketsphinx.Config(lm=None, loglevel="FATAL"))


@pytest.fixture(scope="module")
def compiled(
    registry: ToolRegistry, decoder: pocketsphinx.Decoder, tmp_path_factory: pytest.TempPathFactory
) -> pocketsphinx.FsgModel:
    """The JSGF as PocketSphinx compiles it."""
    file = tmp_path_factory.mktemp("grammar") / "commands.gram"
    file.write_text(registry.grammar())
    grammar = pocketsphinx.Jsgf(str(file))
    rule = grammar.get_rule("commands.command")
    return grammar.build_fsg(rule, decoder.logmath, 6.5)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_grammar_and_graph_accept_every_sentence(
    registry: ToolRegistry, graph: WordGraph, compiled: pocketsphinx.FsgModel, data: st.DataObject
) -> None:
    text = data.draw(sampled(registry)).text.replace("-", " ")
    assert compiled.accept(text), text
    assert graph.accepts(text), text


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("please set a timer for five minutes", True),
        ("can you please tell me the time", True),
        ("stop now", True),
        ("set a timer for a hundred and twenty minutes", True),
        ("set a timer for", False),
        ("what is the capital of france", False),
        ("what", False),
        ("please", False),
        ("", False),
    ],
)
def test_grammar_and_graph_accept_the_same_texts(
    graph: WordGraph, compiled: pocketsphinx.FsgModel, text: str, accepted: bool
) -> None:
    assert bool(compiled.accept(text)) is accepted
    assert graph.accepts(text) is accepted


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_matcher_accepts_what_the_graph_accepts(
    registry: ToolRegistry, graph: WordGraph, data: st.DataObject
) -> None:
    """A random walk through the graph yields a sentence that matches a tool."""
    ways: dict[int, list[tuple[int, str]]] = {}
    for start, to, word in graph.arcs:
        ways.setdefault(start, []).append((to, word))
    state, words = 0, []
    while state != graph.final:
        options = ways[state]
        ending = [way for way in options if way[0] == graph.final]
        state, word = data.draw(st.sampled_from(ending or options))
        words.append(word)
    text = " ".join(words)
    if "hour and a half" not in text and "minute and a half" not in text:
        assert registry.match(text), text


def test_the_dictionary_has_every_word(graph: WordGraph, dictionary: frozenset[str]) -> None:
    assert not graph.words - dictionary


def test_the_recogniser_loads_both_forms(
    registry: ToolRegistry, graph: WordGraph, decoder: pocketsphinx.Decoder, tmp_path: Path
) -> None:
    decoder.add_jsgf_string("jsgf", registry.grammar())
    (tmp_path / "commands.fsg").write_text(graph.fsg())
    model = decoder.read_fsg(str(tmp_path / "commands.fsg"))
    assert model.accept("what time is it")
    assert not model.accept("what time is")
    decoder.add_fsg("graph", model)
    decoder.activate_search("graph")


def test_the_graph_stays_small(graph: WordGraph) -> None:
    """Decoding time grows with the number of arcs; the JSGF has ten times as many."""
    assert graph.states < 500
    assert len(graph.arcs) < 6000


def test_the_graph_is_minimal() -> None:
    graph = registry_of("(a|b) [c] end", "(a|b) d end").graph()
    # start, after please/okay/..., after a or b, after c or d, the ends with and without "please"
    accepted = [w for w in ("a end", "b end", "a c end", "b d end") if graph.accepts(w)]
    assert len(accepted) == 4
    assert not graph.accepts("a c d end")
    assert len({start for start, _, word in graph.arcs if word == "end"}) == 2


def test_sentences_with_unknown_words_are_left_out() -> None:
    registry = registry_of("turn on the (light|xyzzy)", "[frobnicate] now please stop")
    graph = registry.graph(lambda word: word not in ("xyzzy", "frobnicate"))
    assert graph.accepts("turn on the light")
    assert graph.accepts("now please stop")
    assert not {"xyzzy", "frobnicate"} & graph.words
    assert "xyzzy" not in registry.grammar(lambda word: word != "xyzzy")


def test_free_words_are_recognised_by_their_examples() -> None:
    person = {"who": {"type": "string", "examples": ["anna", "my mother"]}}
    registry = registry_of("call {who}", parameters={"type": "object", "properties": person})
    assert registry.graph().accepts("call my mother")
    assert not registry.graph().accepts("call bob")
    assert registry.match("call bob")


@pytest.mark.parametrize(
    "template", ["timer[s] now", "(a|b)(c|d)", "say {unknown}", "say <unknown>", "(a;b) c"]
)
def test_a_template_that_joins_parts_of_words_is_refused(template: str) -> None:
    with pytest.raises(ToolError):
        registry_of(template).grammar()


def test_a_registry_without_sentences_is_refused() -> None:
    with pytest.raises(ToolError, match="listened"):
        registry_of().grammar()
