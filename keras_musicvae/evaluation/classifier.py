"""Can a classifier tell a system's grooves from drummers' (extra `evaluate`).

A classifier two-sample test (Lopez-Paz & Oquab, "Revisiting classifier two-sample
tests", ICLR 2017): gradient boosting on the features of `features.py` learns to tell
two sets apart, and is asked about grooves that it has not seen. The area under its
ROC curve is 0.5 if it learns nothing and 1 if it is never wrong. Drummers against other
drummers set the floor: they differ too.

Folds take whole files on both sides. What a system made from one training file is one
group, or the classifier would recognise the file in place of the system, and copies
would count as skill.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from keras_musicvae.errors import EvaluationError, MissingExtraError
from keras_musicvae.evaluation.bootstrap import Interval, bootstrap_intervals
from keras_musicvae.evaluation.features import ASPECTS, Feature, aspect_columns
from keras_musicvae.evaluation.sets import ratio

FOLDS = 5
TESTS = ("all", *ASPECTS)
# Small trees and few bins: the sets have hundreds of windows, not millions.
_BOOSTING = {"max_iter": 100, "max_leaf_nodes": 8, "max_bins": 64}


@dataclass(frozen=True)
class TwoSampleTest:
    """What a classifier could tell.

    Attributes:
        auc: Area under the ROC curve over all folds, 0.5 to 1.
        interval: Of the AUC, over the files of both sets.
        importance: Feature -> how much of the AUC is lost when the feature is shuffled
            among the grooves (Breiman, "Random forests", 2001), the largest first.
    """

    auc: float
    interval: Interval
    importance: dict[str, float] = field(default_factory=dict)


def require_classifiers() -> None:
    """Raises `MissingExtraError` without scikit-learn."""
    from importlib.util import find_spec

    if find_spec("sklearn") is None:
        raise MissingExtraError(
            "The two-sample tests need scikit-learn: "
            'pip install "keras-musicvae[evaluate]"'
        )


def two_sample_test(
    real: np.ndarray,
    system: np.ndarray,
    real_files: np.ndarray,
    system_files: np.ndarray,
    features: Sequence[Feature],
    *,
    aspect: str = "all",
    importance: bool = False,
    seed: int = 0,
    repeats: int = 1000,
    level: float = 0.95,
) -> TwoSampleTest:
    """Tries to tell a system's grooves from real ones.

    Args:
        real: (n, features), what `measure_features` gave for real grooves.
        system: (m, features), the same for the system's.
        real_files: (n,), the file of each real groove.
        system_files: (m,), what each groove of the system was made from; labels that
            are in `real_files` too mean the same file.
        features: The columns.
        aspect: `"all"`, or one of `ASPECTS`: the features that may be used.
        importance: Whether to find out what the classifier goes by.
        seed: Of the folds and the shuffling. Defaults to 0.
        repeats: Bootstrap resamples. Defaults to 1000.
        level: Coverage of the interval. Defaults to 0.95.

    Raises:
        EvaluationError: Fewer files on one side than two.
        MissingExtraError: scikit-learn is not installed.
    """
    require_classifiers()
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedGroupKFold
    from threadpoolctl import threadpool_limits

    columns = np.flatnonzero(aspect_columns(features, aspect))
    values = np.concatenate([real, system])[:, columns]
    is_system = np.repeat([0, 1], [len(real), len(system)])
    files = np.concatenate([real_files.astype(str), system_files.astype(str)])
    _check_files(files, is_system)
    generator = np.random.default_rng(seed)
    scores = np.zeros(len(values))
    shuffled = np.zeros((len(columns) if importance else 0, len(values)))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    # More threads than one wait for each other on fits as small as these.
    with threadpool_limits(1, user_api="openmp"):
        for train, test in folds.split(values, is_system, files):
            model = HistGradientBoostingClassifier(**_BOOSTING, random_state=0)
            model.fit(values[train], is_system[train])
            scores[test] = model.predict_proba(values[test])[:, 1]
            for i in range(len(shuffled)):
                changed = values[test].copy()
                generator.shuffle(changed[:, i])
                shuffled[i, test] = model.predict_proba(changed)[:, 1]
    auc = float(_auc(scores, is_system, np.ones(len(scores))))
    lost = {
        features[int(column)].name: auc - float(_auc(row, is_system, np.ones(len(row))))
        for column, row in zip(columns, shuffled, strict=False)
    }
    return TwoSampleTest(
        auc=auc,
        interval=bootstrap_intervals(
            lambda weights: {"auc": _auc(scores, is_system, weights)},
            files,
            repeats=repeats,
            level=level,
            seed=seed,
        )["auc"],
        importance=dict(sorted(lost.items(), key=lambda item: -item[1])),
    )


def _auc(scores: np.ndarray, is_system: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted area under the ROC curve, ties count half: weights (..., n) -> (...).

    The probability that a groove of the system scores higher than a real one.
    """
    values, place = np.unique(scores, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(values)))
    real, system = (
        np.add.reduceat((weights * side)[..., order], starts, axis=-1)
        for side in (is_system == 0, is_system == 1)
    )
    below = np.cumsum(real, axis=-1) - 0.5 * real
    total = real.sum(axis=-1) * system.sum(axis=-1)
    return ratio((below * system).sum(axis=-1), total)


def _check_files(files: np.ndarray, is_system: np.ndarray) -> None:
    counts = [len(np.unique(files[is_system == side])) for side in (0, 1)]
    if min(counts) < FOLDS:
        raise EvaluationError(
            f"A two-sample test needs grooves of at least {FOLDS} files on both sides. "
            f"Received: {counts[0]} and {counts[1]}"
        )
