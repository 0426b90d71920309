"""Simple systems made of the training grooves, for every table.

Both are grooves of drummers in part, so a figure that calls them good measures little.
"""

from collections.abc import Callable, Mapping

import numpy as np

from keras_musicvae.evaluation.sets import GrooveSet, split_grooves

_HELD_OUT = "made of the train split; the reference split was not used"


def markov(training: GrooveSet, num_samples: int, seed: int) -> GrooveSet:
    """A Markov chain: each step follows one that had the same hits in the same place.

    The frame of a step, its velocities and offsets included, is that of a random
    training groove among those whose step before holds the same hits at the same place
    of the groove. The first step is that of a random training groove.
    """
    grooves, generator = training.grooves, np.random.default_rng(seed)
    hits = split_grooves(grooves, training.name).hits
    codes = hits @ (1 << np.arange(hits.shape[2]))
    played = np.zeros((num_samples, *grooves.shape[1:]), np.float32)
    chosen = generator.integers(len(grooves), size=num_samples)
    played[:, 0] = grooves[chosen, 0]
    for step in range(1, grooves.shape[1]):
        order = np.argsort(codes[:, step - 1], kind="stable")
        before = codes[order, step - 1]
        now = codes[chosen, step - 1]
        first = np.searchsorted(before, now, side="left")
        end = np.searchsorted(before, now, side="right")
        chosen = order[generator.integers(first, end)]
        played[:, step] = grooves[chosen, step]
    return _system("markov", played, training)


def copies(training: GrooveSet, num_samples: int, seed: int) -> GrooveSet:
    """Copies of training patterns, played anew.

    The hits are those of a random training groove; velocity and offset of each hit are
    those of a random training hit of the same drum at the same step of the bar.
    """
    grooves, generator = training.grooves, np.random.default_rng(seed)
    chosen = grooves[generator.integers(len(grooves), size=num_samples)]
    known, played = split_grooves(grooves, training.name), split_grooves(chosen)
    velocities, offsets = np.zeros_like(chosen[..., :9]), np.zeros_like(chosen[..., :9])
    for step in range(training.steps_per_bar):
        place = np.s_[:, step :: training.steps_per_bar]
        for drum in range(played.hits.shape[2]):
            source, target = known.hits[place][..., drum], played.hits[place][..., drum]
            if not target.any():
                continue
            drawn = generator.integers(source.sum(), size=target.sum())
            for values, result in (
                (known.velocities, velocities),
                (known.offsets, offsets),
            ):
                cells = result[place][..., drum]  # a view
                cells[target] = values[place][..., drum][source][drawn]
    arrays = np.concatenate([played.hits, velocities, offsets], axis=-1)
    return _system("copies", arrays.astype(np.float32), training)


BASELINES: Mapping[str, Callable[[GrooveSet, int, int], GrooveSet]] = {
    "markov": markov,
    "copies": copies,
}
"""What may be named in the place of a preset or a folder."""


def _system(name: str, grooves: np.ndarray, training: GrooveSet) -> GrooveSet:
    return GrooveSet(
        name=name,
        grooves=grooves,
        steps_per_bar=training.steps_per_bar,
        steps_per_quarter=training.steps_per_quarter,
        held_out=_HELD_OUT,
    )
