"""Notices that the other end of a connection is gone though the connection is not closed. Pure."""

from dataclasses import dataclass, field

# The page asks every 1.5 s and sends fifty packets a second while its microphone is open. Wi-Fi
# stalls for up to three seconds.
SILENT_SECONDS = 4.5


@dataclass(slots=True)
class LinkWatch:
    """Judges a client by what it sends; `now` is in seconds of any steady clock.

    Only a client that pings and has an open microphone has promised to go on sending: others may be
    silent for as long as they like, as may a page in the background, whose timers a browser slows.
    """

    _heard_at: float = 0.0
    _pings: bool = field(default=False, init=False)
    _streams: bool = field(default=False, init=False)

    def heard(self, now: float, *, ping: bool = False, audio: bool = False) -> None:
        """Anything arrived."""
        self._heard_at = now
        self._pings = self._pings or ping
        self._streams = self._streams or audio

    def is_dead(self, now: float) -> bool:
        """True where a client that promised to go on has sent nothing for too long."""
        return self._pings and self._streams and now - self._heard_at > SILENT_SECONDS
