"""Checks that the programs of agents and of servers of tools can be run, where they are to run."""

import os
from typing import ClassVar

from appliance.config.programs import foreign_programs, program_faults
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.context import CheckContext


class ProgramsCheck(BaseCheck):
    name: ClassVar[str] = "programs"
    title: ClassVar[str] = "Other programs"
    limit: ClassVar[float] = 10.0

    async def run(self, context: CheckContext) -> Finding:
        programs = foreign_programs(context.config)
        if not programs:
            return self.skipped("no agent and no server of tools is a program")
        faults = program_faults(context.config, os.environ)
        if faults:
            return self.warning(
                "; ".join(faults),
                "Install it for the appliance's user, or correct the setting; then run `install.sh`"
                " again, which gives the appliance leave to run it and to write there.",
            )
        names = ", ".join(dict.fromkeys(program.command for program in programs))
        return self.ok(f"{names} can be run")
