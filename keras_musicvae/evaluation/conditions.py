"""Does a system do what it was asked for: style, density, loudness, swing.

Works for every set that says what its grooves were asked for (`GrooveSet.asked`),
whoever made it.
"""

from dataclasses import dataclass

import numpy as np

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.distributions import SetCounts
from keras_musicvae.evaluation.sets import GrooveSet, Scores

# Condition -> the feature that measures it.
MEASURED_BY = {"density": "density", "loudness": "velocity_mean", "swing": "swing"}
_PENALTY = 100.0


@dataclass(frozen=True)
class StyleJudge:
    """A ridge classifier of styles, trained on performances.

    Attributes:
        names: The styles.
        weights: (steps * 27 + 1, styles).
    """

    names: np.ndarray
    weights: np.ndarray

    @classmethod
    def trained(cls, grooves: GrooveSet) -> "StyleJudge":
        """Learns the styles of a set from its arrays, every style of equal weight."""
        if grooves.styles is None:
            raise EvaluationError(f"`{grooves.name}` does not say its styles")
        names, index, counts = np.unique(
            grooves.styles, return_inverse=True, return_counts=True
        )
        inputs = _with_bias(grooves.grooves)
        targets = np.where(np.arange(len(names)) == index[:, np.newaxis], 1.0, -1.0)
        weighted = inputs.T * (len(index) / len(names) / counts)[index]
        penalty = _PENALTY * np.eye(inputs.shape[1])
        return cls(
            names, np.linalg.solve(weighted @ inputs + penalty, weighted @ targets)
        )

    def judge(self, grooves: GrooveSet) -> np.ndarray:
        """The name of the style of each groove, (n,)."""
        return self.names[(_with_bias(grooves.grooves) @ self.weights).argmax(axis=1)]


def condition_scores(
    grooves: GrooveSet, counts: SetCounts, styles: StyleJudge | None
) -> Scores:
    """How well a set does what it was asked for.

    Args:
        grooves: Its `asked` says for what.
        counts: What `count_set` gave for it.
        styles: The classifier of styles; None leaves them out.

    Returns:
        `style_right`: share of the grooves whose style, by the classifier, is
        the one that was asked for, mean over the styles asked for (drummers' own files
        set the limit: the classifier errs too); `density_r`, `loudness_r`, `swing_r`:
        correlations of what was asked for with what was played. Only what was asked
        for; NaN where all were asked for the same number.

    Raises:
        EvaluationError: A condition that cannot be measured.
    """
    scores: Scores = {}
    index = {feature.name: i for i, feature in enumerate(counts.features)}
    for condition, wanted in grooves.asked.items():
        if condition == "style":
            if styles is not None:
                right = styles.judge(grooves) == wanted
                groups = [right[wanted == name].mean() for name in np.unique(wanted)]
                scores["style_right"] = float(np.mean(groups))
        elif condition in MEASURED_BY:
            played = counts.values[:, index[MEASURED_BY[condition]]]
            scores[f"{condition}_r"] = _correlation(np.asarray(wanted, float), played)
        else:
            raise EvaluationError(
                f"A condition is one of style, {', '.join(MEASURED_BY)}. "
                f"Received: {condition!r} ({grooves.name})"
            )
    return scores


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    known = np.isfinite(a) & np.isfinite(b)
    a, b = a[known], b[known]
    if len(a) < 2 or a.std() == 0 or b.std() == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def _with_bias(grooves: np.ndarray) -> np.ndarray:
    flat = grooves.reshape(len(grooves), -1).astype(np.float32)
    return np.hstack([flat, np.ones((len(flat), 1), np.float32)])
