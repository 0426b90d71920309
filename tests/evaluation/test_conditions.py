from dataclasses import replace

import numpy as np
import pytest
from evaluation.synthetic import drummers

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.conditions import StyleJudge, condition_scores
from keras_musicvae.evaluation.distributions import count_set


def test_styles_are_recognised_in_grooves_that_were_not_learned():
    """Two styles: with and without the closed hi-hat."""

    def styled(seed):
        both = drummers(12, seed=seed)
        names = np.where(both.labels % 2, "open", "closed")
        both.grooves[names == "open"][..., 2::9] = 0.0
        muted = both.grooves.copy()
        muted[(names == "open")[:, None] * np.ones(64, bool), 2] = 0.0
        return replace(both, grooves=muted, styles=names)

    judge = StyleJudge.trained(styled(0))
    unseen = styled(1)
    obedient = replace(unseen, asked={"style": unseen.styles})
    scores = condition_scores(obedient, count_set(obedient), judge)
    assert scores["style_right"] > 0.9
    deaf = replace(unseen, asked={"style": unseen.styles[::-1].copy()})
    assert condition_scores(deaf, count_set(deaf), judge)["style_right"] < 0.1


def test_numbers_are_compared_with_what_is_played():
    played = drummers(12, seed=0)
    hits = played.grooves[..., :9].sum(axis=(1, 2))
    asked = {"density": 7.0 * hits + 3.0, "loudness": np.ones(len(played))}
    obedient = replace(played, asked=asked)
    scores = condition_scores(obedient, count_set(obedient), None)
    assert scores["density_r"] == pytest.approx(1.0)
    assert np.isnan(scores["loudness_r"])


def test_what_cannot_be_measured_is_refused():
    played = replace(drummers(2, seed=0), asked={"colour": np.zeros(12)})
    with pytest.raises(EvaluationError, match="density, loudness, swing"):
        condition_scores(played, count_set(played), None)
