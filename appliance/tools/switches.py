"""The switches of the tools: those that the owner has turned off."""

from collections.abc import Iterable
from dataclasses import dataclass

from appliance.tools import Tool


@dataclass(slots=True)
class ToolSwitches:
    """The names of the tools that are off; they stay known, and nobody gets to use them."""

    off: frozenset[str] = frozenset()

    def is_on(self, name: str) -> bool:
        return name not in self.off

    def on(self, tools: Iterable[Tool]) -> list[Tool]:
        """Those of the tools that are on."""
        return [tool for tool in tools if self.is_on(tool.name)]
