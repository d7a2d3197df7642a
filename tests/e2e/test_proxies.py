"""A proxy in the appliance's environment sees nothing of conversations with local servers."""

import os
from pathlib import Path

import pytest

from appliance.client import calling
from tests.chat_server import chat_server
from tests.daemon import running, speech
from tests.e2e.test_realtime import KEY, REALTIME, answered
from tests.network.counting_proxy import VARIABLES, counting_proxy
from tests.realtime_server import realtime_server

pytestmark = pytest.mark.slow


async def test_local_models_of_both_routes_are_reached_without_a_proxy(tmp_path: Path) -> None:
    async with (
        counting_proxy() as proxy,
        chat_server(lambda _messages: "It is far away.") as chat,
        realtime_server(lambda _asked: "It is far away.") as server,
    ):
        settings = {
            **dict.fromkeys((*VARIABLES, "WS_PROXY", "ws_proxy"), proxy.url),
            **{name: "" for name in ("NO_PROXY", "no_proxy") if name in os.environ},
            "OPENAI_API_KEY": KEY,
            "APPLIANCE__LLM__PROVIDER": "custom",
            "APPLIANCE__LLM__BASE_URL": chat.base_url,
            "APPLIANCE__FALLBACK__POLICY": "on_failure",
            "APPLIANCE__REALTIME__BASE_URL": server.base_url,
        }
        async with running(tmp_path, settings) as daemon:
            async with calling(daemon.base_url) as call:
                sent = await call.type("how far is the moon from here")
                await answered(call, sent, "far away.")
            async with calling(daemon.base_url, options=REALTIME) as call:
                sent = await call.say(speech("what_time_is_it"))
                await answered(call, sent, "far away.")
                route = next(a.data for a in call.after(0, "server-message"))
                assert (route["route"], route["left_the_box"]) == ("realtime", False)
    assert proxy.requests == []
