"""Archives as hostile or broken as they come, read directly."""

import zipfile
from pathlib import Path

import pytest

from appliance.errors import SourceChanged
from appliance.models.assembly import assemble
from appliance.models.manifest import Join, Member
from tests.models.conftest import noise, sha256
from tests.models.registry import make_tarball, make_wheel, npm_package, wheel_package

CONTENT = noise(5000)
RECIPE = Join(kind="join", sha256=sha256(CONTENT), parts=(Member(package="parcel", path="a/part"),))


def unpack(tmp_path: Path, archive: bytes, *, npm: bool, size: int = len(CONTENT)) -> bytes:
    package = (npm_package if npm else wheel_package)("parcel", archive)
    path, target = tmp_path / "archive", tmp_path / "file"
    path.write_bytes(archive)
    assemble(RECIPE, {"parcel": (package, path)}, size, target, lambda _: None)
    return target.read_bytes()


@pytest.mark.parametrize("npm", [True, False])
def test_only_the_named_member_is_read(tmp_path: Path, npm: bool) -> None:
    make = make_tarball if npm else make_wheel
    archive = make({"../b": b"evil", "a/part": CONTENT, "a/setup.py": b"1 / 0"})
    assert unpack(tmp_path, archive, npm=npm) == CONTENT
    assert {path.name for path in tmp_path.iterdir()} == {"archive", "file"}


@pytest.mark.parametrize("npm", [True, False])
def test_a_member_larger_than_expected_is_refused(tmp_path: Path, npm: bool) -> None:
    archive = (make_tarball if npm else make_wheel)({"a/part": CONTENT})
    with pytest.raises(SourceChanged, match="more than 4999 bytes"):
        unpack(tmp_path, archive, npm=npm, size=4999)


@pytest.mark.parametrize("npm", [True, False])
@pytest.mark.parametrize("cut", [1, 10, 3000])
def test_a_truncated_archive_is_refused(tmp_path: Path, npm: bool, cut: int) -> None:
    archive = (make_tarball if npm else make_wheel)({"a/part": CONTENT})
    with pytest.raises(SourceChanged, match=r"parcel 1\.0\.0 cannot be used"):
        unpack(tmp_path, archive[:cut], npm=npm)


@pytest.mark.parametrize("npm", [True, False])
def test_a_missing_member_is_named(tmp_path: Path, npm: bool) -> None:
    archive = (make_tarball if npm else make_wheel)({"a/other": CONTENT})
    with pytest.raises(SourceChanged, match=r"it has no .*a/part"):
        unpack(tmp_path, archive, npm=npm)


def test_a_wheel_whose_header_understates_the_size_is_refused(tmp_path: Path) -> None:
    archive = bytearray(make_wheel({"a/part": bytes(10**6)}))
    understated = (100).to_bytes(4, "little")
    stated = (10**6).to_bytes(4, "little")
    assert archive.count(stated) == 2
    with pytest.raises(SourceChanged):
        unpack(tmp_path, bytes(archive.replace(stated, understated)), npm=False)


def test_an_encrypted_wheel_is_refused(tmp_path: Path) -> None:
    archive = bytearray(make_wheel({"a/part": CONTENT}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        archive[archive.index(signature) + offset] |= 1
    with pytest.raises(SourceChanged, match="encrypted"):
        unpack(tmp_path, bytes(archive), npm=False)


def test_a_tarball_that_unpacks_to_far_more_than_it_is_refused(tmp_path: Path) -> None:
    archive = make_tarball({"a/bomb": bytes(50 * 2**20), "a/part": CONTENT})
    assert len(archive) < 10**5
    with pytest.raises(SourceChanged, match="unpacks to more than"):
        unpack(tmp_path, archive, npm=True)


def test_a_tarball_of_many_empty_members_is_refused(tmp_path: Path) -> None:
    archive = make_tarball({f"{number}": b"" for number in range(20_000)})
    with pytest.raises(SourceChanged, match="unpacks to more than"):
        unpack(tmp_path, archive, npm=True)


def test_a_link_in_a_tarball_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(CONTENT)
    archive = make_tarball({}, links={"a/part": str(tmp_path / "secret")})
    with pytest.raises(SourceChanged, match="it has no"):
        unpack(tmp_path, archive, npm=True)


def test_the_archives_are_closed(tmp_path: Path) -> None:
    """Otherwise a ResourceWarning fails this test."""
    with pytest.raises(SourceChanged):
        unpack(tmp_path, b"no archive", npm=True)
    with pytest.raises(SourceChanged):
        unpack(tmp_path, b"no archive", npm=False)
    with zipfile.ZipFile(tmp_path / "whole", "w") as whole:
        whole.writestr("a/part", CONTENT)
    assert unpack(tmp_path, (tmp_path / "whole").read_bytes(), npm=False) == CONTENT
