"""Pulling from a real server over real sockets, with every fault such servers have."""

import asyncio
import json
from itertools import pairwise
from pathlib import Path

import pytest

from appliance.engines.whisper.engine import Whisper
from appliance.errors import DownloadFailed
from appliance.models import pull
from tests.daemon import command
from tests.models.conftest import MICRO, PIECE, Bench, model, noise, sha256
from tests.models.server import serving

BIG = {"model.bin": noise(10 * PIECE + 123), "config.json": b'{"a": 1}'}


async def test_a_whisper_model_is_pulled_and_really_loads(bench: Bench) -> None:
    files = {path.name: path.read_bytes() for path in MICRO.iterdir()}
    bench.offer(files)
    micro = model("micro", files)
    assert [pulled.name for pulled in await bench.pull(micro)] == ["micro"]
    engine = await Whisper.load(bench.directory / "micro", "cpu", "int8", 1)
    try:
        heard = await engine.transcribe(command("what_time_is_it"))
    finally:
        await engine.close()
    assert heard.text == "what time is it"


async def test_ranges_are_fetched_several_at_once(bench: Bench) -> None:
    bench.offer(BIG)
    bench.hub.hold_after, bench.hub.crowd = 1, 4  # nothing goes on until four are at it
    async with asyncio.timeout(20):
        await bench.pull(model("big", BIG))
    assert (bench.directory / "big" / "model.bin").read_bytes() == BIG["model.bin"]
    asked = [request.range for request in bench.hub.requests if request.range]
    assert len(asked) == 11
    assert all(before[1] == after[0] for before, after in pairwise(sorted(asked)))
    assert bench.hub.most_at_once == 4
    assert bench.stored("partial") == []


async def test_a_server_without_ranges(bench: Bench) -> None:
    bench.offer(BIG)
    bench.hub.ranges = False
    bench.hub.cuts = [3 * PIECE]
    await bench.pull(model("big", BIG))
    assert (bench.directory / "big" / "model.bin").read_bytes() == BIG["model.bin"]
    assert len(bench.hub.requests) == 3  # the cut one, the whole, config.json


