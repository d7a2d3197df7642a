"""Pieces are cut so that each is ready while the one before it plays, and where one breathes."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.text.pieces import (
    ALLOWED_HOLE_SECONDS,
    FIRST_SECONDS,
    MAX_FIRST_SECONDS,
    MAX_FIRST_WORDS,
    MAX_WORDS,
    PiecePlanner,
    SpeechCost,
)
from appliance.text.prosody import Strength, boundaries

SLOW = SpeechCost()
IDLE = SpeechCost(start_seconds=0.2, real_time_factor=0.39)  # Kokoro on one free thread
STREAMING = SpeechCost(start_seconds=0.35, real_time_factor=0.5, streams=True)
QUICK = SpeechCost(start_seconds=0.02, real_time_factor=0.02)


def _pieces(cost: SpeechCost, *texts: str) -> list[str]:
    planner = PiecePlanner(cost)
    pieces = [piece for text in texts for piece in planner.feed(text, 0.0)]
    return pieces + planner.end(0.0)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("It is noon.", ["It is noon."]),
        ("It is noon. Time to eat.", ["It is noon.", " Time to eat."]),
        (
            "At noon we eat, drink, and rest. Then on.",
            ["At noon we eat,", " drink, and rest.", " Then on."],
        ),
        ("Well, that is so. Yes.", ["Well, that is so.", " Yes."]),
        ("It costs 3.50 euros. Fine.", ["It costs 3.50 euros.", " Fine."]),
        ("Fruit, e.g. apples, is good. Yes.", ["Fruit, e.g. apples,", " is good.", " Yes."]),
        ('He said "no." Then he left.', ['He said "no."', " Then he left."]),
        ("one\ntwo\n", ["one\n", "two\n"]),
        ("", []),
        ("  \n ", []),
    ],
)
def test_boundaries_of_pieces(text: str, pieces: list[str]) -> None:
    assert _pieces(IDLE, text) == pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("It is noon. Time to eat.", ["It is noon.", " Time to eat."]),
        (
            "At noon we eat, drink, and rest. Then on.",
            ["At noon we eat,", " drink, and rest.", " Then on."],
        ),
        ("Well, that is so. Yes.", ["Well,", " that is so.", " Yes."]),
        ("It costs 3.50 euros. Fine.", ["It costs 3.50 euros.", " Fine."]),
        ("Ask Dr. Smith about it. Now.", ["Ask Dr. Smith about it.", " Now."]),
        ('He said "no." Then he left.', ['He said "no."', " Then he left."]),
        ("one\ntwo\n", ["one\n", "two\n"]),
        ("你好，世界。再见。", ["你好，", "世界。", "再见。"]),
    ],
)
@pytest.mark.parametrize("cost", [QUICK, STREAMING])
def test_a_prompt_voice_speaks_a_clause_and_then_sentences(
    text: str, pieces: list[str], cost: SpeechCost
) -> None:
    assert _pieces(cost, text) == pieces


def test_a_short_first_sentence_is_followed_by_what_is_ready_in_time() -> None:
    text = "Yes, I think so. The shop is open until eight in the evening, and it is close to here."
    first, second, *_ = _pieces(IDLE, text)
    assert first == "Yes, I think so."
    assert IDLE.ready(IDLE.sound(second)) <= IDLE.sound(first) + ALLOWED_HOLE_SECONDS


def test_a_streaming_voice_does_not_begin_with_a_clause_that_is_over_too_early() -> None:
    cost = SpeechCost(start_seconds=0.8, real_time_factor=0.5, streams=True)
    assert _pieces(cost, "Well, that is quite so, sir. Yes.")[0] == "Well, that is quite so,"


def test_a_streaming_voice_slower_than_its_sound_begins_with_the_first_long_clause() -> None:
    cost = SpeechCost(start_seconds=0.8, real_time_factor=1.2, streams=True)
    text = "Well, that is quite so, my good sir, and it will remain so. Yes."
    assert _pieces(cost, text)[0] == "Well, that is quite so,"


def test_a_sentence_without_a_comma_is_not_the_first_piece_of_a_slow_voice() -> None:
    assert _pieces(SLOW, "It is half past nine in the morning.")[0] == "It is half past nine"


@pytest.mark.parametrize("cost", [SLOW, IDLE, QUICK, STREAMING])
def test_the_first_clause_is_ready_before_the_sentence_ends(cost: SpeechCost) -> None:
    planner = PiecePlanner(cost)
    assert planner.feed("When it rains", 0.0) == []
    assert planner.feed(",", 0.0) == ["When it rains,"]
    assert planner.feed(" street, and only the street, gets wet", 0.0) == []


@pytest.mark.parametrize("cost", [SLOW, IDLE, QUICK, STREAMING])
def test_an_answer_without_punctuation_is_cut_between_words(cost: SpeechCost) -> None:
    pieces = _pieces(cost, "word " * 200)
    assert len(pieces[0].split()) <= MAX_FIRST_WORDS
    assert all(len(piece.split()) <= MAX_WORDS for piece in pieces)


@pytest.mark.parametrize("cost", [SLOW, IDLE, QUICK, STREAMING])
def test_every_answer_begins_with_a_short_piece(cost: SpeechCost) -> None:
    planner = PiecePlanner(cost)
    planner.feed("First of all, yes. ", 0.0)
    planner.end(0.0)
    assert planner.feed("And then there, no other way was left. ", 0.0)[0] == "And then there,"


def test_a_longer_wait_accepts_a_weaker_boundary() -> None:
    planner = PiecePlanner(SLOW)
    planner.feed("It", 0.0)
    assert planner.feed(" should stay dry until", 0.1) == []
    assert planner.feed(" late tonight", 0.2) == ["It should stay dry"]


def test_a_prompt_voice_begins_with_a_phrase_sooner_than_a_slow_one() -> None:
    for cost, pieces in ((STREAMING, ["It should stay dry"]), (SLOW, [])):
        planner = PiecePlanner(cost)
        planner.feed("It", 0.0)
        assert planner.feed(" should stay dry until late", 0.1) == pieces


def test_a_fast_model_is_not_cut_between_phrases() -> None:
    text = "It should stay dry until late"
    assert PiecePlanner(SLOW).feed(text, 0.1) == []
    assert PiecePlanner(QUICK).feed(f"{text} this evening", 0.1) == []


def test_a_long_wait_does_not_cut_later_pieces_short() -> None:
    planner = PiecePlanner(QUICK)
    planner.feed("Yes, it is. ", 0.0)
    assert planner.feed("It should", 0.1) == []


def test_the_next_piece_is_cut_before_the_sound_ends() -> None:
    planner = PiecePlanner(IDLE)
    assert planner.feed("Yes, I think so. ", 0.0) == ["Yes, I think so."]
    given = 0.0
    for number in range(20):
        now = 0.1 * number
        if planner.feed("shops sell bread and ", now):
            given = now
            break
    first = IDLE.sound("Yes, I think so.")
    assert 0 < given < IDLE.ready(first) + first


def test_an_answer_begins_with_the_opening_cut_before() -> None:
    planner = PiecePlanner(SLOW, "Yes,")
    pieces = planner.feed("Yes, it is noon. Time to eat.", 0.0) + planner.end(0.0)
    assert pieces[0] == "Yes,"
    assert "".join(pieces) == "Yes, it is noon. Time to eat."
    assert PiecePlanner(QUICK, "No,").feed("At noon, it is. Now.", 0.0)[0] == "At noon,"


def test_a_quick_voice_may_begin_with_one_word() -> None:
    assert PiecePlanner(QUICK).feed("Well,", 0.0) == ["Well,"]


def test_a_conjunction_begins_a_clause_without_a_comma() -> None:
    text = "The sea is salty because rivers "
    assert PiecePlanner(QUICK).feed(text, 0.0) == ["The sea is salty"]
    assert PiecePlanner(QUICK).feed("Stay because of me", 0.0) == []


texts = st.text(alphabet="ab .,!?\n3—“”()`", max_size=160)
costs = st.builds(
    SpeechCost,
    start_seconds=st.floats(0, 1),
    real_time_factor=st.floats(0, 1.5),
    streams=st.booleans(),
)


@given(texts, st.lists(st.tuples(st.integers(0, 160), st.floats(0, 1)), max_size=6), costs)
def test_only_white_space_is_lost_and_no_piece_is_longer_than_a_breath(
    text: str, cuts: list[tuple[int, float]], cost: SpeechCost
) -> None:
    planner = PiecePlanner(cost)
    pieces: list[str] = []
    now, before = 0.0, 0
    for place, wait in sorted(cuts):
        now += wait
        pieces += planner.feed(text[before:place], now)
        before = place
    pieces += planner.feed(text[before:], now) + planner.end(now)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(0 < len(piece.split()) <= MAX_WORDS for piece in pieces)


WORDS = """the sea a shop opens in and because with small houses river to from rain, bread,
mountains 13.8 billion nine o'clock Dr. Smith March 2, 2027 evening. summer. at minerals"""
spoken_words = st.sampled_from(WORDS.split())
prose = st.lists(spoken_words, min_size=1, max_size=60).map(" ".join)


