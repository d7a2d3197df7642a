"""Checks the hash of every model file, and that the configured models are on disk."""

from collections.abc import Sequence
from typing import ClassVar

from appliance.concurrency import run_in_daemon_thread
from appliance.models import inventory, manifest
from appliance.models.inventory import VerifiedFile
from appliance.models.repository import ModelRepository
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.context import CheckContext


class ModelFilesCheck(BaseCheck):
    name: ClassVar[str] = "models"
    title: ClassVar[str] = "Model files"
    limit: ClassVar[float] = 300.0  # several gigabytes from a slow card

    async def run(self, context: CheckContext) -> Finding:
        repository = ModelRepository(context.config.models.directory)
        found = await run_in_daemon_thread(
            lambda: inventory.verify(
                manifest.read_manifest(context.manifest), repository, lambda _: None
            )
        )
        return self.judge(found, context)

    def judge(self, found: Sequence[VerifiedFile], context: CheckContext) -> Finding:
        wrong = [file for file in found if file.state in ("damaged", "missing")]
        if wrong:
            names = " ".join(dict.fromkeys(file.model for file in wrong if file.model))
            pull = f"`appliance models pull {names}` fetches the wrong files again" if names else ""
            return self.failure(
                "; ".join(f"{file.path} is {file.state}" for file in wrong),
                f"{pull or 'The next `appliance models pull` mends it'}; then restart the"
                " appliance. If it happens again, the disk is failing.",
            )
        if context.plan.warnings:
            return self.warning(
                "; ".join(context.plan.warnings),
                "Fetch it with `appliance models pull`, or correct the key in the configuration.",
            )
        unknown = [file for file in found if file.state == "unknown"]
        if not found:
            return self.ok(f"none in {context.config.models.directory}; starter engines need none")
        summary = f"{len(found) - len(unknown)} files are as they were fetched"
        if unknown:
            summary += f"; of {len(unknown)} it is not known what they must be"
        return self.ok(summary)
