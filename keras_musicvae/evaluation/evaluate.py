"""Measures a model: reconstruction, samples, latent space.

The protocol: the windows of a split, whole files, without overlap; z is the posterior's
mean; reconstructions are decoded freely at temperature 0, at temperature 1, and with
teacher forcing; samples are decoded from z ~ N(0, I) at temperature 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_musicvae import __version__
from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.arrays import Scores
from keras_musicvae.evaluation.bootstrap import LEVEL, REPEATS, Interval
from keras_musicvae.evaluation.distributions import GrooveCounts, count_groove
from keras_musicvae.evaluation.interpolation import interpolation_scores
from keras_musicvae.evaluation.measure import (
    Bootstrap,
    Measurement,
    TestSet,
    measure_features,
    measure_means,
    measure_reconstruction,
    measure_samples,
)
from keras_musicvae.evaluation.metrics import (
    ReconstructionCounts,
    drum_scores,
    group_scores,
)
from keras_musicvae.evaluation.neighbours import copy_scores
from keras_musicvae.evaluation.system import BATCH_SIZE, System
from keras_musicvae.models.latent_paths import path_between
from keras_musicvae.progress import showing

if TYPE_CHECKING:
    from keras_musicvae.datasets.windows import GrooveWindows
    from keras_musicvae.models.music_vae import MusicVAE

NUM_SAMPLES = 1000
PRIOR_TEMPERATURE = 1.0
NUM_PAIRS = 100  # interpolations
NUM_POINTS = 9  # grooves of an interpolation, its ends included

# The original's objective, under which models of any objective are compared.
ORIGINAL_FREE_BITS = 48.0
ORIGINAL_BETA = 0.2
ACTIVE_VARIANCE = 0.01  # of the posterior means (Burda et al. 2015)
NATS_PER_BIT = float(np.log(2.0))


@dataclass(frozen=True)
class Evaluation:
    """What was measured of one model.

    Attributes:
        name: What the model is called in tables.
        about: The model, the data and the settings, as JSON.
        figures: section -> name -> value. Sections: `loss`, `free_running`,
            `free_running_t1`, `teacher_forced`, `samples`, `copies`, `interpolation`,
            and `train_split`: windows of the train split in the place of the samples,
            as near to the test windows as other real grooves are.
        intervals: section -> name -> (low, high), for the figures that have one.
        features: feature -> Yang & Lerch's figures of the samples.
        train_features: The same of the windows of the train split.
        styles: style -> figures of the free-running reconstruction.
        drums: drum -> the same.
        real: The test windows' distributions.
        samples: The samples' distributions.
        counts: section -> what a reconstruction's figures were made of.
        files: (n,) the file of each test window.
    """

    name: str
    about: Mapping[str, Any]
    figures: Mapping[str, Scores]
    intervals: Mapping[str, Mapping[str, Interval]]
    features: Mapping[str, Scores]
    train_features: Mapping[str, Scores]
    styles: Mapping[str, Scores]
    drums: Mapping[str, Scores]
    real: GrooveCounts
    samples: GrooveCounts
    counts: Mapping[str, ReconstructionCounts] = field(default_factory=dict)
    files: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))


def evaluate_model(
    model: "MusicVAE",
    windows: "GrooveWindows",
    *,
    training: "GrooveWindows | None" = None,
    name: str = "model",
    samples: int = NUM_SAMPLES,
    temperature: float = PRIOR_TEMPERATURE,
    pairs: int = NUM_PAIRS,
    seed: int = 0,
    repeats: int = REPEATS,
    level: float = LEVEL,
    batch_size: int = BATCH_SIZE,
    verbose: bool = False,
) -> Evaluation:
    """Measures a model on windows that it was not trained on.

    Args:
        model: The model.
        windows: The windows to measure on, say `dataset.canonical("test")`.
        training: What the model was trained on, for the check on copying and for the
            floor that real grooves set, which are left out without it.
        name: What to call the model. Defaults to "model".
        samples: Samples of the prior, at least 2. Defaults to 1000.
        temperature: Of these samples. Defaults to 1.
        pairs: Pairs of windows to interpolate between. Defaults to 100.
        seed: Of the samples, pairs and resamples. Defaults to 0.
        repeats: Bootstrap resamples. Defaults to 1000.
        level: Coverage of the intervals. Defaults to 0.95.
        batch_size: Windows encoded at once; changes no figure but for rounding.
        verbose: Whether progress is shown on stderr.

    Returns:
        The figures; the same model, windows and seed give the same ones.

    Raises:
        EvaluationError: Windows that do not fit the model, or too few.

    Example:
        ```python
        windows = GrooveWindows.load("data/groove_4bar")
        model = MusicVAE.from_preset("groove_4bar")
        result = evaluate_model(
            model, windows.canonical("test"), training=windows.split("train")
        )
        result.figures["free_running"]["f1"]
        ```
    """
    _check_fit(model, windows)
    if samples < 2 or pairs < 1 or seed < 0:
        raise EvaluationError(
            "`samples` must be >= 2, `pairs` >= 1 and `seed` >= 0. Received: "
            f"samples={samples}, pairs={pairs}, seed={seed}"
        )
    test, bootstrap = as_test_set(windows), Bootstrap(repeats, level, seed)
    total = 3 * len(windows) + samples + pairs * NUM_POINTS
    with showing(name, total, "windows", verbose=verbose) as display:
        system = System(
            model, batch_size=batch_size, on_progress=_counting(display.update)
        )
        known = system.examine(test.grooves)
        played = _play(system, known["z_mean"], samples, temperature, pairs, seed)
    sections = {
        "loss": _measure_loss(known, test, bootstrap),
        "free_running": measure_reconstruction(test, played["free"], bootstrap),
        "free_running_t1": measure_reconstruction(test, played["free_t1"], bootstrap),
        "teacher_forced": measure_reconstruction(test, known["forced"], bootstrap),
        "samples": measure_samples(test, played["samples"], bootstrap),
        "interpolation": Measurement(interpolation_scores(played["paths"])),
    }
    train_features: Mapping[str, Scores] = {}
    if training is not None:
        sections["copies"] = Measurement(
            copy_scores(played["samples"], test.grooves, training.arrays())
        )
        chosen = _choose(training, samples, seed)
        sections["train_split"] = measure_samples(test, chosen, bootstrap)
        train_features = measure_features(test, chosen)
    counts = _counts_of(sections["free_running"])
    return Evaluation(
        name=name,
        about={
            "model": _about_model(model),
            "data": _about_windows(windows),
            "settings": {
                "samples": samples,
                "temperature": temperature,
                "pairs": pairs,
                "points": NUM_POINTS,
                "seed": seed,
                "repeats": repeats,
                "level": level,
            },
        },
        figures={key: section.figures for key, section in sections.items()},
        intervals={
            key: section.intervals
            for key, section in sections.items()
            if section.intervals
        },
        features=measure_features(test, played["samples"]),
        train_features=train_features,
        styles=group_scores(counts, test.styles),
        drums=drum_scores(counts),
        real=count_groove(test.grooves),
        samples=count_groove(played["samples"]),
        counts={
            key: section.counts
            for key, section in sections.items()
            if section.counts is not None
        },
        files=test.files,
    )


def as_test_set(windows: "GrooveWindows") -> TestSet:
    """Windows in the form in which everything is measured.

    Raises:
        EvaluationError: Fewer than two windows.
    """
    if len(windows) < 2:
        raise EvaluationError(
            f"An evaluation needs two windows at least. Received: {len(windows)}; "
            "choose another split, or preprocess more files"
        )
    return TestSet(
        grooves=windows.arrays(),
        tempos=np.asarray(windows.tempo, np.float64),
        files=np.asarray(windows.file),
        styles=np.array([style or "unknown" for style in windows.styles])[
            windows.style
        ],
        steps_per_bar=windows.steps_per_bar,
        steps_per_quarter=windows.converter.steps_per_quarter,
    )


def _play(
    system: System,
    z_mean: np.ndarray,
    samples: int,
    temperature: float,
    pairs: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Everything that the decoder plays on its own."""
    generator = np.random.default_rng(seed)
    starts = generator.integers(len(z_mean), size=pairs)
    # Any window but the first of the pair.
    ends = (starts + generator.integers(1, len(z_mean), size=pairs)) % len(z_mean)
    # (points, pairs, latent_dim): a path is a column.
    latents = path_between(z_mean[starts], z_mean[ends], NUM_POINTS).swapaxes(0, 1)
    paths = system.decode(
        latents.reshape(-1, z_mean.shape[1]), temperature=0.0, seed=seed
    )
    return {
        "free": system.decode(z_mean, temperature=0.0, seed=seed),
        "free_t1": system.decode(z_mean, temperature=1.0, seed=seed),
        "samples": system.sample(samples, temperature=temperature, seed=seed),
        "paths": paths.reshape(pairs, NUM_POINTS, *paths.shape[1:]),
    }