def _arrive(text: str, cost: SpeechCost, interval: float) -> list[tuple[float, str]]:
    """The pieces of a text that arrives word by word, each with the time at which it was cut."""
    planner, now = PiecePlanner(cost), 0.0
    pieces: list[tuple[float, str]] = []
    for word in re.findall(r"\S+\s*", text):
        pieces += [(now, piece) for piece in planner.feed(word, now)]
        now += interval
    return pieces + [(now, piece) for piece in planner.end(now)]


@given(prose, costs, st.sampled_from([0.0, 0.006, 0.05, 0.2]))
def test_pieces_end_at_boundaries_only(text: str, cost: SpeechCost, interval: float) -> None:
    places = {place.end for place in boundaries(text, complete=True)} | {len(text)}
    end = 0
    for _, piece in _arrive(text, cost, interval):
        end += len(piece)
        assert end in places


@given(prose, st.sampled_from([0.0, 0.006]))
def test_the_first_piece_of_a_slow_voice_is_short(text: str, interval: float) -> None:
    _, first = _arrive(text, SLOW, interval)[0]
    # The gap before the last word is not certain while the word goes on.
    places = boundaries(text, complete=True)[:2]
    shortest = text[: places[-1].end] if places else text
    assert SLOW.sound(first) <= max(MAX_FIRST_SECONDS, SLOW.sound(shortest))


