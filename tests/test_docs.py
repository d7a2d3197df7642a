"""The README names every route and every setting, so that neither grows in silence."""

import re
import tomllib
from pathlib import Path

from appliance.api.routes import ROUTES
from appliance.config.loader import DEFAULT_FILE

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_every_route_is_documented() -> None:
    undocumented = [
        f"{r.method} {r.path}" for r in ROUTES if f"`{r.method} {r.path}`" not in README
    ]
    assert undocumented == []


def test_no_route_is_documented_that_is_not_there() -> None:
    documented = set(re.findall(r"`(GET|POST|DELETE|PUT|PATCH) (/[^`\s]*)`", README))
    assert documented - {(route.method, route.path) for route in ROUTES} == set()


def test_every_setting_is_documented() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", README, re.MULTILINE))
    undocumented = [
        f"{section}.{key}"
        for section, keys in tomllib.loads(DEFAULT_FILE.read_text(encoding="utf-8")).items()
        for key in keys
        if f"`{key}`" not in rows.get(section, "")
    ]
    assert undocumented == []
