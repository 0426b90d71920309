"""Training: the one train step, its rules and its features, on the backend in use."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_musicvae.errors import ConfigError, TrainingError
from keras_musicvae.models.decoder import frames_before, lookback_lags
from keras_musicvae.models.losses import NATS_PER_BIT, kl_cost
from keras_musicvae.models.schedules import ExponentialDecayToFloor, beta_at

BACKEND = keras.backend.backend()


def fit(model, grooves, epochs=2, **arguments):
    return model.fit(
        grooves, batch_size=8, epochs=epochs, shuffle=False, verbose=0, **arguments
    ).history


def weights(model):
    return [ops.convert_to_numpy(v.value) for v in model.trainable_variables]


def assert_same(first, second, tolerance=1e-6):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# --- The step -----------------------------------------------------------------


def test_same_course_on_every_backend(tiny, grooves):
    """Weights, noise and dropout depend on the seed alone: the numbers are pinned."""
    model = tiny(dropout=0.2)
    model.compile()
    history = fit(model, grooves, epochs=3)
    np.testing.assert_allclose(
        history["loss"], [71.943024, 71.895462, 71.698029], rtol=1e-5
    )


def test_chains_and_lookback_have_the_same_course_on_every_backend(tiny, grooves):
    model = tiny(dropout=0.2, heads="chained", lookback=1)
    model.compile()
    history = fit(model, grooves, epochs=2)
    np.testing.assert_allclose(history["loss"], [211.382935, 207.411407], rtol=1e-5)


def test_agrees_with_the_train_step_of_keras(tiny, grooves):
    """Keras's own step with the same `compute_loss` is the oracle."""
    ours, oracle = tiny(), tiny()

    class WithKerasStep(type(oracle)):
        train_step = keras.Model.train_step

    oracle.__class__ = WithKerasStep
    for model in (ours, oracle):
        model.compile(keras.optimizers.Adam(1e-2, global_clipnorm=1.0))
        fit(model, grooves)
    assert_same(weights(ours), weights(oracle), 1e-5)


def test_progress_bar_shows_the_terms(tiny, grooves):
    model = tiny(beta=0.5)
    model.compile()
    history = fit(model, grooves, validation_data=(grooves,))
    names = ("loss", "reconstruction", "hits", "velocities", "offsets", "kl_bits")
    for name in (*names, "active_units", "beta", "gradient_norm", "skipped_steps"):
        assert np.isfinite(history[name]).all()
    terms = history["hits"][0] + history["velocities"][0] + history["offsets"][0]
    assert terms == pytest.approx(history["reconstruction"][0], rel=1e-5)
    # Without free bits, loss = reconstruction + beta * KL.
    for prefix in ("", "val_"):
        kl = history[f"{prefix}kl_bits"][0] * NATS_PER_BIT
        total = history[f"{prefix}reconstruction"][0] + 0.5 * kl
        assert total == pytest.approx(history[f"{prefix}loss"][0], rel=1e-4)


def test_gradients_are_clipped_to_a_global_norm(tiny, grooves):
    model = tiny(gradient_clip_norm=1e-3)
    before = weights(model)
    model.compile(keras.optimizers.SGD(1.0))
    model.fit(grooves, batch_size=16, verbose=0)
    change = [a - b for a, b in zip(weights(model), before, strict=True)]
    norm = np.sqrt(sum(np.square(c).sum() for c in change))
    assert norm == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize("fault", ["norm", "nan"])
def test_exploding_steps_are_skipped_and_counted(tiny, grooves, fault):
    model = tiny(gradient_skip_norm=1e-6 if fault == "norm" else 1e4)
    before = weights(model)
    model.compile(keras.optimizers.SGD(1.0))
    if fault == "nan":
        grooves = grooves.copy()
        grooves[0, 0, -1] = np.nan
        grooves[8, 0, -1] = np.nan
    history = fit(model, grooves, epochs=1)
    assert history["skipped_steps"] == [2.0]
    assert_same(weights(model), before, 0)


def test_a_loss_of_the_users_own_is_refused(tiny):
    with pytest.raises(TrainingError, match="has its own loss"):
        tiny().compile(loss="mse")


# --- Objective ----------------------------------------------------------------


def test_free_bits_are_on_the_total():
    kl = ops.convert_to_tensor(np.array([1.0, 40.0], "float32"))
    cost = ops.convert_to_numpy(kl_cost(kl, 48.0))
    np.testing.assert_allclose(cost, [0.0, 40.0 - 48.0 * np.log(2.0)], rtol=1e-6)


def test_beta_is_annealed_while_training(tiny, grooves):
    model = tiny(beta=0.4, beta_rate=0.5)
    model.compile()
    history = fit(model, grooves, epochs=2)  # steps 0, 1 and 2, 3
    expected = [0.4 * (1 - 0.5**s) for s in range(4)]
    np.testing.assert_allclose(
        history["beta"], [np.mean(expected[:2]), np.mean(expected[2:])], rtol=1e-5
    )