async def test_cut_connections_cost_only_what_had_not_arrived(bench: Bench) -> None:
    bench.offer(BIG)
    bench.hub.cuts = [PIECE // 2, 100, PIECE // 4, 0, 7]
    await bench.pull(model("big", BIG))
    assert (bench.directory / "big" / "model.bin").read_bytes() == BIG["model.bin"]
    later = [request for request in bench.hub.requests if request.range and request.if_range]
    assert {request.if_range for request in later} == {'"one"'}
    starts = [request.range[0] for request in bench.hub.requests if request.range]
    assert PIECE // 2 in starts  # it went on in the middle of the first piece
    assert bench.slept
    assert max(bench.slept) <= 1


async def test_an_interrupted_pull_goes_on_and_notices_a_changed_file(bench: Bench) -> None:
    bench.offer(BIG)
    big = model("big", BIG)
    bench.hub.cuts = [PIECE] * 3 + [0] * 60
    with pytest.raises(DownloadFailed, match="could not be fetched"):
        await bench.pull(big)
    assert bench.stored("partial") == [big.files[0].sha256, f"{big.files[0].sha256}.json"]
    bench.hub.cuts.clear()
    bench.hub.requests.clear()
    await bench.pull(big)
    assert bench.lines.began[-4][2] >= 2 * PIECE  # it said how much was there already
    again = [request.range for request in bench.hub.requests if request.range]
    assert (0, PIECE) not in again
    assert (bench.directory / "big" / "model.bin").read_bytes() == BIG["model.bin"]


async def test_other_content_under_the_same_address_is_fetched_from_the_beginning(
    bench: Bench,
) -> None:
    old = {**BIG, "model.bin": noise(10 * PIECE + 123, seed=2)}
    bench.offer(old)
    big = model("big", BIG)
    bench.hub.cuts = [PIECE] * 3 + [0] * 60
    with pytest.raises(DownloadFailed):
        await bench.pull(big)
    bench.hub.cuts.clear()
    bench.hub.etag = '"two"'
    bench.offer(BIG)
    await bench.pull(big)
    assert (bench.directory / "big" / "model.bin").read_bytes() == BIG["model.bin"]


async def test_a_wrong_beginning_is_fetched_anew_once(bench: Bench) -> None:
    """What a power cut leaves: the note says that bytes are there, and they are zeros."""
    bench.offer(BIG)
    big = model("big", BIG)
    bench.hub.cuts = [PIECE] * 3 + [0] * 60
    with pytest.raises(DownloadFailed):
        await bench.pull(big)
    bench.hub.cuts.clear()
    partial = bench.directory / ".store" / "partial" / str(big.files[0].sha256)
    with partial.open("r+b") as file:
        file.write(bytes(1000))
    await bench.pull(big)
    assert any("put together wrongly" in said for said in bench.lines.said)
    assert (bench.directory / "big" / "model.bin").read_bytes() == BIG["model.bin"]


async def test_wrong_bytes_never_become_a_model(bench: Bench) -> None:
    big = model("big", BIG)
    bench.offer({**BIG, "model.bin": noise(10 * PIECE + 123, seed=2)})
    with pytest.raises(DownloadFailed, match="not what it must be") as caught:
        await bench.pull(big)
    assert str(big.files[0].sha256) in caught.value.message
    assert not (bench.directory / "big").exists()
    assert bench.stored("partial") == bench.stored("blobs/sha256") == []


@pytest.mark.parametrize("ranges", [True, False])
async def test_a_wrong_length_is_told_before_it_is_fetched(bench: Bench, ranges: bool) -> None:
    bench.offer({**BIG, "model.bin": BIG["model.bin"][:-1]})
    bench.hub.ranges = ranges
    with pytest.raises(DownloadFailed, match=f"{10 * PIECE + 122} bytes where {10 * PIECE + 123}"):
        await bench.pull(model("big", BIG))
    assert len(bench.hub.requests) == 1


async def test_more_than_was_promised_is_not_taken(bench: Bench) -> None:
    bench.offer({**BIG, "model.bin": BIG["model.bin"] + b"!"})
    bench.hub.ranges = bench.hub.lengths = False
    with pytest.raises(DownloadFailed, match="more than it was asked for"):
        await bench.pull(model("big", BIG))


async def test_404_names_the_address(bench: Bench) -> None:
    with pytest.raises(DownloadFailed, match=r"acme/whisper/resolve/r1/model.bin .* 404"):
        await bench.pull(model("big", BIG))
    assert len(bench.hub.requests) == 1
    assert bench.slept == []


async def test_500_is_asked_again(bench: Bench) -> None:
    bench.offer(BIG)
    bench.hub.answers = [(500, {}), (503, {})]
    await bench.pull(model("big", BIG))
    assert bench.slept == [0.5, 1.0]


async def test_429_is_obeyed(bench: Bench) -> None:
    bench.offer(BIG)
    bench.hub.answers = [(429, {"Retry-After": "17"})]
    await bench.pull(model("big", BIG))
    assert bench.slept == [17.0]


async def test_429_for_an_hour_is_told(bench: Bench) -> None:
    bench.hub.answers = [(429, {"Retry-After": "3600"})]
    with pytest.raises(DownloadFailed, match="429"):
        await bench.pull(model("big", BIG))
    assert bench.slept == []


async def test_a_server_that_is_not_there(bench: Bench) -> None:
    bench.mirror = "http://127.0.0.1:9"  # the discard port: nobody listens
    with pytest.raises(DownloadFailed, match="could not be fetched") as caught:
        await bench.pull(model("big", BIG))
    assert "network" in caught.value.advice
    assert bench.slept == [0.5, 1.0, 2.0, 4.0, 8.0]


async def test_a_web_page_is_no_model(bench: Bench) -> None:
    page = {"config.json": b"<html>log in</html>", "model.bin": b"1"}
    bench.offer(page)
    bench.hub.content_type = "text/html"
    with pytest.raises(DownloadFailed, match="a web page"):
        await bench.pull(model("big", page, known=False))


async def test_a_hash_that_was_not_known_is_recorded_and_holds(bench: Bench) -> None:
    files = {"config.json": b"{}", "model.bin": noise(1000)}
    bench.offer(files)
    unknown = model("fresh", files, known=False)
    [pulled] = await bench.pull(unknown)
    assert pulled.trusted == ("config.json", "model.bin")
    assert any("no hash was known" in said for said in bench.lines.said)
    bench.offer({"config.json": b'{"b": 2}'})
    bench.hub.requests.clear()
    await bench.pull(unknown)
    assert bench.hub.requests == []
    (bench.directory / ".store/blobs/sha256" / sha256(b"{}")).unlink()
    (bench.directory / "fresh" / "config.json").unlink()
    with pytest.raises(DownloadFailed, match="not what it must be") as caught:
        await bench.pull(unknown)
    assert "since the first download" in caught.value.advice


async def test_no_lengths_and_no_sizes(bench: Bench) -> None:
    files = {"config.json": b"{}", "model.bin": noise(5000)}
    bench.offer(files)
    bench.hub.lengths, bench.hub.etag = False, ""
    bench.hub.cuts = [1, 1000]
    await bench.pull(model("fresh", files, known=False))
    assert (bench.directory / "fresh" / "model.bin").read_bytes() == files["model.bin"]


async def test_what_is_there_is_checked_and_mended(bench: Bench) -> None:
    bench.offer(BIG)
    big = model("big", BIG)
    await bench.pull(big)
    bench.hub.requests.clear()
    [pulled] = await bench.pull(big)
    assert (pulled.fetched, bench.hub.requests) == (0, [])
    file = bench.directory / "big" / "model.bin"
    file.chmod(0o644)
    file.write_bytes(bytes(len(BIG["model.bin"])))
    [pulled] = await bench.pull(big)
    assert pulled.fetched == len(BIG["model.bin"])
    assert file.read_bytes() == BIG["model.bin"]


async def test_files_put_there_by_hand_are_not_fetched_again(bench: Bench) -> None:
    bench.offer(BIG)
    (bench.directory / "big").mkdir(parents=True)
    (bench.directory / "big" / "model.bin").write_bytes(BIG["model.bin"])
    await bench.pull(model("big", BIG))
    assert [Path(request.path).name for request in bench.hub.requests] == ["config.json"]


async def test_two_models_share_a_file(bench: Bench) -> None:
    other = {**BIG, "config.json": b'{"c": 3}'}
    bench.offer(BIG)
    await bench.pull(model("one", BIG))
    bench.offer(other)
    bench.hub.requests.clear()
    await bench.pull(model("two", other))
    assert [Path(request.path).name for request in bench.hub.requests] == ["config.json"]
    one, two = (bench.directory / name / "model.bin" for name in ("one", "two"))
    assert one.samefile(two)


async def test_a_mirror_serves_the_same_paths(bench: Bench) -> None:
    async with serving() as mirror:
        mirror.files = {
            f"/deep/acme/whisper/resolve/r1/{name}": content for name, content in BIG.items()
        }
        bench.mirror = f"{mirror.base}/deep/"
        await bench.pull(model("big", BIG))
    assert bench.hub.requests == []


async def test_a_proxy_of_the_environment_is_used(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.offer(BIG)
    monkeypatch.setenv("HTTP_PROXY", bench.hub.base)
    monkeypatch.setenv("http_proxy", bench.hub.base)
    bench.mirror = "http://hub.invalid"
    await bench.pull(model("big", BIG))
    assert {request.host for request in bench.hub.requests} == {"hub.invalid"}


async def test_a_disk_without_room_is_told_before_anything_is_asked_for(bench: Bench) -> None:
    big = model("big", BIG)
    huge = big.files[0].model_copy(update={"bytes": 10**17})
    with pytest.raises(DownloadFailed, match="MB free"):
        await bench.pull(big.model_copy(update={"files": (huge, big.files[1])}))
    assert bench.hub.requests == []


async def test_room_is_counted_without_what_is_there(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.offer(BIG)
    big = model("big", BIG)
    await bench.pull(big)
    monkeypatch.setattr(pull, "SPARE", 10**17)
    await bench.pull(big)
    with pytest.raises(DownloadFailed, match="are to be fetched"):
        await bench.pull(model("other", {"model.bin": b"1"}))


async def test_the_receipt_says_what_was_fetched(bench: Bench) -> None:
    bench.offer(BIG)
    await bench.pull(model("big", BIG))
    receipt = json.loads((bench.directory / ".store/models/big.json").read_text())
    assert receipt["files"] == {name: sha256(content) for name, content in BIG.items()}
    assert receipt["trusted"] == []
