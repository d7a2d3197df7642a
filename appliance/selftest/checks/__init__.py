"""The checks of the self-test, in running order: from the board upwards to a conversation."""

from appliance.selftest.check import Check
from appliance.selftest.checks.access import AccessCheck
from appliance.selftest.checks.board import BoardCheck
from appliance.selftest.checks.certificate import CertificateCheck
from appliance.selftest.checks.clock import ClockCheck
from appliance.selftest.checks.daemon import DaemonCheck
from appliance.selftest.checks.database import DatabaseCheck
from appliance.selftest.checks.disk import DiskCheck
from appliance.selftest.checks.full_turn import FullTurnCheck
from appliance.selftest.checks.l4t_release import L4tReleaseCheck
from appliance.selftest.checks.languages import LanguagesCheck
from appliance.selftest.checks.llm import LLMCheck
from appliance.selftest.checks.memory import MemoryCheck
from appliance.selftest.checks.model_files import ModelFilesCheck
from appliance.selftest.checks.nginx import NginxCheck
from appliance.selftest.checks.power import PowerCheck
from appliance.selftest.checks.programs import ProgramsCheck
from appliance.selftest.checks.realtime import RealtimeCheck
from appliance.selftest.checks.stt import STTCheck
from appliance.selftest.checks.temperature import TemperatureCheck
from appliance.selftest.checks.tts import TTSCheck
from appliance.selftest.checks.websocket import WebSocketCheck

CHECKS: tuple[Check, ...] = (
    *(
        BoardCheck(),
        L4tReleaseCheck(),
        MemoryCheck(),
        DiskCheck(),
        TemperatureCheck(),
        PowerCheck(),
        ClockCheck(),
    ),
    *(ModelFilesCheck(), LanguagesCheck(), DatabaseCheck(), AccessCheck(), DaemonCheck()),
    *(STTCheck(), TTSCheck(), LLMCheck(), RealtimeCheck(), ProgramsCheck()),
    *(NginxCheck(), CertificateCheck(), WebSocketCheck(), FullTurnCheck()),
)
