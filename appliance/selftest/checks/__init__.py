"""Every check, in the order in which they run: from the board upwards to a conversation."""

from appliance.selftest.check import Check
from appliance.selftest.checks.access import Access
from appliance.selftest.checks.board import Board
from appliance.selftest.checks.certificate import Certificate
from appliance.selftest.checks.clock import Clock
from appliance.selftest.checks.database import Database
from appliance.selftest.checks.disk import Disk
from appliance.selftest.checks.stt import Hearing
from appliance.selftest.checks.temperature import Heat
from appliance.selftest.checks.llm import LanguageModel
from appliance.selftest.checks.memory import Memory
from appliance.selftest.checks.model_files import Models
from appliance.selftest.checks.nginx import Page
from appliance.selftest.checks.power import Power
from appliance.selftest.checks.realtime import RealtimeRoute
from appliance.selftest.checks.daemon import Running
from appliance.selftest.checks.tts import Speaking
from appliance.selftest.checks.full_turn import Spoken
from appliance.selftest.checks.l4t_release import System
from appliance.selftest.checks.websocket import WebSocket

CHECKS: tuple[Check, ...] = (
    *(Board(), System(), Memory(), Disk(), Heat(), Power(), Clock()),
    *(Models(), Database(), Access(), Running()),
    *(Hearing(), Speaking(), LanguageModel(), RealtimeRoute()),
    *(Page(), Certificate(), WebSocket(), Spoken()),
)
