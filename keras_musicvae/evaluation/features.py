"""Features of a groove: over a hundred numbers, each defined by its docstring.

The classifiers tell systems from drummers by them, so they are chosen to cover what a
listener could notice, and none is taken from a model: rates and places of the hits,
dynamics, timing, the relation between the bars, and what hands and feet can play. All
are free of the tempo, because samples have none. Where a groove has no such thing (the
velocity of a drum that is silent), the feature is NaN.

A feature belongs to one or two *aspects*, `hits`, `velocity`, `timing` and `bars`;
each aspect gets a classifier of its own. How often MIDI's highest velocity occurs is a
figure of sets (`hits_at_127`), not a feature: it would decide every test by itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.sets import GrooveSet, ratio, split_grooves
from keras_musicvae.grooves.drum_maps import DRUMS

ASPECTS = ("hits", "velocity", "timing", "bars")
MIDI_MAX = 127

KICK, SNARE, CLOSED_HIHAT, OPEN_HIHAT, CRASH, RIDE = (
    DRUMS.index(name)
    for name in ("kick", "snare", "closed_hihat", "open_hihat", "crash", "ride")
)
TOMS = [i for i, name in enumerate(DRUMS) if name.endswith("tom")]
# The closed hi-hat may be a pedal: only these need a hand for certain.
HAND_DRUMS = [i for i in range(len(DRUMS)) if i not in (KICK, CLOSED_HIHAT)]
_PLAYED_OFTEN = ("kick", "snare", "closed_hihat", "ride")  # have features of their own

# Longuet-Higgins & Lee's strengths: the downbeat 0, everything else below.
_SILENT = -99


@dataclass(frozen=True)
class Feature:
    """One number of a groove.

    Attributes:
        name: Such as `density`.
        aspects: Those of `ASPECTS` that it belongs to.
        definition: What it is, its unit, its source.
    """

    name: str
    aspects: tuple[str, ...]
    definition: str


class FeatureInputs:
    """A set of grooves, seen from the sides that the features need.

    Attributes:
        hits: (n, steps, 9) bool.
        velocities: (n, steps, 9) MIDI values, 1 to 127, NaN at rests.
        late: (n, steps, 9) steps after the grid, NaN at rests.
        bars: (n, bars, steps_per_bar, 9) bool, the hits bar by bar.
    """

    def __init__(self, grooves: GrooveSet) -> None:
        self.hits, velocities, offsets = split_grooves(grooves.grooves, grooves.name)
        self.steps_per_bar = grooves.steps_per_bar
        self.steps_per_quarter = grooves.steps_per_quarter
        number, steps, drums = self.hits.shape
        if steps % self.steps_per_bar:
            raise EvaluationError(
                f"Features need whole bars of {self.steps_per_bar} steps. "
                f"Received: {steps} steps ({grooves.name})"
            )
        self.num_bars = steps // self.steps_per_bar
        self.shape = (number, self.num_bars, self.steps_per_bar, drums)
        midi = np.clip(np.rint(velocities * float(MIDI_MAX)), 1, MIDI_MAX)
        self.velocities = np.where(self.hits, midi, np.nan)
        # Arrays hold twice the offset, positive when early.
        self.late = np.where(self.hits, -offsets.astype(np.float64) / 2.0, np.nan)
        self.bars = self.hits.reshape(self.shape)

    def struck(self, drums: Sequence[int] | slice = slice(None)) -> np.ndarray:
        """(n, steps) whether any of some drums is struck; all by default."""
        return np.asarray(self.hits[:, :, drums].any(axis=2))

    @cached_property
    def strengths(self) -> np.ndarray:
        """(steps,) metrical strengths."""
        return metrical_strengths(
            self.hits.shape[1], self.steps_per_bar, self.steps_per_quarter
        )

    @cached_property
    def similarity(self) -> np.ndarray:
        """(n, bars, bars) Jaccard index of every two bars' hits; 1 for two rests."""
        flat = self.bars.reshape(*self.shape[:2], -1).astype(np.float32)
        both = flat @ flat.swapaxes(1, 2)
        sizes = flat.sum(axis=2)
        either = sizes[:, :, np.newaxis] + sizes[:, np.newaxis] - both
        return np.where(either > 0, both / np.maximum(either, 1), 1.0)

    @cached_property
    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """The indices of every two bars, the earlier ones and the later ones."""
        return np.triu_indices(self.num_bars, 1)


