"""Which bytes of a file have arrived: half-open spans, sorted, disjoint, never touching. Pure."""

from collections.abc import Iterator

Span = tuple[int, int]
Spans = tuple[Span, ...]


def add(spans: Spans, start: int, end: int) -> Spans:
    """The spans with start..end filled in."""
    if start >= end:
        return spans
    before = tuple(span for span in spans if span[1] < start)
    after = tuple(span for span in spans if span[0] > end)
    touching = spans[len(before) : len(spans) - len(after)]
    if touching:
        start, end = min(start, touching[0][0]), max(end, touching[-1][1])
    return (*before, (start, end), *after)


def size(spans: Spans) -> int:
    """How many bytes the spans hold."""
    return sum(end - start for start, end in spans)


def gaps(spans: Spans, total: int, largest: int) -> Iterator[Span]:
    """What is missing of 0..total, in order, in pieces no longer than `largest`."""
    position = 0
    for start, end in (*spans, (total, total)):
        for piece in range(position, start, largest):
            yield piece, min(piece + largest, start)
        position = end


def sound(spans: Spans, total: int) -> bool:
    """Whether the spans, read from a note on disk, can be true of a file of that size."""
    edges = [edge for span in spans for edge in span]
    return edges == sorted(set(edges)) and (not edges or (edges[0] >= 0 and edges[-1] <= total))
