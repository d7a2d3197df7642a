"""What is pinned is pinned by hash, and comes from whatever registry the machine uses."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = [*sorted((ROOT / "requirements").glob("*.txt")), ROOT / "web" / "package-lock.json"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_carries_no_address(lock: Path) -> None:
    assert re.findall(r"\w+://\S+", lock.read_text(encoding="utf-8")) == []


def test_every_package_of_the_page_has_its_hash() -> None:
    locked = json.loads((ROOT / "web" / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in locked["packages"].items() if name}
    assert packages
    assert [name for name, entry in packages.items() if not entry.get("integrity")] == []
