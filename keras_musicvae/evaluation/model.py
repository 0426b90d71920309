"""Measures of a model itself: what it rebuilds, its paths, its variations.

Sets of grooves (`evaluate.py`) can be anybody's; what is here needs a latent space. Of
each window z is the posterior's mean.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_musicvae import __version__
from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.bootstrap import Interval, bootstrap_intervals
from keras_musicvae.evaluation.conditions import MEASURED_BY
from keras_musicvae.evaluation.distributions import distribution_scores
from keras_musicvae.evaluation.evaluate import Settings
from keras_musicvae.evaluation.reconstruction import (
    ReconstructionCounts,
    count_reconstruction,
    drum_scores,
    group_scores,
    weighted_reconstruction_scores,
)
from keras_musicvae.evaluation.sets import (
    GrooveSet,
    Scores,
    as_scores,
    split_grooves,
)
from keras_musicvae.evaluation.system import BATCH_SIZE, System

if TYPE_CHECKING:
    from keras_musicvae.models.music_vae import MusicVAE

NUM_PAIRS = 100  # interpolations
NUM_POINTS = 9  # grooves of an interpolation, its ends included
MUCH_DENSER = 2.0  # hits per bar
NUM_ASKED = 512  # grooves of each set that conditions are asked for
NUM_WISHES = 64  # different densities, loudnesses and swings
RANKS = (0.1, 0.9)  # the range in which these are asked for
SIMILARITIES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.0)

# The original's objective, under which models of any objective are compared.
ORIGINAL_FREE_BITS = 48.0
ORIGINAL_BETA = 0.2
ACTIVE_VARIANCE = 0.01  # of the posterior means (Burda et al. 2015)
NATS_PER_BIT = float(np.log(2.0))


@dataclass(frozen=True)
class ModelMeasures:
    """What was measured of one model.

    Attributes:
        name: What the model is called in tables.
        about: The model, as JSON.
        figures: section -> name -> value, a section per entry of `MEASURES`.
        intervals: section -> name -> (low, high), for the figures that have one.
        styles: style -> figures of the free-running reconstruction.
        drums: drum -> the same.
    """

    name: str
    about: Mapping[str, Any]
    figures: Mapping[str, Scores]
    intervals: Mapping[str, Mapping[str, Interval]]
    styles: Mapping[str, Scores] = field(default_factory=dict)
    drums: Mapping[str, Scores] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """Figures that belong together, and the interval of each that has one."""

    figures: Scores
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    counts: ReconstructionCounts | None = None


@dataclass(frozen=True)
class Encoded:
    """A model and real windows that it has encoded: what every measure starts from.

    Attributes:
        system: The model.
        real: The windows, with tempos.
        known: What `System.examine` gave for them.
        settings: How figures and intervals are made.
        pairs: Number of interpolations.
    """

    system: System
    real: GrooveSet
    known: Mapping[str, np.ndarray]
    settings: Settings
    pairs: int = NUM_PAIRS


def measure_model(
    model: "MusicVAE",
    real: GrooveSet,
    *,
    name: str = "model",
    settings: Settings | None = None,
    pairs: int = NUM_PAIRS,
    batch_size: int = BATCH_SIZE,
    on_progress: Callable[[str], None] = lambda section: None,
) -> ModelMeasures:
    """Measures a model on windows that it was not trained on.

    Args:
        model: The model.
        real: The windows, say `Reference.of(dataset).real`.
        name: What to call the model. Defaults to "model".
        settings: Defaults to `Settings()`.
        pairs: Pairs of windows to interpolate between. Defaults to 100.
        batch_size: Windows encoded at once; changes no figure but for rounding.
        on_progress: Called with the name of each section before it is measured.

    Returns:
        The figures; the same model, windows and settings give the same ones.

    Raises:
        EvaluationError: Windows that do not fit the model.

    Example:
        ```python
        reference = Reference.of(GrooveWindows.load("data/groove_4bar"))
        model = MusicVAE.from_preset("groove_4bar")
        measure_model(model, reference.real).figures["free_running"]["f1"]
        ```
    """
    check_fit(model, real)
    if pairs < 1:
        raise EvaluationError(f"`pairs` must be >= 1. Received: {pairs}")
    system = System(model, batch_size=batch_size)
    encoded = Encoded(
        system, real, system.examine(real.grooves), settings or Settings(), pairs
    )
    sections = {}
    for section, measure in MEASURES.items():
        on_progress(f"{name}: {section.replace('_', ' ')}")
        sections[section] = measure(encoded)
    free = sections["free_running"].counts
    styles = real.styles
    return ModelMeasures(
        name=name,
        about=_about(model),
        figures={key: section.figures for key, section in sections.items()},
        intervals={key: section.intervals for key, section in sections.items()},
        styles={} if free is None or styles is None else group_scores(free, styles),
        drums={} if free is None else drum_scores(free),
    )


def sample_sets(
    model: "MusicVAE",
    real: GrooveSet,
    *,
    name: str,
    num_samples: int,
    temperatures: Sequence[float],
    seed: int = 0,
    held_out: str = "not known",
) -> list[GrooveSet]:
    """The grooves of `model.sample` at each temperature, as sets.

    Args:
        model: The model.
        real: Windows of the same form.
        name: Of the model; the sets are called `NAME T=1` and so on.
        num_samples: Grooves of each set.
        temperatures: One set for each.
        seed: Of the samples. Defaults to 0.
        held_out: See `GrooveSet`.
    """
    system = System(model)
    return [
        GrooveSet(
            name=f"{name} T={temperature:g}",
            grooves=system.sample(
                num_samples,
                temperature=temperature,
                seed=seed,
                grooves=real.grooves,
            ),
            steps_per_bar=real.steps_per_bar,
            steps_per_quarter=real.steps_per_quarter,
            held_out=held_out,
        )
        for temperature in temperatures
    ]


def asked_sets(
    model: "MusicVAE",
    real: GrooveSet,
    *,
    name: str,
    seed: int = 0,
    held_out: str = "not known",
) -> list[GrooveSet]:
    """What the model plays when it is asked for a style, and for the three numbers.

    One set asks for every style of the preset as often, the other for density, loudness
    and swing, each by a rank drawn evenly between `RANKS`, independently.

    Args:
        model: The model; without conditions there is no set.
        real: Windows of the same form.
        name: Of the model.
        seed: Of the wishes and the samples. Defaults to 0.
        held_out: See `GrooveSet`.
    """
    from keras_musicvae.models.verbs import DEFAULT_TEMPERATURE as temperature

    conditions = getattr(model.preprocessor, "conditions", {})
    generator = np.random.default_rng(seed)
    numbers = [one for one in MEASURED_BY if one in conditions]
    wishes: dict[str, list[dict[str, Any]]] = {
        "style": [{"style": style} for style in conditions.get("style", ())],
        "numbers": [
            {one: float(generator.uniform(*RANKS)) for one in numbers}
            for _ in range(NUM_WISHES if numbers else 0)
        ],
    }
    sets = []
    for kind, asked in wishes.items():
        if not asked:
            continue
        each = NUM_ASKED // len(asked)
        played = [
            System(model).sample(each, temperature=temperature, seed=seed + i, **wish)
            for i, wish in enumerate(asked)
        ]
        sets.append(
            GrooveSet(
                name=f"{name} asked for {kind}",
                grooves=np.concatenate(played),
                steps_per_bar=real.steps_per_bar,
                steps_per_quarter=real.steps_per_quarter,
                asked={
                    one: np.repeat([wish[one] for wish in asked], each)
                    for one in asked[0]
                },
                held_out=held_out,
            )
        )
    return sets


def check_fit(model: "MusicVAE", real: GrooveSet) -> None:
    """Raises `EvaluationError` unless the model takes windows like these."""
    needed = (model.num_bars, model.num_steps, model.frame_dim)
    given = (real.num_bars, *real.grooves.shape[1:])
    if needed != given:
        raise EvaluationError(
            f"The model takes {needed[0]} bars of {needed[1]} steps in all, "
            f"{needed[2]} values a step. Received: windows of {given[0]} bars, "
            f"{given[1]} steps, {given[2]} values; preprocess with --bars {needed[0]}"
        )


# --- What is measured -----------------------------------------------------------


def measure_loss(encoded: Encoded) -> Measured:
    """The losses and what the latent holds.

    `hits`, `velocities`, `offsets` and `reconstruction`: nats of the model's own heads;
    `kl_bits`; `original_reconstruction` and `original_total`: Magenta's formula,
    squared errors, 48 free bits, beta 0.2; `active_units`: dimensions whose means vary
    (Burda et al. 2015); `aggregate_stddev`: of all posteriors together.
    """
    known = encoded.known
    mean = known["z_mean"].astype(np.float64)
    stddev = np.maximum(known["z_stddev"].astype(np.float64), 1e-37)
    kl = 0.5 * (mean**2 + stddev**2 - 1.0 - 2.0 * np.log(stddev)).sum(axis=1)
    cost = ORIGINAL_BETA * np.maximum(kl - ORIGINAL_FREE_BITS * NATS_PER_BIT, 0.0)
    values = {name: known[name] for name in ("hits", "velocities", "offsets")}
    values["reconstruction"] = known["hits"] + known["velocities"] + known["offsets"]
    values["kl_bits"] = kl / NATS_PER_BIT
    values["original_reconstruction"] = known["original"]
    values["original_total"] = known["original"] + cost

    def means(weights: np.ndarray) -> dict[str, np.ndarray]:
        total = weights.sum(axis=-1)
        return {name: weights @ array / total for name, array in values.items()}

    measured = _section(means, encoded.real.labels, encoded.settings)
    # Of the whole set: not a mean over windows, so without an interval.
    whole = {
        "active_units": float((mean.var(axis=0) > ACTIVE_VARIANCE).sum()),
        "aggregate_stddev": float(
            np.sqrt((mean.var(axis=0) + (stddev**2).mean(axis=0)).mean())
        ),
    }
    return Measured({**measured.figures, **whole}, measured.intervals)


def measure_free_running(encoded: Encoded, temperature: float = 0.0) -> Measured:
    """The reconstruction that is decoded freely from z."""
    return measure_reconstruction(
        encoded.real,
        encoded.system.decode(
            encoded.known["z_mean"],
            temperature=temperature,
            seed=encoded.settings.seed,
            grooves=encoded.real.grooves,
        ),
        encoded.settings,
    )


def measure_teacher_forced(encoded: Encoded) -> Measured:
    """The reconstruction where each step is given the real steps before it."""
    return measure_reconstruction(
        encoded.real, encoded.known["forced"], encoded.settings
    )


def measure_reconstruction(
    real: GrooveSet, system: np.ndarray, settings: Settings
) -> Measured:
    """Grooves against the real ones that they rebuild, in the same order.

    Works for every system that is given a groove, or a part of one, and plays the
    whole: a reconstruction, a humanized groove.

    Returns:
        The figures of `reconstruction_scores` and `distribution_scores`.

    Raises:
        EvaluationError: Another shape, or windows without tempos.
    """
    if real.tempos is None:
        raise EvaluationError("Timing errors in milliseconds need the tempos")
    counts = count_reconstruction(
        real.grooves, system, real.tempos, steps_per_quarter=real.steps_per_quarter
    )
    measured = _section(
        lambda weights: weighted_reconstruction_scores(counts, weights),
        real.labels,
        settings,
    )
    scores = distribution_scores(real.grooves, system)
    return Measured({**measured.figures, **scores}, measured.intervals, counts)


def measure_interpolation(encoded: Encoded) -> Measured:
    """What `interpolate` gives between random pairs of windows, temperature 0."""
    grooves, seed = encoded.real.grooves, encoded.settings.seed
    generator = np.random.default_rng(seed)
    starts = generator.integers(len(grooves), size=encoded.pairs)
    # Any window but the first of the pair.
    away = generator.integers(1, len(grooves), size=encoded.pairs)
    ends = (starts + away) % len(grooves)
    paths = [
        encoded.system.between(*pair, NUM_POINTS, temperature=0.0, seed=seed)
        for pair in zip(grooves[starts], grooves[ends], strict=True)
    ]
    num_bars = encoded.real.num_bars
    return Measured(interpolation_scores(np.stack(paths), num_bars=num_bars))


def interpolation_scores(paths: np.ndarray, *, num_bars: int = 4) -> Scores:
    """How smoothly decoded paths lead from one groove to another.

    After Roberts et al. (2018, section 5.2), who follow the Hamming distance along
    interpolated latents.

    Args:
        paths: (pairs, points, steps, 27), each row the grooves decoded along one path
            between two latents, both ends included, at least three points, odd.
        num_bars: Bars of a groove. Defaults to 4.

    Returns:
        - `largest_jump`: the largest change between neighbours as a share of all
          changes along the path, mean over the paths; 1 / (points - 1) is perfectly
          even, 1 is one jump.
        - `detour`: hit cells changed along the path over those that differ between
          its ends (sum over sum); 1 is direct.
        - `monotone`: share of steps along a path on which the distance to the start
          does not fall.
        - `denser_than_ends` and `sparser_than_ends`: share of the paths whose midpoint
          has over two hits a bar more (or fewer) than both ends: an overlay of the two.
        - `density_I`: hits per bar at point I of the path, from 0, mean.

        Paths whose grooves never change are left out of `largest_jump`; a figure
        without any path is NaN.

    Raises:
        EvaluationError: Another shape.
    """
    array = np.asarray(paths)
    if array.ndim != 4 or array.shape[1] < 3 or not len(array):
        raise EvaluationError(
            "`paths` must have the shape (pairs, points, steps, 27), at least one pair "
            f"and three points. Received: {array.shape}"
        )
    pairs, points = array.shape[:2]
    hits = split_grooves(array.reshape(pairs * points, *array.shape[2:]), "paths").hits
    hits = hits.reshape(pairs, points, -1)
    changes = (hits[:, 1:] != hits[:, :-1]).sum(axis=2)
    from_start = (hits != hits[:, :1]).sum(axis=2)
    along, direct = changes.sum(axis=1), from_start[:, -1]
    moving = along > 0
    jump = changes[moving].max(axis=1) / along[moving] if moving.any() else np.array([])
    density = hits.sum(axis=2) / num_bars
    middle, ends = density[:, points // 2], density[:, [0, -1]]
    return {
        "largest_jump": float(jump.mean()) if jump.size else float("nan"),
        "detour": float(along.sum() / direct.sum()) if direct.any() else float("nan"),
        "monotone": float((np.diff(from_start, axis=1) >= 0).mean()),
        "denser_than_ends": float((middle > ends.max(axis=1) + MUCH_DENSER).mean()),
        "sparser_than_ends": float((middle < ends.min(axis=1) - MUCH_DENSER).mean()),
        **{f"density_{i}": float(mean) for i, mean in enumerate(density.mean(axis=0))},
    }


def measure_variation(encoded: Encoded) -> Measured:
    """What `similar` changes at each of `SIMILARITIES`, on every window.

    `changed_S`: hit cells in which the groove and its variation differ, over the
    groove's hits; at 1 nothing should change, at 0 about as much as between two
    unrelated grooves, `changed_unrelated` (each window and the next file's).
    """
    real = encoded.real
    chosen = np.random.default_rng(encoded.settings.seed).permutation(len(real))
    grooves = real.grooves[np.sort(chosen[: encoded.pairs])]
    hits = split_grooves(grooves).hits
    figures = {}
    for similarity in SIMILARITIES:
        varied = encoded.system.vary(
            grooves, similarity=similarity, seed=encoded.settings.seed
        )
        changed = split_grooves(varied).hits != hits
        figures[f"changed_{similarity:g}"] = float(changed.sum() / max(hits.sum(), 1))
    unrelated = np.roll(hits, len(hits) // 2, axis=0) != hits
    figures["changed_unrelated"] = float(unrelated.sum() / max(hits.sum(), 1))
    return Measured(figures)


MEASURES: Mapping[str, Callable[[Encoded], Measured]] = {
    "loss": measure_loss,
    "free_running": measure_free_running,
    "free_running_t1": lambda encoded: measure_free_running(encoded, 1.0),
    "teacher_forced": measure_teacher_forced,
    "interpolation": measure_interpolation,
    "variation": measure_variation,
}
"""Section -> its measure. A task (humanize, infill) is measured by adding one."""


# --- Helpers --------------------------------------------------------------------


def _section(
    statistic: Callable[[np.ndarray], Mapping[str, np.ndarray]],
    files: np.ndarray,
    settings: Settings,
) -> Measured:
    return Measured(
        as_scores(statistic(np.ones(len(files)))),
        bootstrap_intervals(statistic, files, **settings.__dict__),
    )


def _about(model: "MusicVAE") -> dict[str, Any]:
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
