"""Opens recordings as the settings allow."""

from appliance.config.loader import Config
from appliance.errors import Forbidden
from appliance.store.recordings import RecordingLimits, RecordingWriter
from appliance.store.store import Store


async def open_recording(
    config: Config, store: Store, conversation_id: str, session_id: str, started_at: float
) -> RecordingWriter:
    """Opens a recording. Raises Forbidden where there may be none, and StoreError."""
    settings = config.recording
    if not settings.allowed:
        raise Forbidden(
            "recording is switched off on this appliance",
            advice="An administrator can set recording.allowed.",
        )
    # The conversation is in the database before its directory is made: one without a conversation
    # is removed.
    await store.flush()
    limits = RecordingLimits(settings.minutes, settings.megabytes * 10**6)
    return await store.recordings.begin(conversation_id, session_id, started_at, limits)