Values = np.ndarray | Mapping[str, np.ndarray]
_Measure = Callable[[FeatureInputs], Values]
_MEASURES: list[tuple[tuple[str, ...], _Measure]] = []


def _feature(*aspects: str) -> Callable[[_Measure], _Measure]:
    def register(measure: _Measure) -> _Measure:
        _MEASURES.append((aspects, measure))
        return measure

    return register


def measure_features(
    grooves: GrooveSet,
) -> tuple[tuple[Feature, ...], np.ndarray]:
    """Every feature of every groove.

    Args:
        grooves: At least one groove of whole bars.

    Returns:
        The features, and their values, (n, features) float64. How many there are
        depends on the bars of the grooves and on the steps of a bar.

    Raises:
        EvaluationError: Another shape, values not finite, or no whole bars.

    Example:
        ```python
        features, values = measure_features(GrooveSet("mine", arrays))
        values[:, [feature.name for feature in features].index("density")]
        ```
    """
    playing = FeatureInputs(grooves)
    features, columns = [], []
    for aspects, measure in _MEASURES:
        name = measure.__name__.strip("_")
        given = measure(playing)
        family = given if isinstance(given, Mapping) else {"": given}
        for member, values in family.items():
            full = f"{name}_{member}" if member else name
            definition = " ".join((measure.__doc__ or "").split())
            features.append(Feature(full, aspects, definition))
            columns.append(values)
    return tuple(features), np.stack(columns, axis=1).astype(np.float64)


def aspect_columns(features: Sequence[Feature], aspect: str) -> np.ndarray:
    """Which columns belong to an aspect; `"all"` for every one."""
    return np.array([aspect in ("all", *one.aspects) for one in features])


def metrical_strengths(
    steps: int, steps_per_bar: int, steps_per_quarter: int
) -> np.ndarray:
    """The metrical strength of each step: (steps,) int, 0 strongest, then negative.

    0 on the downbeat, -1 on the half bar (where it is a beat), -2 on the other
    beats, -3 on half beats, -4 elsewhere.
    """
    position = np.arange(steps) % steps_per_bar
    beat = position % steps_per_quarter == 0
    half_beat = 2 * position % steps_per_quarter == 0
    half_bar = beat & (2 * position == steps_per_bar)
    return np.select([position == 0, half_bar, beat, half_beat], [0, -1, -2, -3], -4)


# --- Hits ---------------------------------------------------------------------


@_feature("hits")
def rate(play: FeatureInputs) -> Values:
    """Hits of one drum per bar."""
    rates = play.hits.sum(axis=1) / play.num_bars
    return dict(zip(DRUMS, rates.T, strict=True))


@_feature("hits")
def step(play: FeatureInputs) -> Values:
    """Hits on one step of the bar, all drums, mean over the bars."""
    rates = play.bars.sum(axis=3).mean(axis=1)
    return {str(place + 1): values for place, values in enumerate(rates.T)}


@_feature("hits")
def density(play: FeatureInputs) -> Values:
    """Hits per bar, all drums."""
    return play.hits.sum(axis=(1, 2)) / play.num_bars


@_feature("hits")
def struck_steps(play: FeatureInputs) -> Values:
    """Share of the steps on which anything is struck."""
    return play.struck().mean(axis=1)


@_feature("hits")
def syncopation(play: FeatureInputs) -> Values:
    """Per bar, summed over the drums: by how much the strongest step that a drum
    leaves silent before its next hit exceeds the hit's own metrical strength;
    0 for a drum on every beat (Longuet-Higgins & Lee, Music Perception 1984).
    """
    number, steps, drums = play.hits.shape
    silent = np.full((number, drums), _SILENT)
    total = np.zeros(number)
    # Backwards: `silent` is the strongest step between here and the drum's next hit.
    for place in reversed(range(steps)):
        hit, strength = play.hits[:, place], play.strengths[place]
        excess = np.where(silent > strength, silent - strength, 0)
        total += np.where(hit, excess, 0).sum(axis=1)
        silent = np.where(hit, _SILENT, np.maximum(silent, strength))
    return total / play.num_bars


