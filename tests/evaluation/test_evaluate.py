from copy import copy

import numpy as np
import pytest
from evaluation.small import (
    CONVERTER,
    OPTIONS,
    small_evaluation,
    small_model,
    small_windows,
)
from evaluation.synthetic import random_grooves
from shared_data import GROOVE_ZIP, shared_path

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.evaluate import (
    _measure_loss,
    as_test_set,
    evaluate_model,
)
from keras_musicvae.evaluation.measure import Bootstrap
from keras_musicvae.evaluation.metrics import (
    count_reconstruction,
    reconstruction_scores,
)
from keras_musicvae.evaluation.system import System, _original_loss
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.models.heads.squared_error import SquaredErrorHeads
from keras_musicvae.models.losses import reconstruction_losses


def test_every_section_is_measured():
    result = small_evaluation()
    assert set(result.figures) == {
        *("loss", "free_running", "free_running_t1", "teacher_forced"),
        *("samples", "interpolation", "copies", "train_split"),
    }
    assert 0 < result.figures["free_running"]["f1"] < 1
    assert result.about["data"]["windows"] == 10
    assert result.about["data"]["files"] == 5
    assert set(result.features) == set(result.train_features) != set()
    assert sum(style["windows"] for style in result.styles.values()) == 10


def test_the_loss_is_that_of_the_model_under_the_originals_objective():
    model = small_model(latent_dim=40, free_bits=10.0, beta=1.0)
    test = as_test_set(small_windows())
    model.compile()
    logs = model.evaluate(test.grooves, batch_size=10, verbose=0, return_dict=True)
    measured = _measure_loss(System(model).examine(test.grooves), test, Bootstrap(10))
    figures = measured.figures
    for name in ("reconstruction", "hits", "velocities", "offsets", "kl_bits"):
        assert figures[name] == pytest.approx(logs[name], rel=1e-5), name
    low, high = measured.intervals["kl_bits"]
    assert 48.0 < low < figures["kl_bits"] < high  # every window costs
    nats = np.log(2.0) * (figures["kl_bits"] - 48.0)
    assert figures["original_reconstruction"] == pytest.approx(logs["reconstruction"])
    assert figures["original_total"] == pytest.approx(
        logs["reconstruction"] + 0.2 * nats, rel=1e-5
    )


def test_the_free_bits_of_the_original_cost_nothing():
    model, test = small_model(), as_test_set(small_windows())
    known = System(model).examine(test.grooves)
    known |= {"z_mean": np.zeros((10, 6)), "z_stddev": np.full((10, 6), 0.01)}
    bits = 6 * (0.5 * (1e-4 - 1.0) - np.log(0.01)) / np.log(2.0)
    figures = _measure_loss(known, test, Bootstrap(10)).figures
    assert figures["kl_bits"] == pytest.approx(bits) and bits < 48
    assert figures["original_total"] == figures["original_reconstruction"]
    assert figures["active_units"] == 0.0
    assert figures["aggregate_stddev"] == pytest.approx(0.01)


def test_the_originals_loss_of_other_heads_is_that_of_what_they_expect():
    heads, grooves = SquaredErrorHeads(), random_grooves()
    outputs = np.random.default_rng(0).normal(size=grooves.shape).astype("float32")
    logits, velocities, offsets = np.split(outputs, 3, axis=-1)
    chance, velocities = (1.0 / (1.0 + np.exp(-x)) for x in (logits, velocities))
    expected = np.concatenate([chance, velocities, np.tanh(offsets)], axis=-1)
    terms = reconstruction_losses(heads, outputs, grooves)
    assert np.asarray(_original_loss(expected, grooves)) == pytest.approx(
        sum(np.asarray(term) for term in terms.values()), rel=1e-5
    )


def test_figures_are_those_of_what_the_model_plays():
    model, windows = small_model(), small_windows()
    system, test = System(model), as_test_set(windows)
    known = system.examine(test.grooves)
    result = small_evaluation()
    for section, grooves in (
        (
            "free_running",
            system.decode(known["z_mean"], temperature=0.0, seed=5),
        ),
        ("teacher_forced", known["forced"]),
    ):
        counts = count_reconstruction(test.grooves, grooves, test.tempos)
        for name, value in reconstruction_scores(counts).items():
            assert result.figures[section][name] == pytest.approx(value, rel=1e-4)


