"""The memory there is to have at this moment, of the machine and of a graphics card."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from appliance.hardware import cgroups, nvml
from appliance.hardware.detect import memory
from appliance.hardware.memory_pressure import Marks, Reading, board_marks, card_marks
from appliance.hardware.nvml import Card
from appliance.hardware.plan import reserve_of

Cards = Callable[[], Sequence[Card]]


def readings(
    root: Path = Path("/"), cards: Cards = nvml.cards
) -> Mapping[bool, tuple[Reading, Marks]]:
    """By place: False for the machine's memory, True for that of a card of its own, if any.

    Nothing for what does not tell, so that nothing is done about it.
    """
    found = {}
    total, available = memory(root)
    if total:
        reading = Reading(available, cgroups.stalled(root))
        found[False] = (reading, board_marks(reserve_of(total)))
    card = _tightest(cards)
    if card:
        found[True] = (Reading(card[1]), card_marks(card[0]))
    return found


def room(size: int, on_card: bool, root: Path = Path("/"), cards: Cards = nvml.cards) -> bool:
    """Whether so many bytes may be taken, and what is kept back is still there; yes if unknown."""
    found = readings(root, cards if on_card else tuple).get(on_card)
    if found is None:
        return True
    reading, marks = found
    return reading.available - size >= marks.ample


def _tightest(cards: Cards) -> tuple[int, int] | None:
    """Of the cards that tell both, total and free memory of the one with the least left."""
    known = [
        (card.memory_total, card.memory_free)
        for card in cards()
        if card.memory_total and card.memory_free is not None
    ]
    return min(known, key=lambda sizes: sizes[1], default=None)