def test_learning_rate_and_beta_of_the_original():
    assert float(ExponentialDecayToFloor()(7.0)) == pytest.approx(
        (1e-3 - 1e-5) * 0.9999**7 + 1e-5, rel=1e-5
    )
    assert float(beta_at(ops.convert_to_tensor(3), 0.2, 0.0)) == pytest.approx(0.2)


# --- Features -----------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        {"conductor_units": None},
        {"conductor_autoregressive": True, "dropout": 0.5},
        {"hierarchical_encoder": True, "encoder_units": (4, 3)},
        {"conductor_units": None, "dropout": 0.3},
        {"heads": "histogram", "conductor_units": None},
        {"encoder_skip": True, "plan_dim": 3},
        {"plan_dim": 2, "conductor_autoregressive": True, "heads": "histogram"},
        {"heads": "chained", "conductor_units": None, "lookback": 1},
        {"heads": "chained", "conductor_autoregressive": True, "lookback": 1},
    ],
    ids=str,
)
def test_every_architecture_learns(tiny, grooves, arguments):
    model = tiny(**arguments)
    model.compile(keras.optimizers.Adam(2e-2))
    loss = fit(model, grooves, epochs=12)["loss"]
    assert np.isfinite(loss).all()
    # Log-likelihoods of noise in 50 bins fall more slowly than squared errors.
    assert loss[-1] < (0.9 if "heads" in arguments else 0.8) * loss[0]


@pytest.mark.parametrize(
    "arguments",
    [
        {"conductor_units": None, "plan_dim": 2, "known": "everywhere"},
        {"plan_dim": 2},
        {"plan_dim": 2, "conductor_autoregressive": True, "heads": "histogram"},
        {"conductor_units": None, "num_bars": 4, "steps_per_bar": 2, "lookback": 3},
        {"num_bars": 4, "steps_per_bar": 2, "lookback": 2, "heads": "chained"},
        {"lookback": 1, "plan_dim": 2, "known": "everywhere", "heads": "chained"},
        {"conductor_autoregressive": True, "lookback": 1, "heads": "chained"},
    ],
    ids=str,
)
def test_playing_and_teacher_forcing_are_one_decoder(tiny, grooves, arguments):
    """From teacher forcing on what the model played, the same is drawn again."""
    model = tiny(**arguments)
    rng = np.random.default_rng(0)
    for weight in model.weights:  # untrained ones are too small to tell
        if weight.path.endswith(("kernel", "chain")):
            weight.assign(rng.normal(0.0, 0.5, weight.shape).astype("float32"))
    z = rng.normal(size=(16, 3)).astype("float32")
    noise = rng.uniform(0.01, 0.99, (16, 8, model.heads.noise_dim)).astype("float32")
    z, noise, grooves = map(ops.convert_to_tensor, (z, noise, grooves))
    given = {}
    if model.known_path.is_read:
        given["known"] = ops.concatenate([grooves, grooves], axis=-1)
    played = model.free_running(z, noise, 1.0, given)
    forced = model.teacher_forced(z, {"grooves": played, **given})
    drawn = model.heads.draw(forced, model.heads.noise_thresholds(noise, 1.0))
    # A quantile moves more than its share where a chain of values is steep.
    tolerance = 2e-3 if arguments.get("heads") == "chained" else 1e-5
    drawn, played = map(ops.convert_to_numpy, (drawn, played))
    assert_same([drawn], [played], tolerance)


@pytest.mark.parametrize(
    "conductor", [{"conductor_units": None}, {}, {"conductor_autoregressive": True}]
)
def test_a_step_reads_the_step_and_the_bars_before_and_no_other(
    tiny, grooves, conductor
):
    """Which outputs change with each frame, by the cells alone, without memory."""
    model = tiny(num_bars=4, steps_per_bar=2, lookback=2, **conductor)
    rng = np.random.default_rng(0)
    for weight in model.decoder.weights:
        weight.assign(rng.normal(0.0, 0.5, weight.shape).astype("float32"))
    z = np.ones((1, 3), "float32")

    def outputs(frames):
        return ops.convert_to_numpy(model.teacher_forced(z, {"grooves": frames}))[0]

    def changed_by(step):
        other = grooves[:1].copy()
        other[:, step] = 1.0
        return np.abs(outputs(other) - outputs(grooves[:1])).max(axis=-1) > 1e-7

    for step in range(8):
        changed = changed_by(step)
        assert not changed[: step + 1].any(), step  # only what comes later
        for later in (step + 1, step + 2, step + 4):
            assert later >= 8 or changed[later], (step, later)
    # The states of a hierarchical decoder start anew in each bar, and only
    # autoregression carries more from bar to bar.
    if not conductor:
        assert changed_by(0).nonzero()[0].tolist() == [1, 2, 3, 4, 5]
        assert changed_by(1).nonzero()[0].tolist() == [2, 3, 5]


