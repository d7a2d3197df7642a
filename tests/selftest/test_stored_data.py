"""The checks of model files and of the database, on a real disk."""

import json
import os
import sqlite3
from pathlib import Path

import pytest

from appliance.errors import StoreError
from appliance.models.hashing import sha256_of
from appliance.selftest.check import Finding, Verdict
from appliance.selftest.checks.database import DatabaseCheck
from appliance.selftest.checks.model_files import ModelFilesCheck
from appliance.selftest.context import CheckContext
from appliance.store.database import open_for_writing
from appliance.store.integrity import examine
from tests.selftest.conftest import MakeContext, bad, good

WARNING, FAILURE = Verdict.WARNING, Verdict.FAILURE


def with_models(make_context: MakeContext, tmp_path: Path, *, known: bool = True) -> CheckContext:
    """A manifest of one voice of two files, both on disk."""
    directory = tmp_path / "models"
    directory.mkdir()
    (directory / "tiny.onnx").write_bytes(b"weights" * 1000)
    (directory / "voices.bin").write_bytes(b"voices")
    model = f'sha256 = "{sha256_of(directory / "tiny.onnx")}"' if known else ""
    manifest = tmp_path / "manifest.toml"
    manifest.write_text(
        f"""
        [sources]
        here = "https://models.example/{{repository}}/{{revision}}/{{file}}"
        [[model]]
        name = "tiny"
        engine = "kokoro"
        source = "here"
        repository = "a/b"
        revision = "1"
        licence = "MIT"
        [[model.files]]
        path = "tiny.onnx"
        {model}
        [[model.files]]
        path = "voices.bin"
        sha256 = "{sha256_of(directory / "voices.bin")}"
        """
    )
    return make_context(manifest=manifest)


async def test_unchanged_models_are_good(make_context: MakeContext, tmp_path: Path) -> None:
    assert (
        good(await ModelFilesCheck().run(with_models(make_context, tmp_path)))
        == "2 files are as they were fetched"
    )


async def test_without_models_the_check_is_good(make_context: MakeContext) -> None:
    assert "starter engines" in good(await ModelFilesCheck().run(make_context()))


async def test_a_model_without_a_known_hash(make_context: MakeContext, tmp_path: Path) -> None:
    assert "of 1 it is not known" in good(
        await ModelFilesCheck().run(with_models(make_context, tmp_path, known=False))
    )


async def test_a_flipped_bit_is_damage(make_context: MakeContext, tmp_path: Path) -> None:
    made = with_models(make_context, tmp_path)
    file = tmp_path / "models" / "tiny.onnx"
    content = bytearray(file.read_bytes())
    content[3000] ^= 1
    file.write_bytes(content)
    message, advice = bad(await ModelFilesCheck().run(made), FAILURE)
    assert f"{file} is damaged" in message
    assert "`appliance models pull tiny`" in advice


async def test_a_missing_file(make_context: MakeContext, tmp_path: Path) -> None:
    made = with_models(make_context, tmp_path)
    (tmp_path / "models" / "voices.bin").unlink()
    assert "voices.bin is missing" in bad(await ModelFilesCheck().run(made), FAILURE)[0]


async def test_a_configured_model_that_is_not_on_disk(make_context: MakeContext) -> None:
    made = make_context(settings={"STT__MODEL": "large-v9"})
    message, advice = bad(await ModelFilesCheck().run(made), WARNING)
    assert "large-v9 is not on disk" in message
    assert "appliance models pull" in advice


@pytest.fixture
def kept(make_context: MakeContext) -> CheckContext:
    """A context with a fresh database."""
    made = make_context()
    opened = open_for_writing(made.config.store.path)
    opened.db.close()
    opened.release(clean=True)
    return made


async def check(context: CheckContext) -> Finding:
    return await DatabaseCheck().run(context)


async def test_a_sound_database_is_not_changed(kept: CheckContext) -> None:
    path = kept.config.store.path
    before = path.read_bytes()
    finding = await check(kept)
    assert "sound and writable" in good(finding)
    assert finding.figures["bytes"] == len(before)
    assert path.read_bytes() == before
    assert {file.name for file in path.parent.iterdir()} == {"voice.db", "voice.db.lock"}


async def test_a_missing_database(make_context: MakeContext) -> None:
    made = make_context()
    message, advice = bad(await check(made), WARNING)
    assert "there is no" in message
    assert "first starts" in advice
    assert not made.state.exists()


async def test_a_wiped_header_and_a_flipped_page_are_damage(kept: CheckContext) -> None:
    path = kept.config.store.path
    whole = path.read_bytes()
    wiped = bytes(100) + whole[100:]
    # The second page is the first that does not hold the schema.
    torn = whole[:4096] + os.urandom(8192) + whole[4096 + 8192 :]
    for content in (wiped, torn):
        path.write_bytes(content)
        message, advice = bad(await check(kept), FAILURE)
        assert "damaged" in message
        assert "backup" in advice
        assert path.read_bytes() == content


async def test_a_database_of_another_program(kept: CheckContext) -> None:
    path = kept.config.store.path
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    db.close()
    with pytest.raises(StoreError, match="another program"):
        await check(kept)


async def test_a_locked_database_cannot_be_written(kept: CheckContext) -> None:
    path = kept.config.store.path
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        held = examine(path, busy_seconds=0.01)
    finally:
        holder.rollback()
        holder.close()
    assert "locked" in held.unwritable


async def test_a_database_of_another_user(kept: CheckContext) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file away")
    path = kept.config.store.path
    os.chown(path, 12_345, -1)
    message, advice = bad(await check(kept), FAILURE)
    assert "user 12345" in message
    assert "chown" in advice


async def test_the_figures_are_json(kept: CheckContext) -> None:
    assert json.loads(json.dumps((await check(kept)).figures))["lost_entries"] == 0
