"""Pulls from a real server over real sockets, with the faults that such servers have."""

import asyncio
import json
from itertools import pairwise
from pathlib import Path

import pytest

from appliance.engines.whisper.engine import Whisper
from appliance.errors import DownloadFailed
from appliance.models import repository
from tests.daemon import command
from tests.models.conftest import MICRO, PIECE, Downloads, model, noise, sha256
from tests.models.server import serving

BIG = {"model.bin": noise(10 * PIECE + 123), "config.json": b'{"a": 1}'}


async def test_a_pulled_whisper_model_loads_and_transcribes(downloads: Downloads) -> None:
    files = {path.name: path.read_bytes() for path in MICRO.iterdir()}
    downloads.serve(files)
    micro = model("micro", files)
    assert [pulled.name for pulled in await downloads.pull(micro)] == ["micro"]
    engine = await Whisper.load(downloads.directory / "micro", "cpu", "int8", 1)
    try:
        heard = await engine.transcribe(command("what_time_is_it"))
    finally:
        await engine.close()
    assert heard.text == "what time is it"


async def test_ranges_are_fetched_several_at_once(downloads: Downloads) -> None:
    downloads.serve(BIG)
    downloads.hub.hold_after, downloads.hub.crowd = 1, 4  # no request goes on until four are open
    async with asyncio.timeout(20):
        await downloads.pull(model("big", BIG))
    assert (downloads.directory / "big" / "model.bin").read_bytes() == BIG["model.bin"]
    asked = [request.range for request in downloads.hub.requests if request.range]
    assert len(asked) == 11
    assert all(before[1] == after[0] for before, after in pairwise(sorted(asked)))
    assert downloads.hub.most_at_once == 4
    assert downloads.stored("partial") == []


async def test_a_server_without_ranges(downloads: Downloads) -> None:
    downloads.serve(BIG)
    downloads.hub.ranges = False
    downloads.hub.cuts = [3 * PIECE]
    await downloads.pull(model("big", BIG))
    assert (downloads.directory / "big" / "model.bin").read_bytes() == BIG["model.bin"]
    assert len(downloads.hub.requests) == 3  # the cut one, the whole, config.json


