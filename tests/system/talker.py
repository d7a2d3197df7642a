"""Somebody on the LAN who pairs and talks through nginx: python -m tests.system.talker URL CA CODE

Prints what was heard and answered as JSON.
"""

import asyncio
import json
import ssl
import sys

import aiohttp

from appliance.client import calling
from tests.daemon import command


async def talk(url: str, ca: str, code: str) -> dict[str, object]:
    trusted = ssl.create_default_context(cafile=ca)
    page = {"Origin": url}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), headers=page) as http:
        async with http.post(f"{url}/api/sessions", json={}, ssl=trusted) as stranger:
            refused = stranger.status
        async with http.post(f"{url}/api/pair", json={"code": code}, ssl=trusted) as paired:
            assert paired.status == 200, await paired.text()
            token = (await paired.json())["token"]
    async with calling(url, token=token, tls=trusted) as call:
        end = await call.say(command("what_time_is_it"))
        heard = await call.wait_for(lambda a: a.kind == "user-transcription", since=end)
        await call.wait_for(lambda a: a.kind == "audio", since=end)
        await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=end)
        said = "".join(a.data["text"] for a in call.after(end, "bot-llm-text"))
        return {"stranger": refused, "heard": heard.data["text"], "said": said}


if __name__ == "__main__":
    json.dump(asyncio.run(talk(*sys.argv[1:])), sys.stdout)
