"""Predicts the norm statistics and the loudness of a sentence, from sentences of the same voice.

The generator's instance norms take mean and variance over a whole sentence. To render its
beginning before its end, they must be known in advance. Those of the high stage vary little
between the sentences of a voice, and most of that follows from what the low stage has computed
already: how much of the sentence is silence, and how often each of its channels is active. A ridge
regression on a dozen sentences captures it; more sentences change little.

A voice is used in this way only if sentences left out of the regression come out right.
"""

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from appliance.audio.loudness import speech_level
from appliance.audio.spectrum import spectral_distance
from appliance.engines.kokoro.generator import norm_names
from appliance.engines.kokoro.slices import joined
from appliance.engines.kokoro.split_model import Sentence, SplitModel

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = np.ndarray[Any, Any]

SENTENCES: Final = (
    "It is cold today.",
    "Why would anyone choose the longer road home?",
    "She bought nine fresh apples and a jar of honey.",
    "Yes, of course, whenever you like.",
    "Every evening the fishing boats return with their lamps lit.",
    "A thick fog rolled over the hills, and nobody could see the church.",
    "Green vegetables, brown bread and a little cheese will make a good lunch for you.",
    "The judge thought both verdicts were rather unusual.",
    "My brother joined the orchestra last year, and now he practises for hours each day.",
    "If the weather stays fair, the children will measure the depth of the harbour on Thursday.",
    "The treasurer showed us a large map of the region, with every bridge and valley marked in "
    "yellow ink.",
    "Fifty years ago, the whole village gathered here to watch the first aeroplane land.",
)
"""In American English for every voice: other languages' sentences come out as well."""
_CHECKED: Final = (1, 2, 4, 5, 7, 8)
"""The sentences that are left out in turn, and compared with their exact rendering."""
_MAX_DISTANCE: Final = 1.5
"""dB of spectral distance. Two exact renderings differ by 0.7 dB already where a single operation
rounds differently, because all later roundings of int8 activations then differ too."""
_MAX_LEVEL_ERROR: Final = 1.0
"""dB; the smallest difference of loudness that listeners notice between two sentences."""
_RIDGE: Final = 100.0
"""The weight of the penalty against some 900 features of unit variance."""
_HARMONICS: Final = 6
_HARMONICS_WEIGHT: Final = 20**0.5
"""The mean magnitudes of the source spectrum are few beside the channels, and tell as much."""
_FORMAT: Final = 2


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a sentence is expected to need: packed statistics, and its level in dBFS."""

    statistics: "Array"
    level: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The measured sentences of one voice."""

    features: "Array"
    """(sentences, features)"""
    statistics: "Array"
    """(sentences, packed statistics)"""
    levels: "Array"
    """(sentences,) in dBFS"""
    level_error: float = 0.0
    """dB by which slices are louder than the whole: errors of the statistics add to the sound."""
    is_usable: bool = False
    """Whether sentences that were left out came out right."""

    def predict(self, sentence: Sentence) -> Prediction:
        """The statistics and the level of a sentence that was not measured."""
        import numpy as np  # imported late, so that importing the package loads nothing heavy

        mean, scale = self.features.mean(axis=0), self.features.std(axis=0) + 1e-9
        known = (self.features - mean) / scale
        wanted = (features_of(sentence) - mean) / scale
        # The dual form of the regression: one weight for each measured sentence.
        kernel = known @ known.T + _RIDGE * np.eye(len(known))
        weights = np.linalg.solve(kernel, known @ wanted)
        values = self._values()
        predicted = values.mean(axis=0) + weights @ (values - values.mean(axis=0))
        means, log_variances = predicted[:-1].reshape(len(norm_names("high")), 2, -1).swapaxes(0, 1)
        packed = np.stack([means, np.exp(log_variances)], axis=1).reshape(1, -1)
        return Prediction(packed.astype(np.float32), float(predicted[-1]) + self.level_error)

    def without(self, index: int) -> "Calibration":
        """The same, as if one sentence had not been measured."""
        import numpy as np

        left = np.arange(len(self.levels)) != index
        return replace(
            self,
            features=self.features[left],
            statistics=self.statistics[left],
            levels=self.levels[left],
        )

    def _values(self) -> "Array":
        """What is predicted, by sentence: means, logarithms of variances, and the level."""
        import numpy as np

        pairs = self.statistics.reshape(len(self.levels), len(norm_names("high")), 2, -1)
        pairs = np.stack([pairs[:, :, 0], np.log(np.maximum(pairs[:, :, 1], 1e-12))], axis=2)
        flat = pairs.reshape(len(self.levels), -1)
        return np.concatenate([flat, self.levels[:, np.newaxis]], axis=1)

    def saved(self) -> bytes:
        """The calibration as the bytes of a .npz file."""
        import numpy as np

        file = io.BytesIO()
        np.savez(
            file,
            format=np.array(_FORMAT),
            features=self.features.astype(np.float32),
            statistics=self.statistics.astype(np.float32),
            levels=self.levels.astype(np.float32),
            level_error=np.array(self.level_error),
            is_usable=np.array(self.is_usable),
        )
        return file.getvalue()

    @classmethod
    def restored(cls, data: bytes) -> "Calibration":
        """Reads what `saved` wrote. Raises ValueError for anything else."""
        import zipfile

        import numpy as np

        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            features, statistics, levels = (
                arrays[name] for name in ("features", "statistics", "levels")
            )
            level_error, is_usable = float(arrays["level_error"]), bool(arrays["is_usable"])
        except (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise ValueError(f"it is no calibration: {error}") from error
        values = (features, statistics, levels)
        if arrays["format"] != _FORMAT or not all(
            np.isfinite(value).all() for value in (*values, level_error)
        ):
            raise ValueError("it is a calibration of another format")
        if not len(features) == len(statistics) == len(levels) == len(SENTENCES):
            raise ValueError("it is a calibration with other sentences")
        return cls(features, statistics, levels, level_error, is_usable)


def features_of(sentence: Sentence) -> "Array":
    """What is known of a sentence before its high stage runs: how active each channel is."""
    import numpy as np

    mean = sentence.rows.mean(axis=0, dtype=np.float64)
    power = np.square(sentence.rows).mean(axis=0, dtype=np.float64) + 1e-9
    harmonics = sentence.source[0, :_HARMONICS].mean(axis=1, dtype=np.float64)
    return np.concatenate([mean, np.log(power), np.sqrt(power), harmonics * _HARMONICS_WEIGHT])


def calibrate(
    model: SplitModel, sentences: Iterable[Sentence], go_on: Callable[[], bool]
) -> Calibration | None:
    """Measures SENTENCES, as the voice speaks them; None where `go_on` turned False meanwhile."""
    import numpy as np

    measured: list[tuple[Array, Array, float]] = []
    checked: dict[int, tuple[Sentence, Array]] = {}
    for index, sentence in enumerate(sentences):
        if not go_on():
            return None
        audio, statistics = model.whole(sentence)
        measured.append((features_of(sentence), statistics[0], speech_level(audio)))
        if index in _CHECKED:
            checked[index] = sentence, audio
    features, statistics, levels = (np.array(values) for values in zip(*measured, strict=True))
    calibration = Calibration(features, statistics, levels)
    distances: list[float] = []
    errors: list[float] = []
    for index, (sentence, audio) in checked.items():
        if not go_on():
            return None
        predicted = calibration.without(index).predict(sentence)
        sliced = np.concatenate(list(rendered(model, sentence, predicted)))
        distances.append(spectral_distance(audio, sliced))
        errors.append(speech_level(sliced) - speech_level(audio))
    worst = max(abs(error) for error in errors)
    usable = max(distances) <= _MAX_DISTANCE and worst <= _MAX_LEVEL_ERROR
    return replace(calibration, level_error=float(np.mean(errors)), is_usable=usable)


def rendered(model: SplitModel, sentence: Sentence, predicted: Prediction) -> "Iterator[Array]":
    """The sound of a sentence in slices, with predicted statistics."""
    return joined(
        lambda start, stop: model.part(sentence, predicted.statistics, start, stop),
        sentence.frames,
    )