def _choose(windows: "GrooveWindows", count: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(windows))
    return windows[np.sort(order[:count])]


def _measure_loss(
    known: Mapping[str, np.ndarray], test: TestSet, bootstrap: Bootstrap
) -> Measurement:
    mean = known["z_mean"].astype(np.float64)
    stddev = np.maximum(known["z_stddev"].astype(np.float64), 1e-37)
    kl = 0.5 * (mean**2 + stddev**2 - 1.0 - 2.0 * np.log(stddev)).sum(axis=1)
    cost = ORIGINAL_BETA * np.maximum(kl - ORIGINAL_FREE_BITS * NATS_PER_BIT, 0.0)
    values = {name: known[name] for name in ("hits", "velocities", "offsets")}
    values["reconstruction"] = known["hits"] + known["velocities"] + known["offsets"]
    values["kl_bits"] = kl / NATS_PER_BIT
    values["original_reconstruction"] = known["original"]
    values["original_total"] = known["original"] + cost
    measured = measure_means(values, test.files, bootstrap)
    # Of the whole set: not a mean over windows, so without an interval.
    whole = {
        "active_units": float((mean.var(axis=0) > ACTIVE_VARIANCE).sum()),
        "aggregate_stddev": float(
            np.sqrt((mean.var(axis=0) + (stddev**2).mean(axis=0)).mean())
        ),
    }
    return Measurement({**measured.figures, **whole}, measured.intervals)