def test_a_step_knows_its_place(tiny):
    """With lookback: its place in the bar, and the bar."""
    model = tiny(num_bars=4, steps_per_bar=2, lookback=1)
    _, inputs = model._decoder_inputs(np.zeros((1, 3), "float32"), {})
    places = ops.convert_to_numpy(inputs)[0]
    assert places.shape == (8, 2 + 4) and (places.sum(axis=-1) == 2).all()
    np.testing.assert_array_equal(places[5], [0, 1, 0, 0, 1, 0])


def test_frames_before():
    frames = np.arange(1, 9, dtype="float32").reshape(1, 8, 1)
    assert lookback_lags(0, 4) == (1,) and lookback_lags(2, 3) == (1, 3, 6)
    read = ops.convert_to_numpy(frames_before(frames, lookback_lags(2, 3)))[0]
    np.testing.assert_array_equal(read[0], [0, 0, 0])
    np.testing.assert_array_equal(read[3], [3, 1, 0])
    np.testing.assert_array_equal(read[7], [7, 5, 2])


def test_the_plan_speaks_of_each_step(tiny, grooves):
    model = tiny(plan_dim=2, conductor_units=None)
    z = np.ones((1, 3), "float32")
    before = ops.convert_to_numpy(model.teacher_forced(z, {"grooves": grooves[:1]}))
    bias = np.zeros((8, 2), "float32")
    bias[5] = 1.0
    model.plan.bias.assign(bias.ravel())
    after = ops.convert_to_numpy(model.teacher_forced(z, {"grooves": grooves[:1]}))
    changed = np.abs(after - before).max(axis=(0, 2)) > 1e-6
    assert changed.tolist() == [False] * 5 + [True] * 3


def test_the_skip_sees_valid_steps_only(tiny, grooves):
    model = tiny(encoder_skip=True)
    lengths = ops.full((16,), 5, "int32")
    changed = grooves.copy()
    changed[:, 5:] = 1.0
    grooves, changed = map(ops.convert_to_tensor, (grooves, changed))
    mean, _ = model.posterior({"grooves": grooves, "lengths": lengths})
    same, _ = model.posterior({"grooves": changed, "lengths": lengths})
    assert_same([ops.convert_to_numpy(mean)], [ops.convert_to_numpy(same)])
    kernel = np.zeros(model.latent.mean.kernel.shape, "float32")
    kernel[12 + 7 * 27, 0] = 1.0  # the summary's 12, then step 7, drum 0
    model.latent.mean.kernel.assign(kernel)
    mean, _ = model.posterior({"grooves": grooves})
    hits = ops.convert_to_numpy(grooves)[:, 7, 0]
    assert ops.convert_to_numpy(mean)[:, 0] == pytest.approx(hits)


def test_mixed_bfloat16(tiny, grooves):
    model = tiny(dtype="mixed_bfloat16", dropout=0.2, plan_dim=2, encoder_skip=True)
    model.compile(keras.optimizers.Adam(2e-2))
    loss = fit(model, grooves, epochs=12)["loss"]
    assert loss[-1] < 0.8 * loss[0]
    assert model.sample(2, seed=0).shape == (2, 8, 27)
    # The posterior stays in float32: a KL in bfloat16 is too coarse to train on.
    batch = {"grooves": grooves, "noise": np.ones((16, 3), "float32")}
    assert keras.backend.standardize_dtype(model(batch)["z_mean"].dtype) == "float32"


def test_accumulated_gradients_are_those_of_the_large_batch(tiny, grooves):
    # Plain SGD without noise: posterior means need no noise at beta 0.
    whole, parts = tiny(beta=0.0), tiny(beta=0.0)
    noise = np.random.default_rng(1).normal(size=(16, 3)).astype("float32")
    whole.compile(keras.optimizers.SGD(0.1))
    parts.compile(keras.optimizers.SGD(0.1, gradient_accumulation_steps=2))
    batch = {"grooves": grooves, "noise": noise}
    whole.fit(batch, batch_size=16, shuffle=False, verbose=0)
    parts.fit(batch, batch_size=8, shuffle=False, verbose=0)
    assert_same(weights(whole), weights(parts), 1e-5)


@pytest.mark.skipif(BACKEND == "torch", reason="Keras on PyTorch runs single steps")
def test_steps_per_execution(tiny, grooves):
    one, several = tiny(), tiny()
    one.compile(keras.optimizers.SGD(0.1))
    several.compile(keras.optimizers.SGD(0.1), steps_per_execution=2)
    for model in (one, several):
        fit(model, grooves)
    assert_same(weights(one), weights(several), 1e-5)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.skipif(BACKEND == "torch", reason="needs a C++ compiler at run time")
