"""`appliance plan`."""

import json

from tests.cli.conftest import Run


def test_the_plan_is_printed_as_text_and_as_json(run: Run) -> None:
    result = run("plan")
    assert result.status == 0
    assert "listening" in result.out
    plan = json.loads(run("plan", "--json").out)
    assert plan["sessions"] >= 1
    assert plan["stt"]["rungs"][-1]["engine"] == "sphinx"
    assert plan["tts"]["rungs"][-1]["engine"] == "espeak"
