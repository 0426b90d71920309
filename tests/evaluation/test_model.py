from copy import copy

import numpy as np
import pytest
from evaluation.small import (
    CONVERTER,
    SETTINGS,
    small_measures,
    small_model,
    small_set,
    small_windows,
)
from evaluation.synthetic import random_grooves
from shared_data import GROOVE_ZIP, shared_path

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.evaluate import Settings
from keras_musicvae.evaluation.model import (
    MEASURES,
    Encoded,
    interpolation_scores,
    measure_loss,
    measure_model,
    measure_variation,
    sample_sets,
)
from keras_musicvae.evaluation.reconstruction import (
    count_reconstruction,
    reconstruction_scores,
)
from keras_musicvae.evaluation.system import System, _original_loss
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.models.heads.squared_error import SquaredErrorHeads
from keras_musicvae.models.losses import reconstruction_losses
from keras_musicvae.models.music_vae import MusicVAE


def encoded(model, **known):
    system, real = System(model), small_set()
    return Encoded(system, real, system.examine(real.grooves) | known, SETTINGS, 3)


def test_every_section_is_measured():
    result = small_measures()
    assert set(result.figures) == set(MEASURES)
    assert 0 < result.figures["free_running"]["f1"] < 1
    assert sum(style["windows"] for style in result.styles.values()) == 10
    low, high = result.intervals["free_running"]["f1"]
    assert low <= result.figures["free_running"]["f1"] <= high


def test_the_loss_is_that_of_the_model_under_the_originals_objective():
    model = small_model(latent_dim=40, free_bits=10.0, beta=1.0)
    model.compile()
    logs = model.evaluate(
        small_set().grooves, batch_size=10, verbose=0, return_dict=True
    )
    measured = measure_loss(encoded(model))
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
    known = {"z_mean": np.zeros((10, 6)), "z_stddev": np.full((10, 6), 0.01)}
    bits = 6 * (0.5 * (1e-4 - 1.0) - np.log(0.01)) / np.log(2.0)
    figures = measure_loss(encoded(small_model(), **known)).figures
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
    real, system = small_set(), System(small_model())
    known = system.examine(real.grooves)
    result = small_measures()
    for section, grooves in (
        ("free_running", system.decode(known["z_mean"], temperature=0.0, seed=5)),
        ("teacher_forced", known["forced"]),
    ):
        counts = count_reconstruction(real.grooves, grooves, real.tempos)
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
    first = small_measures()
    options = {"pairs": 3, "batch_size": 8}
    model, real = small_model(), small_set()
    again = measure_model(model, real, settings=SETTINGS, **options)
    other = measure_model(model, real, settings=Settings(20, seed=1), **options)
    assert first.figures == again.figures and first.intervals == again.intervals
    assert other.figures["free_running"] == first.figures["free_running"]
    assert other.figures["interpolation"] != first.figures["interpolation"]
    assert other.intervals["free_running"] != first.intervals["free_running"]


def test_the_batch_size_does_not_matter():
    grooves = small_windows().arrays()
    one, other = (System(small_model(), batch_size=n).examine(grooves) for n in (3, 10))
    for name, values in one.items():
        assert values == pytest.approx(other[name], rel=1e-3, abs=5e-3), name


def test_the_samples_are_those_of_the_models_verb():
    model = small_model()
    expected = model.sample(12, temperature=0.7, seed=4)
    options = {"name": "m", "num_samples": 12, "temperatures": (1.0, 0.7), "seed": 4}
    sets = sample_sets(model, small_set(), **options)
    assert [one.name for one in sets] == ["m T=1", "m T=0.7"]
    assert np.array_equal(sets[1].grooves, expected)
    with_converter = copy(model)
    with_converter.preprocessor = CONVERTER  # now the verbs give music
    played = System(with_converter).sample(12, temperature=0.7, seed=4)
    hits = np.tile(expected[..., :9], 3)
    assert played == pytest.approx(expected * hits, abs=1e-6)