async def test_cut_connections_cost_only_what_had_not_arrived(downloads: Downloads) -> None:
    downloads.serve(BIG)
    downloads.hub.cuts = [PIECE // 2, 100, PIECE // 4, 0, 7]
    await downloads.pull(model("big", BIG))
    assert (downloads.directory / "big" / "model.bin").read_bytes() == BIG["model.bin"]
    later = [request for request in downloads.hub.requests if request.range and request.if_range]
    assert {request.if_range for request in later} == {'"one"'}
    starts = [request.range[0] for request in downloads.hub.requests if request.range]
    assert PIECE // 2 in starts  # it went on in the middle of the first piece
    assert downloads.slept
    assert max(downloads.slept) <= 1


async def test_an_interrupted_pull_is_continued(downloads: Downloads) -> None:
    downloads.serve(BIG)
    big = model("big", BIG)
    downloads.hub.cuts = [PIECE] * 3 + [0] * 60
    with pytest.raises(DownloadFailed, match="could not be fetched"):
        await downloads.pull(big)
    assert downloads.stored("partial") == [big.files[0].sha256, f"{big.files[0].sha256}.json"]
    downloads.hub.cuts.clear()
    downloads.hub.requests.clear()
    await downloads.pull(big)
    assert downloads.progress.started[-4][2] >= 2 * PIECE  # what was there already is shown
    again = [request.range for request in downloads.hub.requests if request.range]
    assert (0, PIECE) not in again
    assert (downloads.directory / "big" / "model.bin").read_bytes() == BIG["model.bin"]


async def test_changed_content_under_the_same_address_is_fetched_from_the_beginning(
    downloads: Downloads,
) -> None:
    old = {**BIG, "model.bin": noise(10 * PIECE + 123, seed=2)}
    downloads.serve(old)
    big = model("big", BIG)
    downloads.hub.cuts = [PIECE] * 3 + [0] * 60
    with pytest.raises(DownloadFailed):
        await downloads.pull(big)
    downloads.hub.cuts.clear()
    downloads.hub.etag = '"two"'
    downloads.serve(BIG)
    await downloads.pull(big)
    assert (downloads.directory / "big" / "model.bin").read_bytes() == BIG["model.bin"]


async def test_a_wrong_beginning_is_fetched_anew_once(downloads: Downloads) -> None:
    """After a power cut the note lists bytes that are zeros on the disk."""
    downloads.serve(BIG)
    big = model("big", BIG)
    downloads.hub.cuts = [PIECE] * 3 + [0] * 60
    with pytest.raises(DownloadFailed):
        await downloads.pull(big)
    downloads.hub.cuts.clear()
    partial = downloads.directory / ".store" / "partial" / str(big.files[0].sha256)
    with partial.open("r+b") as file:
        file.write(bytes(1000))
    await downloads.pull(big)
    assert any("put together wrongly" in line for line in downloads.progress.messages)
    assert (downloads.directory / "big" / "model.bin").read_bytes() == BIG["model.bin"]


async def test_wrong_bytes_never_become_a_model(downloads: Downloads) -> None:
    big = model("big", BIG)
    downloads.serve({**BIG, "model.bin": noise(10 * PIECE + 123, seed=2)})
    with pytest.raises(DownloadFailed, match="not what it must be") as caught:
        await downloads.pull(big)
    assert str(big.files[0].sha256) in caught.value.message
    assert not (downloads.directory / "big").exists()
    assert downloads.stored("partial") == downloads.stored("blobs/sha256") == []


@pytest.mark.parametrize("ranges", [True, False])
async def test_a_wrong_length_is_refused_before_the_body_is_fetched(
    downloads: Downloads, ranges: bool
) -> None:
    downloads.serve({**BIG, "model.bin": BIG["model.bin"][:-1]})
    downloads.hub.ranges = ranges
    with pytest.raises(DownloadFailed, match=f"{10 * PIECE + 122} bytes where {10 * PIECE + 123}"):
        await downloads.pull(model("big", BIG))
    assert len(downloads.hub.requests) == 1


async def test_a_body_longer_than_announced_is_refused(downloads: Downloads) -> None:
    downloads.serve({**BIG, "model.bin": BIG["model.bin"] + b"!"})
    downloads.hub.ranges = downloads.hub.lengths = False
    with pytest.raises(DownloadFailed, match="more than it was asked for"):
        await downloads.pull(model("big", BIG))


async def test_404_names_the_address(downloads: Downloads) -> None:
    with pytest.raises(DownloadFailed, match=r"acme/whisper/resolve/r1/model.bin .* 404"):
        await downloads.pull(model("big", BIG))
    assert len(downloads.hub.requests) == 1
    assert downloads.slept == []


async def test_a_server_error_is_retried(downloads: Downloads) -> None:
    downloads.serve(BIG)
    downloads.hub.answers = [(500, {}), (503, {})]
    await downloads.pull(model("big", BIG))
    assert downloads.slept == [0.5, 1.0]


async def test_the_pause_that_a_429_asks_for_is_kept(downloads: Downloads) -> None:
    downloads.serve(BIG)
    downloads.hub.answers = [(429, {"Retry-After": "17"})]
    await downloads.pull(model("big", BIG))
    assert downloads.slept == [17.0]


async def test_a_429_for_an_hour_ends_the_pull(downloads: Downloads) -> None:
    downloads.hub.answers = [(429, {"Retry-After": "3600"})]
    with pytest.raises(DownloadFailed, match="429"):
        await downloads.pull(model("big", BIG))
    assert downloads.slept == []


async def test_an_unreachable_server_is_tried_six_times(downloads: Downloads) -> None:
    downloads.mirror = "http://127.0.0.1:9"  # the discard port: nobody listens
    downloads.sources = ("mirror",)
    with pytest.raises(DownloadFailed, match="could not be fetched") as caught:
        await downloads.pull(model("big", BIG))
    assert "network" in caught.value.advice
    assert downloads.slept == [0.5, 1.0, 2.0, 4.0, 8.0]


async def test_a_web_page_is_refused(downloads: Downloads) -> None:
    page = {"config.json": b"<html>log in</html>", "model.bin": b"1"}
    downloads.serve(page)
    downloads.hub.content_type = "text/html"
    with pytest.raises(DownloadFailed, match="a web page"):
        await downloads.pull(model("big", page, known=False))


async def test_an_unknown_hash_is_recorded_and_holds_from_then_on(downloads: Downloads) -> None:
    files = {"config.json": b"{}", "model.bin": noise(1000)}
    downloads.serve(files)
    unknown = model("fresh", files, known=False)
    [pulled] = await downloads.pull(unknown)
    assert pulled.trusted == ("config.json", "model.bin")
    assert any("no hash was known" in line for line in downloads.progress.messages)
    downloads.serve({"config.json": b'{"b": 2}'})
    downloads.hub.requests.clear()
    await downloads.pull(unknown)
    assert downloads.hub.requests == []
    (downloads.directory / ".store/blobs/sha256" / sha256(b"{}")).unlink()
    (downloads.directory / "fresh" / "config.json").unlink()
    with pytest.raises(DownloadFailed, match="not what it must be") as caught:
        await downloads.pull(unknown)
    assert "since the first download" in caught.value.advice


async def test_a_server_without_lengths_and_a_manifest_without_sizes(downloads: Downloads) -> None:
    files = {"config.json": b"{}", "model.bin": noise(5000)}
    downloads.serve(files)
    downloads.hub.lengths, downloads.hub.etag = False, ""
    downloads.hub.cuts = [1, 1000]
    await downloads.pull(model("fresh", files, known=False))
    assert (downloads.directory / "fresh" / "model.bin").read_bytes() == files["model.bin"]


async def test_files_on_disk_are_verified_and_repaired(downloads: Downloads) -> None:
    downloads.serve(BIG)
    big = model("big", BIG)
    await downloads.pull(big)
    downloads.hub.requests.clear()
    [pulled] = await downloads.pull(big)
    assert (pulled.fetched, downloads.hub.requests) == (0, [])
    file = downloads.directory / "big" / "model.bin"
    file.chmod(0o644)
    file.write_bytes(bytes(len(BIG["model.bin"])))
    [pulled] = await downloads.pull(big)
    assert pulled.fetched == len(BIG["model.bin"])
    assert file.read_bytes() == BIG["model.bin"]


async def test_files_put_there_by_hand_are_not_fetched_again(downloads: Downloads) -> None:
    downloads.serve(BIG)
    (downloads.directory / "big").mkdir(parents=True)
    (downloads.directory / "big" / "model.bin").write_bytes(BIG["model.bin"])
    await downloads.pull(model("big", BIG))
    assert [Path(request.path).name for request in downloads.hub.requests] == ["config.json"]


async def test_two_models_share_a_file(downloads: Downloads) -> None:
    other = {**BIG, "config.json": b'{"c": 3}'}
    downloads.serve(BIG)
    await downloads.pull(model("one", BIG))
    downloads.serve(other)
    downloads.hub.requests.clear()
    await downloads.pull(model("two", other))
    assert [Path(request.path).name for request in downloads.hub.requests] == ["config.json"]
    one, two = (downloads.directory / name / "model.bin" for name in ("one", "two"))
    assert one.samefile(two)


async def test_a_mirror_serves_the_same_paths(downloads: Downloads) -> None:
    async with serving() as mirror:
        mirror.files = {
            f"/deep/acme/whisper/resolve/r1/{name}": content for name, content in BIG.items()
        }
        downloads.mirror = f"{mirror.base}/deep/"
        await downloads.pull(model("big", BIG))
    assert downloads.hub.requests == []


async def test_a_proxy_of_the_environment_is_used(
    downloads: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloads.serve(BIG)
    monkeypatch.setenv("HTTP_PROXY", downloads.hub.base)
    monkeypatch.setenv("http_proxy", downloads.hub.base)
    downloads.mirror = "http://hub.invalid"
    await downloads.pull(model("big", BIG))
    assert {request.host for request in downloads.hub.requests} == {"hub.invalid"}


async def test_a_full_disk_is_reported_before_the_first_request(downloads: Downloads) -> None:
    big = model("big", BIG)
    huge = big.files[0].model_copy(update={"bytes": 10**17})
    with pytest.raises(DownloadFailed, match="MB free"):
        await downloads.pull(big.model_copy(update={"files": (huge, big.files[1])}))
    assert downloads.hub.requests == []


async def test_files_on_disk_need_no_room(
    downloads: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloads.serve(BIG)
    big = model("big", BIG)
    await downloads.pull(big)
    monkeypatch.setattr(repository, "SPARE_BYTES", 10**17)
    await downloads.pull(big)
    with pytest.raises(DownloadFailed, match="are to be fetched"):
        await downloads.pull(model("other", {"model.bin": b"1"}))


async def test_the_receipt_lists_the_fetched_files(downloads: Downloads) -> None:
    downloads.serve(BIG)
    await downloads.pull(model("big", BIG))
    receipt = json.loads((downloads.directory / ".store/models/big.json").read_text())
    assert receipt["files"] == {name: sha256(content) for name, content in BIG.items()}
    assert receipt["trusted"] == []
