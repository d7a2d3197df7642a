"""The same model by faster-whisper's own defaults: beams, temperatures, windows of 30 s."""

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.bench.accuracy.clips import Clip


@dataclass(frozen=True, slots=True)
class BaselineModel:
    """A Whisper model on disk, and how it runs."""

    directory: Path
    device: str
    compute_type: str

    def __str__(self) -> str:
        return f"faster-whisper's defaults, {self.directory.name} {self.compute_type}"


def transcribe_by_defaults(
    model: BaselineModel,
    clips: Sequence["Clip"],
    cache: Path,
    progress: Callable[[str], None],
    stopped: threading.Event,
) -> Mapping[str, str]:
    """The transcripts of clips, by their names. Blocks for two seconds a clip, until `stopped`.

    It is told the language, as the appliance is. What it has transcribed before, it reads from
    `cache`, a directory: the defaults and the clip are the same again.
    """
    file = cache / f"baseline-{model.directory.name}-{model.compute_type}.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    keys = {clip.name: _key(clip) for clip in clips}
    missing = [clip for clip in clips if keys[clip.name] not in known]
    if missing:
        import numpy as np
        from faster_whisper import WhisperModel

        whisper = WhisperModel(
            str(model.directory), device=model.device, compute_type=model.compute_type
        )
        for number, clip in enumerate(missing, 1):
            if stopped.is_set():
                break
            samples = np.frombuffer(clip.spoken_pcm, "<i2").astype(np.float32) / 32768
            segments, _ = whisper.transcribe(samples, language=clip.language)
            known[keys[clip.name]] = " ".join(segment.text.strip() for segment in segments)
            progress(f"{model}: {number} of {len(missing)}")
        partial = file.with_suffix(".part")
        partial.write_text(json.dumps(known, indent=0, ensure_ascii=False), encoding="utf-8")
        partial.replace(file)
    return {name: known[key] for name, key in keys.items() if key in known}


def _key(clip: "Clip") -> str:
    return hashlib.sha256(clip.language.encode() + clip.spoken_pcm).hexdigest()[:24]