@_feature("hits")
def half_beats(play: FeatureInputs) -> Values:
    """Share of the hits that fall half-way between beats."""
    return _share_of_hits(play, play.strengths == -3)


@_feature("hits")
def weak_steps(play: FeatureInputs) -> Values:
    """Share of the hits that fall neither on a beat nor half-way between beats."""
    return _share_of_hits(play, play.strengths == -4)


@_feature("hits")
def backbeat(play: FeatureInputs) -> Values:
    """Share of the snare's hits that fall on the weaker beats (2 and 4 of 4/4)."""
    snare = play.hits[:, :, SNARE]
    return ratio(snare[:, play.strengths == -2].sum(axis=1), snare.sum(axis=1))


@_feature("hits")
def kick_on_one(play: FeatureInputs) -> Values:
    """Share of the bars that begin with the kick."""
    return play.bars[:, :, 0, KICK].mean(axis=1)


@_feature("hits")
def crash_on_one(play: FeatureInputs) -> Values:
    """Share of the crash's hits that begin a bar."""
    crash = play.bars[..., CRASH]
    return ratio(crash[:, :, 0].sum(axis=1), crash.sum(axis=(1, 2)))


@_feature("hits")
def voices(play: FeatureInputs) -> Values:
    """Drums struck at once, mean over the steps that are struck."""
    return ratio(play.hits.sum(axis=(1, 2)), play.struck().sum(axis=1))


@_feature("hits")
def drums_used(play: FeatureInputs) -> Values:
    """Number of drums that are struck at all."""
    return play.hits.any(axis=1).sum(axis=1)


@_feature("hits")
def pulse(play: FeatureInputs) -> Values:
    """Share of the hits of closed hi-hat and ride that are followed by another after
    one, two or four steps: how steadily time is kept.
    """
    keeper = play.struck([CLOSED_HIHAT, RIDE])
    return {
        str(lag): ratio(
            (keeper[:, :-lag] & keeper[:, lag:]).sum(axis=1),
            keeper[:, :-lag].sum(axis=1),
        )
        for lag in (1, 2, 4)
        if lag < keeper.shape[1]
    }


@_feature("hits")
def longest_rest(play: FeatureInputs) -> Values:
    """Steps of the longest silence."""
    longest = run = np.zeros(len(play.hits), np.int64)
    for struck in play.struck().T:
        run = np.where(struck, 0, run + 1)
        longest = np.maximum(longest, run)
    return longest


# --- Hands and feet -----------------------------------------------------------


@_feature("hits")
def three_hands(play: FeatureInputs) -> Values:
    """Steps on which three or more drums need a hand (all but the kick and the closed
    hi-hat, which may be the pedal): nobody can play them.
    """
    return (play.hits[:, :, HAND_DRUMS].sum(axis=2) >= 3).sum(axis=1)


@_feature("hits")
def two_hihats(play: FeatureInputs) -> Values:
    """Steps with both an open and a closed hi-hat; there is only one."""
    pair = play.hits[:, :, [CLOSED_HIHAT, OPEN_HIHAT]]
    return pair.all(axis=2).sum(axis=1)


@_feature("hits")
def snare_runs(play: FeatureInputs) -> Values:
    """Snare hits per bar that follow another on the step before."""
    return _runs(play.hits[:, :, SNARE]) / play.num_bars


@_feature("hits")
def kick_runs(play: FeatureInputs) -> Values:
    """Kick hits per bar that follow another on the step before: a fast foot."""
    return _runs(play.hits[:, :, KICK]) / play.num_bars


@_feature("hits")
def tom_steps(play: FeatureInputs) -> Values:
    """Steps of the window on which a tom is struck."""
    return play.struck(TOMS).sum(axis=1)


@_feature("hits")
def tom_runs(play: FeatureInputs) -> Values:
    """Tom steps of the window that follow another on the step before."""
    return _runs(play.struck(TOMS))


@_feature("hits")
def hand_runs(play: FeatureInputs) -> Values:
    """Longest run of successive steps that each need a hand, in steps."""
    longest = run = np.zeros(len(play.hits), np.int64)
    for struck in play.struck(HAND_DRUMS).T:
        run = np.where(struck, run + 1, 0)
        longest = np.maximum(longest, run)
    return longest


