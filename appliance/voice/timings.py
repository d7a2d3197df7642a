"""The stopwatch of one turn. Pure: every time is an argument, in seconds of one clock."""

from dataclasses import dataclass, field

END_OF_SPEECH = "end_of_speech"
ENDPOINTING = "endpointing"
TRANSCRIPTION = "transcription"
FIRST_TOKEN = "first_token"
FIRST_AUDIO = "first_audio"


@dataclass(slots=True)
class Timings:
    """When each stage of a turn ended. A stage is marked once; later marks are ignored."""

    marks: dict[str, float] = field(default_factory=dict)

    def mark(self, stage: str, at: float) -> bool:
        """Notes the end of a stage; False where it was marked before or the turn has no start."""
        if stage in self.marks or (stage != END_OF_SPEECH and END_OF_SPEECH not in self.marks):
            return False
        self.marks[stage] = at
        return True

    def since_speech(self) -> dict[str, float]:
        """Milliseconds from the end of speech to the end of each later stage."""
        start = self.marks.get(END_OF_SPEECH)
        if start is None:
            return {}
        return {
            stage: round(1000 * (at - start), 1)
            for stage, at in self.marks.items()
            if stage != END_OF_SPEECH
        }
