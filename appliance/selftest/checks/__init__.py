"""Every check, in the order in which they run: from the board upwards to a conversation."""

from appliance.selftest import Check
from appliance.selftest.checks.access import Access
from appliance.selftest.checks.board import Board
from appliance.selftest.checks.certificate import Certificate
from appliance.selftest.checks.clock import Clock
from appliance.selftest.checks.database import Database
from appliance.selftest.checks.disk import Disk
from appliance.selftest.checks.hearing import Hearing
from appliance.selftest.checks.heat import Heat
from appliance.selftest.checks.llm import LanguageModel
from appliance.selftest.checks.memory import Memory
from appliance.selftest.checks.models import Models
from appliance.selftest.checks.page import Page
from appliance.selftest.checks.power import Power
from appliance.selftest.checks.realtime import RealtimeRoute
from appliance.selftest.checks.running import Running
from appliance.selftest.checks.speaking import Speaking
from appliance.selftest.checks.spoken import Spoken
from appliance.selftest.checks.system import System
from appliance.selftest.checks.websocket import WebSocket

CHECKS: tuple[Check, ...] = (
    *(Board(), System(), Memory(), Disk(), Heat(), Power(), Clock()),
    *(Models(), Database(), Access(), Running()),
    *(Hearing(), Speaking(), LanguageModel(), RealtimeRoute()),
    *(Page(), Certificate(), WebSocket(), Spoken()),
)
