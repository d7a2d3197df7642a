"""Tables on the terminal."""

from appliance.cli.output import table


def test_unprintable_characters_appear_escaped_in_a_table() -> None:
    printed = table(("name",), [("phone\x1b[2J",), ("\N{WOMAN}\u200d\N{PERSONAL COMPUTER}",)])
    assert printed.splitlines()[2:] == ["phone\\x1b[2J", "\N{WOMAN}\u200d\N{PERSONAL COMPUTER}"]
