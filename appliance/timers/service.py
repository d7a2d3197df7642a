"""All timers for the page: those that run or are paused, that ring, and that were missed."""

from collections.abc import Callable

from appliance.errors import BadRequest, NotFound, ToolError
from appliance.timers.alarms import AlarmClock
from appliance.timers.scheduler import TimerScheduler
from appliance.timers.timer import Timer, timer_message
from appliance.wire import ConnectedClient, TimerMessage, TimerState


class TimerService:
    """Lists, sets, changes and ends timers by their ids. `now` is the wall clock.

    Methods with an id raise NotFound where no such timer runs, rings or was missed.
    """

    def __init__(
        self, scheduler: TimerScheduler, alarms: AlarmClock, now: Callable[[], float]
    ) -> None:
        self._scheduler = scheduler
        self._alarms = alarms
        self._now = now

    def listed(self) -> list[TimerMessage]:
        """All timers: those that ring or were missed, then the next ones first."""
        running = [self.message(timer, _state(timer)) for timer in self._scheduler.snapshot()]
        return [*self._alarms.messages(), *running]

    def start(self, seconds: float, name: str, client_id: str) -> TimerMessage:
        """Sets a timer. Raises BadRequest where there are too many already."""
        try:
            timer = self._scheduler.start(seconds, name, client_id)
        except ToolError as error:
            raise BadRequest(error.message, advice=error.advice) from None
        return self.message(timer, "set")

    def owner(self, timer_id: str) -> str:
        """The id of the client that set it; empty where that is not known."""
        return self._find(timer_id).client_id

    def change(self, timer_id: str, name: str | None, paused: bool | None) -> None:
        """Renames, pauses or resumes a timer; what is None stays as it is."""
        timer = self._find(timer_id)
        if name is not None:
            self._scheduler.rename(timer, name)
        if paused is not None:
            (self._scheduler.pause if paused else self._scheduler.resume)(timer)

    def end(self, timer_id: str) -> None:
        """Cancels a timer that runs, silences one that rings, dismisses one that was missed."""
        timer = self._find(timer_id)
        self._scheduler.cancel(timer)
        self._alarms.stop(timer)

    def is_sounding(self, timer_id: str) -> bool:
        """Whether it rings at this moment."""
        return timer_id in {timer.id for timer in self._alarms.sounding()}

    def session_opened(self, client: ConnectedClient) -> None:
        """Sends a new session the running timers, and has alarms ring in it."""
        for timer in self._scheduler.snapshot():
            client.send_message(self.message(timer, _state(timer)))
        self._alarms.session_opened()

    def message(self, timer: Timer, state: TimerState) -> TimerMessage:
        """A timer that has not rung, as the page shows it."""
        return timer_message(timer, state, self._scheduler.left(timer), self._now())

    def _find(self, timer_id: str) -> Timer:
        found = next((one for one in self._scheduler.snapshot() if one.id == timer_id), None)
        timer = found or self._alarms.get(timer_id)
        if timer is None:
            raise NotFound("there is no such timer", advice="It may have ended already.")
        return timer


def _state(timer: Timer) -> TimerState:
    return "set" if timer.paused_left is None else "paused"
