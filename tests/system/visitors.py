"""Visitors who come at a steady pace and each want one answer: python -m tests.system.visitors …

    visitors URL [--socket PATH] [--ca FILE] [--from ADDRESS]…

Fifty a second on a connection of their own each, until standard input ends; it prints a line when
the first has left, and at the end what became of all as JSON.
"""

import argparse
import asyncio
import json
import random
import ssl
import sys
import time
from collections import Counter

import aiohttp

A_SECOND = 50
PATIENCE = 30.0


async def visit(options: argparse.Namespace, became: Counter[str]) -> float:
    """One visitor; how long it took."""
    begun = time.monotonic()
    tls = ssl.create_default_context(cafile=options.ca) if options.ca else True
    connector: aiohttp.BaseConnector
    if options.socket:
        connector = aiohttp.UnixConnector(options.socket)
    else:
        home = (random.choice(options.homes), 0) if options.homes else None
        connector = aiohttp.TCPConnector(local_addr=home)
    patience = aiohttp.ClientTimeout(total=PATIENCE)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=patience) as http,
            http.get(options.url, ssl=tls) as answer,
        ):
            await answer.read()
            became[str(answer.status)] += 1
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        became[f"{type(error).__name__}: {error}"] += 1
    return time.monotonic() - begun


async def come(options: argparse.Namespace) -> dict[str, object]:
    became: Counter[str] = Counter()
    over = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    visits = []
    while not over.done():
        visits.append(asyncio.create_task(visit(options, became)))
        if len(visits) == 1:
            await visits[0]
            print("here", flush=True)  # noqa: T201
        await asyncio.sleep(1 / A_SECOND)
    took = await asyncio.gather(*visits)
    return {"became": became, "longest": round(max(took), 2)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--socket", default="")
    parser.add_argument("--ca", default="")
    parser.add_argument("--from", dest="homes", action="append", help="an address they come from")
    json.dump(asyncio.run(come(parser.parse_args())), sys.stdout)


if __name__ == "__main__":
    main()