# --- Relations between the bars -----------------------------------------------


@_feature("hits", "bars")
def alike(play: FeatureInputs) -> Values:
    """Jaccard index of the hits of two neighbouring bars, 0 to 1."""
    return {
        f"{bar + 1}_{bar + 2}": play.similarity[:, bar, bar + 1]
        for bar in range(play.num_bars - 1)
    }


@_feature("hits", "bars")
def repetition(play: FeatureInputs) -> Values:
    """Jaccard index of two bars: `two_apart`, the mean over bars two apart; `ends`,
    of the first and the last; `most` and `least`, of the pair that is most or least
    alike; `equal`, share of the pairs that are equal (the bar similarity matrix;
    Foote, "Visualizing music and audio using self-similarity", 1999).
    """
    if play.num_bars < 2:
        return {}
    every = play.similarity[:, play.pairs[0], play.pairs[1]]
    family = {
        "ends": play.similarity[:, 0, -1],
        "most": every.max(axis=1),
        "least": every.min(axis=1),
        "equal": (every == 1.0).mean(axis=1),
    }
    if play.num_bars > 2:
        apart = np.diagonal(play.similarity, 2, axis1=1, axis2=2)
        family["two_apart"] = apart.mean(axis=1)
    return family


@_feature("hits", "bars")
def phrase(play: FeatureInputs) -> Values:
    """Shape of the phrase: `arch`, how much more the middle bars resemble each other
    than the last two do; `last_differs`, whether the last bar is the one that is least
    like the others (where a fill belongs); `last_density`, hits of the last bar minus
    the mean of the others; `last_toms`, the same of toms; `first_crash`, crashes of the
    first bar minus the mean of the others.
    """
    if play.num_bars < 2:
        return {}
    hits = play.bars.sum(axis=(2, 3))
    toms = play.bars[..., TOMS].sum(axis=(2, 3))
    crashes = play.bars[..., CRASH].sum(axis=2)
    others = (play.similarity.sum(axis=2) - 1.0) / (play.num_bars - 1)
    lonely = others[:, -1] < others[:, :-1].min(axis=1) - 1e-9
    neighbours = np.diagonal(play.similarity, 1, axis1=1, axis2=2)
    return {
        "arch": neighbours[:, (play.num_bars - 2) // 2] - neighbours[:, -1],
        "last_differs": lonely,
        "last_density": hits[:, -1] - hits[:, :-1].mean(axis=1),
        "last_toms": toms[:, -1] - toms[:, :-1].mean(axis=1),
        "first_crash": crashes[:, 0] - crashes[:, 1:].mean(axis=1),
    }


@_feature("hits", "bars")
def density_spread(play: FeatureInputs) -> Values:
    """Standard deviation of the hits per bar over the bars."""
    return play.bars.sum(axis=(2, 3)).std(axis=1)


@_feature("velocity", "bars")
def accents_kept(play: FeatureInputs) -> Values:
    """Correlation of velocities from one bar to the next over the cells that both
    strike, at least 3, mean over the pairs of neighbours.
    """
    return _kept(play, play.velocities)


@_feature("velocity", "bars")
def velocity_change(play: FeatureInputs) -> Values:
    """Mean change of velocity from one bar to the next on cells that both strike."""
    return _change(play, play.velocities)


@_feature("timing", "bars")
def timing_kept(play: FeatureInputs) -> Values:
    """Correlation of timing from one bar to the next over the cells that both strike,
    at least 3, mean over the pairs of neighbours.
    """
    return _kept(play, play.late)


@_feature("timing", "bars")
def timing_change(play: FeatureInputs) -> Values:
    """Mean change of timing from one bar to the next on cells that both strike, in
    steps.
    """
    return _change(play, play.late)


# --- Velocity -----------------------------------------------------------------


@_feature("velocity")
def velocity(play: FeatureInputs) -> Values:
    """Of all hits, in MIDI values: `mean`, `spread` (standard deviation), `low` and
    `high` (10th and 90th percentile).
    """
    return _distribution(play.velocities)


@_feature("velocity")
def ghosts(play: FeatureInputs) -> Values:
    """Share of the snare's hits at or below 40: ghost notes."""
    snare = play.velocities[:, :, SNARE]
    return ratio((snare <= 40).sum(axis=1), play.hits[:, :, SNARE].sum(axis=1))


@_feature("velocity")
def velocity_of(play: FeatureInputs) -> Values:
    """Mean velocity of one drum."""
    return _per_drum(play.velocities)


@_feature("velocity")
def velocity_spread_of(play: FeatureInputs) -> Values:
    """Standard deviation of the velocity of one drum, at least 3 hits."""
    return _spread_per_drum(play.velocities)


@_feature("velocity")
def accents(play: FeatureInputs) -> Values:
    """Mean velocity on beats minus that off beats: `hands`, of hi-hats and ride;
    `snare`; `kick`.
    """
    beat = play.strengths >= -2
    return {
        name: _mean(play.velocities[:, beat][:, :, drums])
        - _mean(play.velocities[:, ~beat][:, :, drums])
        for name, drums in (
            ("hands", [CLOSED_HIHAT, OPEN_HIHAT, RIDE]),
            ("snare", [SNARE]),
            ("kick", [KICK]),
        )
    }


@_feature("velocity")
def velocity_steps(play: FeatureInputs) -> Values:
    """Mean change of velocity from a drum's hit to its next: `snare`,
    `closed_hihat`, `ride`, `kick`.
    """
    return _successive(play.velocities)


@_feature("velocity")
def velocity_together(play: FeatureInputs) -> Values:
    """Standard deviation of the velocities within a step, mean over the steps that
    strike two or more drums.
    """
    return _within_steps(play, play.velocities)


@_feature("velocity")
def velocity_drift(play: FeatureInputs) -> Values:
    """Mean velocity of the second half of the groove minus that of the first."""
    return _drift(play.velocities)


# --- Timing -------------------------------------------------------------------


@_feature("timing")
def late(play: FeatureInputs) -> Values:
    """How late hits are after the grid, in steps, negative if early: `mean`, `spread`
    (standard deviation), `low` and `high` (10th and 90th percentile).
    """
    return _distribution(play.late)


@_feature("timing")
def timing_deviation(play: FeatureInputs) -> Values:
    """Mean distance of the hits from the grid, in steps."""
    return _mean(np.abs(play.late))


@_feature("timing")
def far_from_grid(play: FeatureInputs) -> Values:
    """Share of the hits that are more than a quarter of a step from the grid."""
    return _mean(_where_hit(play, np.abs(play.late) > 0.25))


@_feature("timing")
def on_grid(play: FeatureInputs) -> Values:
    """Share of the hits within a hundredth of a step of the grid."""
    return _mean(_where_hit(play, np.abs(play.late) < 0.01))


@_feature("timing")
def swing(play: FeatureInputs) -> Values:
    """How much later every second step is played than the steps between, in steps."""
    return _mean(play.late[:, 1::2]) - _mean(play.late[:, 0::2])


@_feature("timing")
def late_of(play: FeatureInputs) -> Values:
    """How late one drum is, in steps, mean."""
    return _per_drum(play.late)


@_feature("timing")
def timing_spread_of(play: FeatureInputs) -> Values:
    """Standard deviation of the timing of one drum, in steps, at least 3 hits."""
    return _spread_per_drum(play.late)


@_feature("timing")
def timing_steps(play: FeatureInputs) -> Values:
    """Mean change of timing from a drum's hit to its next, in steps: how even it is."""
    return _successive(play.late)


@_feature("timing")
def timing_together(play: FeatureInputs) -> Values:
    """Standard deviation of the timing within a step, in steps, mean over the steps
    that strike two or more drums.
    """
    return _within_steps(play, play.late)


@_feature("timing")
def timing_drift(play: FeatureInputs) -> Values:
    """Mean lateness of the second half of the groove minus that of the first, in
    steps.
    """
    return _drift(play.late)


# --- Helpers: values are (n, ..., 9), NaN at rests ------------------------------


def _share_of_hits(play: FeatureInputs, steps: np.ndarray) -> np.ndarray:
    return ratio(play.hits[:, steps].sum(axis=(1, 2)), play.hits.sum(axis=(1, 2)))


def _runs(struck: np.ndarray) -> np.ndarray:
    return (struck[:, 1:] & struck[:, :-1]).sum(axis=1)


def _where_hit(play: FeatureInputs, is_so: np.ndarray) -> np.ndarray:
    return np.where(play.hits, is_so, np.nan)


def _mean(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    axes = tuple(range(1, values.ndim))
    return ratio(np.where(known, values, 0.0).sum(axis=axes), known.sum(axis=axes))


def _spread(values: np.ndarray, least: int = 3) -> np.ndarray:
    """The standard deviation over all axes but the first, of `least` values or more."""
    flat = values.reshape(len(values), -1)
    known = np.isfinite(flat)
    off = np.where(known, flat - _mean(flat)[:, np.newaxis], 0.0)
    count = known.sum(axis=1)
    spread = np.sqrt(np.square(off).sum(axis=1) / np.maximum(count, 1))
    return np.where(count >= least, spread, np.nan)


def _distribution(values: np.ndarray) -> dict[str, np.ndarray]:
    flat = np.sort(values.reshape(len(values), -1), axis=1)  # NaN goes to the end
    count = np.isfinite(flat).sum(axis=1)
    rows = np.arange(len(flat))

    def quantile(share: float) -> np.ndarray:
        place = np.floor(share * np.maximum(count - 1, 0) + 0.5).astype(np.int64)
        return flat[rows, place]

    return {
        "mean": _mean(values),
        "spread": _spread(values),
        "low": quantile(0.1),
        "high": quantile(0.9),
    }


def _per_drum(values: np.ndarray) -> dict[str, np.ndarray]:
    groups = {name: [DRUMS.index(name)] for name in (*_PLAYED_OFTEN, "open_hihat")}
    groups |= {"toms": TOMS, "crash": [CRASH]}
    return {name: _mean(values[:, :, drums]) for name, drums in groups.items()}


def _spread_per_drum(values: np.ndarray) -> dict[str, np.ndarray]:
    return {name: _spread(values[:, :, DRUMS.index(name)]) for name in _PLAYED_OFTEN}


def _successive(values: np.ndarray) -> dict[str, np.ndarray]:
    """Mean absolute change from a hit to the next of the same drum."""
    family = {}
    for name in _PLAYED_OFTEN:
        column = values[:, :, DRUMS.index(name)]
        last = np.full(len(column), np.nan)
        total, count = np.zeros(len(column)), np.zeros(len(column))
        for now in column.T:
            change = np.abs(now - last)
            known = np.isfinite(change)
            total += np.where(known, change, 0.0)
            count += known
            last = np.where(np.isfinite(now), now, last)
        family[name] = ratio(total, count)
    return family


def _within_steps(play: FeatureInputs, values: np.ndarray) -> np.ndarray:
    steps = values.reshape(-1, values.shape[2])
    return _mean(_spread(steps, least=2).reshape(play.hits.shape[:2]))


def _drift(values: np.ndarray) -> np.ndarray:
    half = values.shape[1] // 2
    return _mean(values[:, half:]) - _mean(values[:, :half])


def _neighbouring(
    play: FeatureInputs, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The values of each bar and of the next, (n, bars - 1, cells), NaN unless both."""
    bars = values.reshape(*play.shape[:2], -1)
    before, after = bars[:, :-1], bars[:, 1:]
    both = np.isfinite(before) & np.isfinite(after)
    return np.where(both, before, np.nan), np.where(both, after, np.nan)


def _kept(play: FeatureInputs, values: np.ndarray) -> np.ndarray:
    before, after = _neighbouring(play, values)
    count = np.isfinite(before).sum(axis=2)
    a, b = (
        np.nan_to_num(x - ratio(np.nansum(x, axis=2), count)[..., np.newaxis])
        for x in (before, after)
    )
    power = np.square(a).sum(axis=2) * np.square(b).sum(axis=2)
    usable = (count >= 3) & (power > 1e-12)
    correlation = (a * b).sum(axis=2) / np.sqrt(np.where(usable, power, 1.0))
    return _mean(np.where(usable, correlation, np.nan))


def _change(play: FeatureInputs, values: np.ndarray) -> np.ndarray:
    before, after = _neighbouring(play, values)
    return _mean(np.abs(after - before))
