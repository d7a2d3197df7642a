"""The file of the page's settings: changed key by key, everything else kept, written whole."""

import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config.keys import KeyFile
from appliance.config.layers import lookup
from appliance.config.page_file import with_changes, write
from appliance.errors import StoreError

KEYS = ("tts.voice", "tts.speed", "llm.system_prompt", "tools.mcp.home.enabled", "tools.disabled")
VALUES = (
    st.text(max_size=40)
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.lists(st.text(max_size=8), max_size=3)
)
CHANGES = st.dictionaries(st.sampled_from(KEYS), st.none() | VALUES)


@given(st.lists(CHANGES, max_size=4))
def test_the_file_holds_what_was_set_last(steps: list[dict[str, Any]]) -> None:
    text, wanted = "", dict.fromkeys(KEYS)
    for changes in steps:
        text = with_changes(text, changes)
        wanted |= changes
    tree = tomllib.loads(text)
    assert {key: lookup(tree, key) for key in KEYS} == wanted


OWNED = """\
# Mine.
[tts]
# a voice for the evening
voice = "af_sky" # soft
speed = 0.9

[llm]
max_tokens = 200
"""


def test_comments_and_order_are_kept() -> None:
    changed = with_changes(OWNED, {"tts.voice": "af_bella", "llm.max_tokens": None})
    assert changed.startswith(
        '# Mine.\n[tts]\n# a voice for the evening\nvoice = "af_bella" # soft\nspeed = 0.9\n'
    )
    assert "llm" not in tomllib.loads(changed)


def test_a_section_with_a_comment_stays() -> None:
    changed = with_changes(OWNED, {"tts.voice": None, "tts.speed": None})
    assert "# a voice for the evening" in changed
    assert tomllib.loads(changed) == {"tts": {}, "llm": {"max_tokens": 200}}


def test_a_long_text_stays_readable() -> None:
    written = with_changes("", {"llm.system_prompt": 'One.\nTwo "quoted".\n'})
    assert 'system_prompt = """One.\nTwo "quoted".\n"""' in written


def test_a_disk_that_takes_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        write(tmp_path / "gone" / "settings.toml", "new")


def test_keys_are_kept_apart_and_private(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path)
    assert keys.read() == {}
    keys.change({"OPENAI_API_KEY": "one", "GROQ_API_KEY": "two"})
    keys.change({"OPENAI_API_KEY": ""})
    assert KeyFile(tmp_path).read() == {"GROQ_API_KEY": "two"}
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "[", "[1]", '{"OPENAI_API_KEY": 3}'])
def test_a_damaged_file_of_keys_has_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys.json").write_text(text)
    assert KeyFile(tmp_path).read() == {}


def test_a_link_to_keys_is_not_followed(tmp_path: Path) -> None:
    keys, elsewhere = KeyFile(tmp_path), tmp_path / "elsewhere"
    keys.change({"OPENAI_API_KEY": "one"})
    (tmp_path / "keys.json").rename(elsewhere)
    (tmp_path / "keys.json").symlink_to(elsewhere)
    assert keys.read() == {}
    keys.change({"OPENAI_API_KEY": "two"})
    assert (keys.read(), "two" in elsewhere.read_text()) == ({"OPENAI_API_KEY": "two"}, False)