def test_teacher_forcing_reads_the_real_steps_before():
    """The first step knows nothing yet, so it is the same in both ways of decoding."""
    grooves = small_windows().arrays()
    system = System(small_model(conductor_units=None))
    known = system.examine(grooves)
    free = system.decode(known["z_mean"], temperature=0.0, seed=0)
    assert known["forced"][:, 0] == pytest.approx(free[:, 0], abs=1e-5)
    assert not np.allclose(known["forced"][:, 1:], free[:, 1:], atol=1e-3)


def test_the_seed_decides():
    first, options = small_evaluation(), {"training": small_windows(seed=1), **OPTIONS}
    again = evaluate_model(small_model(), small_windows(), **options)
    other = evaluate_model(small_model(), small_windows(), seed=1, **options)
    assert first.figures == again.figures and first.intervals == again.intervals
    assert other.figures["free_running"] == first.figures["free_running"]
    assert other.figures["samples"] != first.figures["samples"]
    assert other.intervals["free_running"] != first.intervals["free_running"]


def test_the_batch_size_does_not_matter():
    grooves = small_windows().arrays()
    one, other = (System(small_model(), batch_size=n).examine(grooves) for n in (3, 10))
    for name, values in one.items():
        assert values == pytest.approx(other[name], rel=1e-3, abs=5e-3), name


def test_the_samples_are_those_of_the_models_verb():
    model = small_model()
    expected = model.sample(12, temperature=0.7, seed=4)
    result = evaluate_model(model, small_windows(), seed=4, temperature=0.7, **OPTIONS)
    assert np.array_equal(result.samples.hits, expected[..., :9] > 0.5)
    with_converter = copy(model)
    with_converter.preprocessor = CONVERTER  # now the verbs give music
    played = System(with_converter).sample(12, temperature=0.7, seed=4)
    assert np.array_equal(played[..., :9], expected[..., :9])
    hits = np.tile(expected[..., :9], 3)
    assert played == pytest.approx(expected * hits, abs=1e-6)


def test_the_encoder_reads_the_input_of_the_models_variant():
    model, grooves = copy(small_model()), small_windows().arrays()
    model.preprocessor = GrooveConverter(num_bars=2, variant="humanize")
    quantized = grooves.copy()
    quantized[..., 9:] = 0.0
    z_mean, _ = model.encode(quantized)
    assert System(model).examine(grooves)["z_mean"] == pytest.approx(
        z_mean, rel=1e-5, abs=1e-5
    )


def test_progress_counts_every_window_once():
    done = []
    system = System(small_model(), batch_size=4, on_progress=done.append)
    system.examine(small_windows().arrays())
    system.sample(7, temperature=1.0, seed=0)
    assert done == [4, 4, 2, 7]


def test_copying_is_left_out_without_the_training_set():
    result = evaluate_model(small_model(), small_windows(), **OPTIONS)
    assert "copies" not in result.figures and not result.train_features


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"num_bars": 4}, "4 bars"),
        ({"control_dim": 9}, "controls"),
    ],
)
def test_models_that_do_not_fit_are_refused(config, words):
    with pytest.raises(EvaluationError, match=words):
        evaluate_model(small_model(**config), small_windows(), **OPTIONS)


@pytest.mark.parametrize(
    "options", [{"samples": 1}, {"pairs": 0}, {"seed": -1}, {"batch_size": 0}]
)
def test_impossible_settings_are_refused(options):
    with pytest.raises(EvaluationError):
        evaluate_model(small_model(), small_windows(), **(OPTIONS | options))


def test_one_window_is_too_few():
    with pytest.raises(EvaluationError, match="two windows"):
        evaluate_model(small_model(), small_windows(files=1, bars=2), **OPTIONS)


def test_the_canonical_test_windows_of_the_groove_midi_dataset(tmp_path, monkeypatch):
    from keras_musicvae.datasets.convert import WindowConfig
    from keras_musicvae.datasets.folder import preprocess

    dataset = preprocess(
        shared_path(GROOVE_ZIP), tmp_path / "groove", WindowConfig(), verbose=False
    )
    windows = dataset.canonical("test")
    assert len(windows) == 526
    assert len(dataset.canonical("validation")) == 504
    hits_per_bar = (windows.arrays()[..., :9] > 0.5).sum() / (4 * 526)
    assert hits_per_bar == pytest.approx(18.8, abs=0.05)
