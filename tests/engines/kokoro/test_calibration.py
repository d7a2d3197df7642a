from dataclasses import replace

import numpy as np
import pytest

from appliance.engines.kokoro.calibration import SENTENCES, Calibration, features_of
from appliance.engines.kokoro.generator import HIGH_CHANNELS, norm_names
from appliance.engines.kokoro.split_model import Sentence

RANDOM = np.random.default_rng(3)
WIDTH = 2 * HIGH_CHANNELS * len(norm_names("high"))


def sentence(silence: float) -> Sentence:
    """A sentence of which a share is silence."""
    frames = 200
    rows = RANDOM.normal(size=(frames * 10, 256)).astype(np.float32)
    rows[: int(silence * len(rows))] *= 0.01
    return Sentence(frames, rows, np.ones((1, 22, frames * 60 + 1), np.float32), np.zeros((1, 1)))


def statistics(silence: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Norm statistics that follow from the share of silence."""
    pairs = np.empty((len(norm_names("high")), 2, HIGH_CHANNELS))
    pairs[:, 0], pairs[:, 1] = 3 * (1 - silence), np.exp(2 - 3 * silence)
    return pairs.reshape(-1)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    shares = np.linspace(0.1, 0.5, len(SENTENCES))
    return Calibration(
        np.array([features_of(sentence(share)) for share in shares]),
        np.array([statistics(share) for share in shares]),
        -20 + 4 * shares,
        is_usable=True,
    )


@pytest.mark.parametrize("silence", [0.15, 0.3, 0.45])
def test_statistics_and_level_follow_the_features(calibration: Calibration, silence: float) -> None:
    predicted = calibration.predict(sentence(silence))
    assert predicted.statistics.shape == (1, WIDTH)
    assert predicted.statistics.dtype == np.float32
    assert predicted.statistics[0] == pytest.approx(statistics(silence), rel=0.15)
    assert predicted.level == pytest.approx(-20 + 4 * silence, abs=0.2)
    louder = replace(calibration, level_error=0.5).predict(sentence(silence))
    assert louder.level == pytest.approx(predicted.level + 0.5, abs=0.05)


def test_one_sentence_more_or_less_changes_little(calibration: Calibration) -> None:
    predicted = calibration.without(5).predict(sentence(0.3))
    assert predicted.statistics[0] == pytest.approx(statistics(0.3), rel=0.15)


def test_a_calibration_is_restored_as_it_was_saved(calibration: Calibration) -> None:
    restored = Calibration.restored(calibration.saved())
    assert restored.is_usable
    assert Calibration.restored(replace(calibration, level_error=0.25).saved()).level_error == 0.25
    probe = sentence(0.2)
    assert restored.predict(probe).statistics == pytest.approx(
        calibration.predict(probe).statistics, rel=1e-3
    )
    assert not Calibration.restored(replace(calibration, is_usable=False).saved()).is_usable


def test_a_damaged_calibration_is_refused(calibration: Calibration) -> None:
    data = calibration.saved()
    middle = len(data) // 2
    damaged = data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]
    for content in (b"", b"<html>", data[:middle], damaged, calibration.without(0).saved()):
        with pytest.raises(ValueError, match="calibration"):
            Calibration.restored(content)
    levels = calibration.levels.copy()
    levels[3] = np.nan
    with pytest.raises(ValueError, match="calibration"):
        Calibration.restored(replace(calibration, levels=levels).saved())
