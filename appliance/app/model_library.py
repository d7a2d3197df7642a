"""The models as the page shows them: which are there, which fit and why not, which are in use."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Literal

from appliance.app.engine_runtime import EngineRuntime
from appliance.app.language_model import LanguageModel
from appliance.app.model_jobs import JobKind, ModelJobs
from appliance.config.loader import Config
from appliance.errors import ModelInUse
from appliance.hardware import planner
from appliance.models.inventory import list_models
from appliance.models.manifest import Manifest, Model, read_manifest
from appliance.models.repository import ModelRepository

Use = Literal["", "answers", "chosen"]


class ModelLibrary:
    """The models of the manifest and the jobs on them."""

    def __init__(
        self,
        config: Callable[[], Config],
        engines: EngineRuntime,
        language_model: LanguageModel,
        jobs: ModelJobs,
        manifest: Callable[[], Manifest] = read_manifest,
    ) -> None:
        self._config = config
        self._engines = engines
        self._language_model = language_model
        self._jobs = jobs
        self._manifest = manifest

    async def view(self) -> dict[str, Any]:
        """The body of GET /api/models."""
        shown = await asyncio.to_thread(self._on_disk)
        return {**shown, "jobs": self._jobs.listed()}

    def _on_disk(self) -> dict[str, Any]:
        config, plan, manifest = self._config(), self._engines.plan, self._manifest()
        obstacles = {
            model.name: planner.obstacle(
                plan.hardware, config, model.name, model.weights.bytes or 0
            )
            for model in manifest.model
        }
        listed = list_models(
            manifest,
            ModelRepository(config.models.directory),
            config.models.mirror,
            lambda model: not obstacles[model.name].reason,
        )
        sizes = {model.name: model.weights.bytes or 0 for model in manifest.model}
        return {
            "models": [
                {
                    **asdict(model),
                    "obstacle": obstacles[model.name].reason,
                    "memory": obstacles[model.name].memory,
                    "use": self._use(model.name),
                }
                for model in listed
            ],
            "recommended": planner.recommended(plan.hardware, config, sizes),
            "better": {
                "stt": plan.stt.better,
                "tts": plan.tts.better,
                "llm": plan.llm.better,
            },
            "memory": {"budget": plan.budget, "total": plan.hardware.memory_total},
            "disk_free": _free_bytes(config),
            "directory": str(config.models.directory),
        }

    def _use(self, name: str) -> Use:
        """Whether a model answers now, or is chosen in the settings."""
        answering = {
            str(state["name"]).split()[1]
            for state in self._engines.states().values()
            if " " in str(state["name"])
        }
        if name in answering or self._language_model.report()["name"] == name:
            return "answers"
        config = self._config()
        chosen = (config.stt.model, config.tts.model, config.llm.model)
        return "chosen" if name in chosen else ""

    def _named(self, name: str) -> Model:
        """Raises NotFound, with the nearest names."""
        return self._manifest().named(name)

    def pull(self, name: str) -> dict[str, Any]:
        """Queues the download of a model. Raises NotFound."""
        return self._add("pull", self._named(name).name)

    def verify(self) -> dict[str, Any]:
        """Queues the verification of all models on disk."""
        return self._add("verify", "")

    def remove(self, name: str) -> dict[str, Any]:
        """Queues the removal of a model. Raises NotFound, or ModelInUse with the reason."""
        model = self._named(name)
        match self._use(model.name):
            case "answers":
                raise ModelInUse(f"{name} is the one that answers now")
            case "chosen":
                raise ModelInUse(f"{name} is named in the settings")
        return self._add("rm", model.name)

    def cancel(self, job_id: int) -> None:
        """Ends a job. Raises NotFound where it has ended already."""
        self._jobs.cancel(job_id)

    def _add(self, kind: JobKind, name: str) -> dict[str, Any]:
        return asdict(self._jobs.add(kind, name))


def _free_bytes(config: Config) -> int:
    """What the disk of the models has free; 0 where nobody can tell."""
    directory = config.models.directory
    for place in (directory, *directory.parents):
        try:
            return shutil.disk_usage(place).free
        except FileNotFoundError:
            continue
        except OSError:
            return 0
    return 0