def _holes(pieces: list[tuple[float, str]], cost: SpeechCost) -> list[float]:
    """The silence before each piece but the first, with a voice that costs just this."""
    holes: list[float] = []
    idle_at = silent_at = 0.0
    for given_at, piece in pieces:
        sound, start = cost.sound(piece), max(idle_at, given_at)
        ready_at, idle_at = start + cost.ready(sound), start + cost.total(sound)
        holes.append(max(0.0, ready_at - silent_at))
        silent_at = max(max(silent_at, ready_at) + sound, idle_at)
    return holes[1:]


PLAIN_WORDS = "shops sell small bread rivers carry houses sea rain salt"
plain_words = st.sampled_from(PLAIN_WORDS.split())
plain_sentence = st.lists(plain_words, min_size=3, max_size=20).map(
    lambda words: " ".join(words) + "."
)
plain_prose = st.lists(plain_sentence, min_size=1, max_size=5).map(" ".join)


@given(
    plain_prose,
    st.floats(0.0, 0.25),
    st.floats(0.15, 0.5),
    st.sampled_from([0.0, 0.006, 0.03]),
)
def test_there_is_no_hole_where_the_voice_is_faster_than_its_sound(
    text: str, start: float, factor: float, interval: float
) -> None:
    cost = SpeechCost(start_seconds=start, real_time_factor=factor)
    holes = _holes(_arrive(text, cost, interval), cost)
    assert max(holes, default=0.0) <= ALLOWED_HOLE_SECONDS


def _can_be_cut_without_holes(text: str, cost: SpeechCost) -> bool:
    """Whether some cuts let each piece be ready before the sound of the one before it ends."""
    strengths = dict(boundaries(text, complete=True)) | {len(text): Strength.SENTENCE}
    ends = sorted(strengths)
    # The most sound that can be left when the voice has made all pieces up to an end.
    slack: dict[int, float] = {}
    for end in ends:
        is_word = strengths[end] == Strength.WORD
        if cost.sound(text[:end]) <= (FIRST_SECONDS if is_word else MAX_FIRST_SECONDS):
            slack[end] = cost.sound(text[:end])
    slack = slack or {ends[0]: cost.sound(text[: ends[0]])}
    for end in ends:
        for before in [place for place in slack if place < end]:
            sound = cost.sound(text[before:end])
            if cost.ready(sound) <= slack[before]:
                left = slack[before] + sound - cost.total(sound)
                slack[end] = max(slack.get(end, 0.0), left)
    return len(text) in slack


@given(prose, st.floats(0.0, 0.4), st.floats(0.15, 0.7))
def test_there_is_no_hole_where_any_cuts_have_none(text: str, start: float, factor: float) -> None:
    cost = SpeechCost(start_seconds=start, real_time_factor=factor)
    if _can_be_cut_without_holes(text, cost):
        holes = _holes(_arrive(text, cost, 0.0), cost)
        assert max(holes, default=0.0) <= ALLOWED_HOLE_SECONDS


def test_no_text_is_given_twice() -> None:
    text = "Yes, I think so. The shop is open until eight in the evening, every day but Monday."
    for first, second in pairwise(_pieces(IDLE, text)):
        assert text.index(first) < text.index(second)


@given(plain_prose, st.floats(0.0, 0.5), st.floats(0.0, 0.6), st.sampled_from([0.0, 0.006]))
def test_a_streaming_voice_leaves_no_hole(
    text: str, start: float, factor: float, interval: float
) -> None:
    cost = SpeechCost(start_seconds=start, real_time_factor=factor, streams=True)
    holes = _holes(_arrive(text, cost, interval), cost)
    assert max(holes, default=0.0) <= ALLOWED_HOLE_SECONDS
