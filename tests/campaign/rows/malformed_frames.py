"""Malformed frames: against the gate of all frames, and on the sockets of a running daemon."""

import asyncio
import contextlib
import itertools
import random
from collections.abc import Iterator

import aiohttp

from appliance import wire
from appliance.client import calling
from tests.campaign.row import Row, Trial
from tests.campaign.talking import answered, is_served
from tests.daemon import Daemon, running
from tests.e2e.test_bad_input import BAD_FRAMES
from tests.stranger import message, new_session, until

BATCH = 10_000
# Beyond this a connection is made to wait, and closed in the end.
FRAMES_A_SESSION = 1_500
SENDERS = 4
QUESTION_EVERY = 10  # sessions

VALID = (
    wire.encode(wire.Audio(b"\x01\x00" * 320)),
    message("send-text", {"content": "what day is it"}),
    message("client-ready", {"version": "2.0.0"}),
    message("client-message", {"t": "ping"}),
)
ODD = tuple(frame for _, frame in BAD_FRAMES if len(frame) < 2_000)


def mutated(dice: random.Random) -> bytes | str:
    """Returns a frame with one to four faults, or one that is wrong by itself."""
    if dice.random() < 0.1:
        return dice.choice(ODD)
    frame = bytearray(dice.choice(VALID))
    for _ in range(dice.randrange(1, 5)):
        place = dice.randrange(len(frame) or 1)
        match dice.randrange(4):
            case 0 if frame:
                frame[place] ^= 1 << dice.randrange(8)
            case 1:
                del frame[place : place + dice.randrange(1, 40)]
            case 2:
                frame[place:place] = dice.randbytes(dice.randrange(1, 20))
            case _:
                frame[place : place + 1] = bytes([dice.choice((0, 0x7F, 0x80, 0xFF))])
    return bytes(frame)


def is_refused(frame: bytes | str) -> bool:
    """Whether the gate refuses the frame, in the one way in which it may."""
    try:
        wire.decode_from_client(frame)
    except wire.Malformed:
        return True
    return False


async def run_gate(trial: Trial) -> None:
    passed = 0
    for _ in trial.rounds():
        times = min(BATCH, trial.n - trial.done)
        with trial.judged("a frame raised another exception than Malformed", times):
            passed += sum(not is_refused(mutated(trial.dice)) for _ in range(times))
    trial.notes.append(f"{passed:,} of them were still valid")


def bad(dice: random.Random) -> Iterator[bytes | str]:
    """Frames that are refused; a valid one among them would be answered, and slow this down."""
    return (frame for frame in (mutated(dice) for _ in itertools.count()) if is_refused(frame))


async def run_live(trial: Trial) -> None:
    # The limits are for people; the campaign opens a session for each burst of frames.
    limits = {
        "APPLIANCE__ACCESS__SESSIONS_PER_MINUTE": "100000",
        "APPLIANCE__LIMITS__SESSIONS": "20",
    }
    async with running(trial.directory, limits) as daemon:
        sessions = itertools.count(1)
        async with calling(daemon.base_url, microphone=False) as bystander:

            async def send_and_ask() -> None:
                for _ in trial.rounds():
                    number = next(sessions)
                    asks = not number % QUESTION_EVERY
                    frames = itertools.islice(bad(trial.dice), FRAMES_A_SESSION)
                    with trial.judged(f"session {number}", FRAMES_A_SESSION):
                        await send(daemon, frames, own_question=asks)
                        if asks:
                            await answered(bystander)

            await asyncio.gather(*(send_and_ask() for _ in range(SENDERS)))
        with trial.judged("the daemon has not read all of them", 0):
            await until(lambda: has_counted(daemon, trial.held), 60)
        await is_served(daemon)
    if failures := [line for line in daemon.log if "Traceback" in line]:
        trial.lose(f"{len(failures)} tracebacks in the log")


async def has_counted(daemon: Daemon, frames: int) -> bool:
    return await daemon.metric("appliance_malformed_frames_total") >= frames


async def send(daemon: Daemon, frames: Iterator[bytes | str], *, own_question: bool) -> None:
    """Sends the frames in a session, which then still answers."""
    session = await new_session(daemon)
    address = daemon.base_url.replace("http", "ws", 1) + session["ws_url"]
    async with aiohttp.ClientSession() as http, http.ws_connect(address, max_msg_size=0) as ws:
        reading = asyncio.create_task(read(ws))
        for frame in frames:
            await (ws.send_str(frame) if isinstance(frame, str) else ws.send_bytes(frame))
        if own_question:
            await ws.send_bytes(message("send-text", {"content": "what day is it"}))
            async with asyncio.timeout(30):
                assert await reading, f"the session ended with code {ws.close_code}"
        else:
            assert not ws.closed, f"the session ended with code {ws.close_code}"
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading


async def read(ws: aiohttp.ClientWebSocketResponse) -> bool:
    """Reads until an answer comes; False where the session ends before."""
    async for arrived in ws:
        if isinstance(arrived.data, bytes) and b"bot-llm-text" in arrived.data:
            return True
    return False


GATE = Row(
    name="malformed-frames",
    done="valid frames with bits, bytes and lengths changed, and frames that are wrong by "
    "themselves, through the function that every frame passes",
    unit="frames",
    lost="any exception but the refusal",
    n=10_000_000,
    run=run_gate,
)
LIVE = Row(
    name="malformed-frames-live",
    done="the same, those that are refused, on sockets of a running daemon, "
    f"{FRAMES_A_SESSION:,} in a session, beside a client that asks",
    unit="frames",
    lost="a session, an answer (of the sender, or of the client beside), the process",
    n=1_000_000,
    run=run_live,
)