def test_variations_are_those_of_the_models_verb():
    model, real = small_model(), small_set()
    chosen = np.sort(np.random.default_rng(SETTINGS.seed).permutation(10)[:3])
    grooves = real.grooves[chosen]
    figures = measure_variation(encoded(model)).figures
    for similarity in (1.0, 0.5):
        varied = model.similar(list(grooves), similarity=similarity, seed=SETTINGS.seed)
        changed = (varied[..., :9] > 0.5) != (grooves[..., :9] > 0.5)
        assert figures[f"changed_{similarity:g}"] == pytest.approx(
            changed.sum() / grooves[..., :9].sum()
        )
    assert figures["changed_unrelated"] == pytest.approx(1.6, abs=0.4)


def test_a_model_is_given_what_its_task_knows():
    humanizer = GrooveConverter(num_bars=2, task="humanize")
    arguments = {"known": "magenta_hits", "preprocessor": humanizer}
    model = MusicVAE.from_config(small_model().get_config() | arguments)
    grooves = small_windows().arrays()
    quantized = grooves.copy()
    quantized[..., 9:] = 0.0
    system = System(model)
    z_mean, _ = model.encode(grooves)
    assert system.examine(grooves)["z_mean"] == pytest.approx(
        z_mean, rel=1e-5, abs=1e-5
    )
    for played in (
        system.decode(z_mean, temperature=1.0, seed=0, grooves=quantized),
        system.sample(len(grooves), temperature=1.0, seed=0, grooves=quantized),
    ):
        np.testing.assert_array_equal(played[..., :9], grooves[..., :9])


@pytest.mark.parametrize(("config", "words"), [({"num_bars": 4}, "4 bars")])
def test_models_that_do_not_fit_are_refused(config, words):
    with pytest.raises(EvaluationError, match=words):
        measure_model(small_model(**config), small_set())


@pytest.mark.parametrize("options", [{"pairs": 0}, {"batch_size": 0}])
def test_impossible_settings_are_refused(options):
    with pytest.raises(EvaluationError):
        measure_model(small_model(), small_set(), **options)


# --- Interpolation ----------------------------------------------------------------


def path_of_hit_counts(*counts: int) -> np.ndarray:
    """A path whose grooves hit the first `count` cells."""
    path = np.zeros((1, len(counts), 16, 27), np.float32)
    for point, count in enumerate(counts):
        path[0, point, :count, 0] = 1.0
    return path


def test_an_even_path_is_smooth_and_direct():
    scores = interpolation_scores(path_of_hit_counts(0, 2, 4, 6, 8), num_bars=2)
    assert scores["largest_jump"] == pytest.approx(1 / 4)
    assert scores["detour"] == scores["monotone"] == 1.0
    assert [scores[f"density_{i}"] for i in range(5)] == [0, 1, 2, 3, 4]


def test_a_path_that_is_an_overlay_of_its_ends_is_denser_in_the_middle():
    paths = np.concatenate(
        [path_of_hit_counts(*counts) for counts in ((2, 9, 3), (2, 4, 3), (9, 1, 8))]
    )
    scores = interpolation_scores(paths, num_bars=1)
    assert scores["denser_than_ends"] == pytest.approx(1 / 3)
    assert scores["sparser_than_ends"] == pytest.approx(1 / 3)


def test_one_jump_is_not_smooth():
    assert interpolation_scores(path_of_hit_counts(0, 0, 8, 8))["largest_jump"] == 1.0


def test_a_detour_is_measured():
    scores = interpolation_scores(path_of_hit_counts(0, 6, 3, 4))
    assert scores["detour"] == pytest.approx((6 + 3 + 1) / 4)
    assert scores["monotone"] == pytest.approx(2 / 3)


def test_paths_that_never_move_have_no_jump():
    paths = np.concatenate([path_of_hit_counts(3, 3, 3), path_of_hit_counts(0, 1, 2)])
    assert interpolation_scores(paths)["largest_jump"] == 0.5
    assert np.isnan(interpolation_scores(paths[:1])["largest_jump"])


def test_what_is_no_path_is_refused():
    with pytest.raises(EvaluationError, match="three points"):
        interpolation_scores(random_grooves(4)[np.newaxis, :2])


def test_the_canonical_test_windows_of_the_groove_midi_dataset(tmp_path):
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
