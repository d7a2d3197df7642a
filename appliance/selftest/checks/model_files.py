"""Is every model file still what it was when it was fetched?"""

from collections.abc import Sequence
from typing import ClassVar

from appliance.selftest.check import Finding, Named
from appliance.selftest.context import Facts
from appliance.threads import aside
from appliance.models import manifest, inventory as survey
from appliance.models.repository import Shelf
from appliance.models.inventory import Verified


class Models(Named):
    name: ClassVar[str] = "models"
    title: ClassVar[str] = "Model files"
    limit: ClassVar[float] = 300.0  # several gigabytes from a slow card

    async def run(self, facts: Facts) -> Finding:
        shelf = Shelf(facts.config.models.directory)
        found = await aside(
            lambda: survey.verify(manifest.read(facts.manifest), shelf, lambda _: None)
        )
        return self.judge(found, facts)

    def judge(self, found: Sequence[Verified], facts: Facts) -> Finding:
        wrong = [file for file in found if file.state in ("damaged", "missing")]
        if wrong:
            names = " ".join(dict.fromkeys(file.model for file in wrong if file.model))
            pull = f"`appliance models pull {names}` fetches what is wrong anew" if names else ""
            return self.failure(
                "; ".join(f"{file.path} is {file.state}" for file in wrong),
                f"{pull or 'The next `appliance models pull` mends it'}; then restart the"
                " appliance. If it happens again, the disk is failing.",
            )
        if facts.plan.warnings:
            return self.warning(
                "; ".join(facts.plan.warnings),
                "Fetch it with `appliance models pull`, or correct the key in the configuration.",
            )
        unknown = [file for file in found if file.state == "unknown"]
        if not found:
            return self.ok(f"none in {facts.config.models.directory}; starter engines need none")
        shown = f"{len(found) - len(unknown)} files are as they were fetched"
        if unknown:
            shown += f"; of {len(unknown)} it is not known what they must be"
        return self.ok(shown)