def test_jit_compile(tiny, grooves, jit):
    reference, model = tiny(), tiny()
    reference.compile(keras.optimizers.SGD(0.1))
    model.compile(keras.optimizers.SGD(0.1), jit_compile=jit)
    for each in (reference, model):
        fit(each, grooves, epochs=1)
    assert_same(weights(reference), weights(model), 1e-5)


@pytest.mark.parametrize("kind", ["tf.data", "torch"])
def test_datasets_of_the_backends(tiny, grooves, kind):
    if kind == "tf.data":
        tf = pytest.importorskip("tensorflow")
        data = tf.data.Dataset.from_tensor_slices(grooves).batch(8)
    else:
        torch = pytest.importorskip("torch")
        tensors = torch.utils.data.TensorDataset(torch.from_numpy(grooves))
        data = torch.utils.data.DataLoader(tensors, batch_size=8)
    arrays, other = tiny(), tiny()
    for model in (arrays, other):
        model.compile(keras.optimizers.SGD(0.1))
    fit(arrays, grooves, epochs=1)
    other.fit(data, epochs=1, shuffle=False, verbose=0)
    assert_same(weights(arrays), weights(other), 1e-6)


def test_steps_beyond_the_lengths_do_not_count(tiny, grooves):
    model = tiny(known="everywhere")
    batch = {
        "grooves": grooves,
        "known": np.concatenate([grooves, grooves], axis=-1),
        "lengths": np.full(16, 5, "int32"),
    }
    model.compile(keras.optimizers.SGD(0.1))
    fit(model, batch, epochs=1)
    short = model.evaluate(batch, verbose=0, return_dict=True)
    changed = {k: v.copy() for k, v in batch.items()}
    changed["grooves"][:, 5:] = 1.0
    changed["known"][:, 5:] = 0.0
    assert model.evaluate(changed, verbose=0, return_dict=True)["hits"] == (
        pytest.approx(short["hits"], rel=1e-5)
    )


# --- Repeating and resuming ---------------------------------------------------


def test_a_seed_repeats_a_run(tiny, grooves):
    runs = []
    for seed in (3, 3, 4):
        model = tiny(seed=seed, dropout=0.3)
        model.compile()
        fit(model, grooves)
        runs.append(weights(model))
    assert_same(runs[0], runs[1], 0 if BACKEND != "tensorflow" else 1e-7)
    pairs = zip(runs[0], runs[2], strict=True)
    assert any(np.abs(a - b).max() > 1e-4 for a, b in pairs)


def test_saved_and_loaded_in_the_middle(tiny, grooves, tmp_path):
    straight, half = (tiny(dropout=0.3) for _ in range(2))
    straight.compile()
    fit(straight, grooves, epochs=4)
    half.compile()
    fit(half, grooves, epochs=2)
    half.save(tmp_path / "half.keras")
    resumed = keras.models.load_model(tmp_path / "half.keras")
    assert int(resumed.step) == 4
    fit(resumed, grooves, epochs=2)
    assert_same(weights(straight), weights(resumed), 1e-6)


def test_weights_and_config_survive(tiny, grooves, tmp_path):
    model = tiny(dropout=0.3)
    twin = type(model).from_config(model.get_config())
    assert twin.get_config() == model.get_config()
    model.compile()
    fit(model, grooves, epochs=1)
    model.save_weights(tmp_path / "model.weights.h5")
    twin.load_weights(tmp_path / "model.weights.h5")
    outputs = [ops.convert_to_numpy(m(grooves)["outputs"]) for m in (model, twin)]
    assert_same([outputs[0]], [outputs[1]])


@pytest.mark.parametrize(
    "arguments",
    [
        {"latent_dim": 0},
        {"latent_dim": 1 << 20},
        {"num_bars": 2.5},
        {"encoder_units": ()},
        {"encoder_units": "64"},
        {"dropout": 1.0},
        {"heads": "laplace"},
        {"beta_rate": float("nan")},
        {"hit_threshold": 0.0},
        {"prior_units": -1},
        {"prior_units": 8193},
        {"lookback": -1},
        {"plan_dim": -1},
        {"encoder_skip": 1},
        {"seed": float("inf")},
        {"beta": 10**400},
        {"num_drums": 9},
        {"conductor_units": None, "conductor_autoregressive": True},
        {"num_bars": 64, "steps_per_bar": 768},
    ],
    ids=str,
)
def test_impossible_configurations_are_refused(tiny, arguments):
    with pytest.raises(ConfigError):
        tiny(**arguments)
