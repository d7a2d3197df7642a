"""Gives words back the lines and spaces in which they were written."""


def with_layout(heard: str, written: str) -> str:
    """Returns the part of `written` that has the words of `heard`, with its lines and spaces.

    Speech synthesis reports words, and joins them by spaces: lists, tables and code lose their
    lines by it. Where `written` does not have these words in this order, `heard` is returned.
    """
    places = [place for place, letter in enumerate(written) if not letter.isspace()]
    wanted = "".join(heard.split())
    start = "".join(written.split()).find(wanted)
    if start < 0 or not wanted:
        return heard
    return written[places[start] : places[start + len(wanted) - 1] + 1]
