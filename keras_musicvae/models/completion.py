"""Music of which a part is known, made whole: the stage that the wishes share.

Music is made window by window. Half of the next window lies in the one before, so that
what is new goes on from what came before. The z of a window is not known, as a part of
it is missing. So a first version is made, from the bars around or as the best of some
draws, and encoded and decoded again: each round draws what is missing given a z that
has seen the whole (Rezende et al. 2014, arXiv 1401.4082, appendix F).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_musicvae.grooves.conditions import open_conditions
from keras_musicvae.grooves.drum_maps import DRUMS
from keras_musicvae.grooves.examples import Examples
from keras_musicvae.grooves.frames import (
    HIT_THRESHOLD,
    HITS,
    NUM_FEATURES,
    OFFSETS,
    VELOCITIES,
    Frames,
)
from keras_musicvae.grooves.pieces import Piece
from keras_musicvae.models.pipeline import Playing, Reading
from keras_musicvae.models.random import Purpose
from keras_musicvae.models.verbs import MusicVerbs

# Draws of the prior of which the best is the first version. F1 of validation windows
# whose kick, snare, hi-hat is made anew: 0.58, 0.58, 0.65 with 8, 0.61, 0.64, 0.67 with
# 32.
CANDIDATES = 32
# The same where the hits are known: the feel gains nothing from more.
CANDIDATES_OF_FEEL = 8
# Times that a version is encoded and decoded again: F1 of the hi-hat without, once,
# twice, four times is 0.62, 0.66, 0.67, 0.67.
ROUNDS = 2

# What the conditions that are read from notes are read from.
READ_FROM = {
    "density": HITS,
    "repetition": HITS,
    "loudness": VELOCITIES,
    "swing": OFFSETS,
}
# Nats that a struck step without a hit costs.
_MISSED = 10.0
# Windows whose draws are made together.
_AT_ONCE = 64
_CLOSED_HIHAT = DRUMS.index("closed_hihat")


@dataclass(frozen=True)
class Part:
    """A piece of music of which a part is known.

    Attributes:
        piece: The music; what is not known of it is not looked at.
        known: (steps, 27), which of its values are known.
        struck: (steps,), where at least one drum is hit. Defaults to nowhere.
        alike: Whether bars that are not known resemble those around. Defaults to True.
        read: (steps, 54), what a model reads that reads what is known. Defaults to the
            part itself.
    """

    piece: Piece
    known: NDArray[np.bool_]
    struck: NDArray[np.bool_] | None = None
    alike: bool = True
    read: Frames | None = None

    @property
    def start_bars(self) -> list[int]:
        """The bar in which each window starts; half of each is in the next."""
        piece = self.piece
        last = max(piece.length - piece.num_bars, 0)
        starts = list(range(0, last + 1, max(1, piece.num_bars // 2)))
        return starts if starts[-1] == last else [*starts, last]

    def steps_at(self, bar: int) -> NDArray[np.intp]:
        """The steps of a window; a short piece starts again until it is full."""
        steps = np.arange(self.piece.num_bars * self.piece.steps_per_bar)
        return (bar * self.piece.steps_per_bar + steps) % len(self.piece.frames)


class _Take:
    """One version of a part, as far as it is made."""

    def __init__(self, part: Part, row: int) -> None:
        self.part, self.row = part, row
        nowhere = np.zeros(len(part.known), bool)
        self.struck = nowhere if part.struck is None else part.struck
        self.known = part.known.copy()
        self.values = np.where(self.known, part.piece.frames, np.float32(0))

    def kept(self, steps: NDArray[np.intp]) -> Frames:
        """What is known of a window so far, (num_steps, 54)."""
        parts = (self.values[steps], self.known[steps])
        return np.concatenate(parts, axis=-1).astype(np.float32)

    def read(self, steps: NDArray[np.intp]) -> Frames:
        """What the model reads of it, if it reads what is known."""
        return self.kept(steps) if self.part.read is None else self.part.read[steps]

    def add(self, steps: NDArray[np.intp], frames: Frames) -> None:
        """Takes what was made for the steps of a window, where nothing was known."""
        steps = steps[: len(self.values)]
        free = ~self.known[steps]
        self.values[steps] += np.where(free, frames[: len(steps)], np.float32(0))
        self.known[steps] = True


class Completion(MusicVerbs):
    """Makes music whole of which a part is known."""

    def _completed(
        self,
        parts: Sequence[Part],
        takes: int,
        playing: Playing,
        condition: Mapping[str, Any],
    ) -> list[Frames]:
        """Music with what is missing.

        Args:
            parts: What is known.
            takes: How many versions of each.
            playing: How they are drawn.
            condition: Values by the names of conditions.

        Returns:
            (steps, 27) for each version of the first part, then of the second...; what
            is known is in it, bit for bit.
        """
        all_takes = [_Take(part, row) for part in parts for row in range(takes)]
        for window in range(max(len(part.start_bars) for part in parts)):
            now = []
            for take in all_takes:
                if window < len(take.part.start_bars):
                    bar = take.part.start_bars[window]
                    steps = take.part.steps_at(bar)
                    if not take.known[steps].all():
                        now.append((take, bar, steps))
            if now:
                frames = self._filled(now, playing.at(window), condition)
                for (take, _, steps), made in zip(now, frames, strict=True):
                    take.add(steps, made)
        return [take.values for take in all_takes]

    def _filled(
        self,
        windows: Sequence[tuple[_Take, int, NDArray[np.intp]]],
        playing: Playing,
        condition: Mapping[str, Any],
    ) -> Frames:
        """One window of some takes, (takes, num_steps, 27)."""
        given = _Windows(
            np.stack([take.kept(steps) for take, _, steps in windows]),
            np.stack([take.read(steps) for take, _, steps in windows]),
            [take.part.piece.tempo_at(bar) for take, bar, _ in windows],
            [bar for _, bar, _ in windows],
            [take.row for take, _, _ in windows],
        )
        values, mask = np.split(given.kept, 2, axis=-1)
        version, known_bars = with_bars_around(values, mask > 0, self.num_bars)
        likened = [take.part.alike for take, _, _ in windows]
        struck = np.stack([take.struck[steps] for take, _, steps in windows])
        others = np.flatnonzero(~(known_bars.any(axis=1) & np.array(likened)))
        for rows in np.split(others, range(_AT_ONCE, len(others), _AT_ONCE)):
            if len(rows):
                version[rows], given.kept[rows] = self._first_version(
                    given.chosen(rows), struck[rows], playing.at(0), condition
                )
        for number in range(1, ROUNDS + 1):
            reading = self._windows_read(given, version, condition)
            z, _ = self._encode(reading)
            noise = self._uniform(playing.at(number), given.rows)
            version = self._decode(z, reading, playing, noise, given.kept)
        return version

    def _first_version(
        self,
        given: "_Windows",
        struck: NDArray[np.bool_],
        playing: Playing,
        condition: Mapping[str, Any],
    ) -> tuple[Frames, Frames]:
        """Of several draws of the prior the one that fits what is known best.

        Returns:
            It, and what is kept: as in `given`, and one drum in each struck step.
        """
        number = len(given.rows)
        known = given.kept[..., NUM_FEATURES:][..., HITS].all()
        draws = CANDIDATES_OF_FEEL if known else CANDIDATES
        many = given.chosen(np.repeat(np.arange(number), draws))
        many.rows[:] = [row * draws + k for row in given.rows for k in range(draws)]
        values, mask = np.split(many.kept, 2, axis=-1)
        reading = self._windows_read(many, values, condition)
        unknown = {
            name: np.asarray(~mask[..., columns].all(axis=(1, 2)))
            for name, columns in READ_FROM.items()
            if name not in condition
        }
        reading = replace(reading, batch=self._left_open(reading.batch, unknown))
        shape = (max(many.rows) + 1, self.latent_dim)
        normal = playing.draws.normal(Purpose.LATENTS, shape)[many.rows]
        z = self._latents_of(normal, reading)
        noise = self._uniform(playing, many.rows)
        frames = self._decode(z, reading, playing, noise, many.kept)
        costs = self.inference.hit_costs(
            z, {**reading.batch, "grooves": frames}, mask[..., HITS]
        )
        frames = frames.reshape(number, draws, *frames.shape[1:])
        hits = frames[..., HITS] > HIT_THRESHOLD
        missed = (struck[:, None] & ~hits.any(axis=-1)).sum(axis=-1)
        best = (costs.reshape(number, -1) + _MISSED * missed).argmin(axis=1)
        chosen = np.arange(number), best
        kept = with_struck(given.kept, struck, hits[chosen], hits.sum(axis=1))
        return frames[chosen], kept

    def _windows_read(
        self, given: "_Windows", frames: Frames, condition: Mapping[str, Any]
    ) -> Reading:
        """Windows as the model reads them."""
        examples = Examples(
            frames, self.num_bars, tempo=given.tempos, start_bar=given.start_bars
        )
        batch = self.to_batch(examples, condition=condition)
        if "known" in batch:
            batch["known"] = given.read
        return Reading((), batch)

    def _left_open(
        self, batch: Mapping[str, Any], names: Mapping[str, NDArray[np.bool_]]
    ) -> dict[str, Any]:
        """A batch without the conditions of some windows."""
        if "condition" not in batch:
            return dict(batch)
        vocabularies = self.preprocessor.conditions
        opened = open_conditions(vocabularies, batch["condition"], names)
        return {**batch, "condition": opened}


@dataclass(frozen=True)
class _Windows:
    """What is known of some windows.

    Attributes:
        kept: (windows, num_steps, 54), values and mask.
        read: What the model reads of it, alike.
        tempos: Quarter notes per minute of each, or None.
        start_bars: The bar in which each begins.
        rows: Which noise each gets.
    """

    kept: Frames
    read: Frames
    tempos: list[float | None]
    start_bars: list[int]
    rows: list[int]

    def chosen(self, indices: NDArray[np.intp]) -> "_Windows":
        """Some of them, in a new order, or several times."""
        lists = (self.tempos, self.start_bars, self.rows)
        return _Windows(
            self.kept[indices],
            self.read[indices],
            *([values[i] for i in indices] for values in lists),
        )


def with_bars_around(
    values: Frames, known: NDArray[np.bool_], num_bars: int
) -> tuple[Frames, NDArray[np.bool_]]:
    """Windows whose missing values are those of the nearest bar that is known.

    Args:
        values: (windows, num_steps, 27), zeros where they are not known.
        known: (windows, num_steps, 27), whether they are.
        num_bars: Bars of a window.

    Returns:
        Such windows, and which of their bars are known, (windows, num_bars): all of
        them, and not silent. Windows without such a bar stay as they are.
    """
    shape = (len(values), num_bars, -1, NUM_FEATURES)
    bars, masks = values.reshape(shape), known.reshape(shape)
    played = (bars[..., HITS] > 0).any(axis=(2, 3))
    whole = np.asarray(masks.all(axis=(2, 3)) & played)
    places = np.arange(num_bars)
    # The bar before counts as nearer than the one after.
    distance = np.abs(places[:, None] - places - 0.25)
    any_whole = np.asarray(whole.any(axis=1))[:, None, None, None]
    nearest = np.where(whole[:, None], distance, num_bars).argmin(axis=-1)
    others = np.take_along_axis(bars, nearest[..., None, None], axis=1)
    filled = np.where(masks | ~any_whole, bars, others)
    return filled.reshape(values.shape), whole


def with_struck(
    kept: Frames,
    struck: NDArray[np.bool_],
    hits: NDArray[np.bool_],
    votes: NDArray[np.intp],
) -> Frames:
    """What is known, and a hit of one drum in each struck step.

    Args:
        kept: (windows, num_steps, 54).
        struck: (windows, num_steps).
        hits: (windows, num_steps, 9), a version; one of its hits is taken.
        votes: (windows, num_steps, 9), how many of all versions hit a drum; if the
            version hits none, the one of the most is taken, the closed hi-hat if there
            is none.

    Returns:
        As `kept`.
    """
    votes = votes * np.where(hits.any(axis=-1, keepdims=True), hits, True)
    most = votes.argmax(axis=-1)
    drum = np.where(votes.any(axis=-1), most, _CLOSED_HIHAT)
    rows, steps = np.nonzero(struck)
    kept = kept.copy()
    for columns in (0, NUM_FEATURES):
        kept[rows, steps, columns + drum[rows, steps]] = 1.0
    return kept