def _check_fit(model: "MusicVAE", windows: "GrooveWindows") -> None:
    needed = (model.num_bars, model.num_steps, model.frame_dim)
    given = (windows.num_bars, windows.num_steps, 27)
    if needed != given:
        raise EvaluationError(
            f"The model takes {needed[0]} bars of {needed[1]} steps in all, "
            f"{needed[2]} values a step. Received: windows of {given[0]} bars, "
            f"{given[1]} steps, {given[2]} values; preprocess with --bars {needed[0]}"
        )


def _counts_of(section: Measurement) -> ReconstructionCounts:
    if section.counts is None:
        raise EvaluationError("This section is not a reconstruction")
    return section.counts


def _counting(show: Any) -> Any:
    done = 0

    def on_progress(windows: int) -> None:
        nonlocal done
        done += windows
        show(done)

    return on_progress


def _about_model(model: "MusicVAE") -> dict[str, Any]:
    import keras

    config = model.get_config()
    return {
        "parameters": int(model.count_params()),
        "backend": keras.backend.backend(),
        "keras_musicvae_version": __version__,
        "config": {
            key: value
            for key, value in config.items()
            if key not in ("name", "trainable", "dtype", "preprocessor")
        },
    }


def _about_windows(windows: "GrooveWindows") -> dict[str, Any]:
    return {
        "windows": len(windows),
        "files": len(np.unique(windows.file)),
        "num_bars": windows.num_bars,
        "hits": int((windows.arrays()[..., :9] > 0.5).sum()),
        "config": dict(windows.info["config"]),
    }
