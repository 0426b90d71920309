"""The model computes what Magenta's own graph computed, on every backend.

The goldens were written by Magenta's code with random weights (see
`reference/magenta_models.md`): posterior, losses, outputs, gradients, variables after
three optimizer steps with the original's clipping rule, and a deterministic decode.
"""

import json

import keras
import numpy as np
import pytest
from keras import ops
from shared_data import shared_path

from keras_musicvae import MusicVAE
from keras_musicvae.backends import native
from keras_musicvae.magenta.files import Folder
from keras_musicvae.magenta.layout import export_magenta_variables, load_magenta_weights
from keras_musicvae.magenta.tf_checkpoint import read_tf_checkpoint
from keras_musicvae.models.latent import kl_divergence
from keras_musicvae.models.losses import kl_cost, reconstruction_losses
from keras_musicvae.models.schedules import ExponentialDecayToFloor

MODELS = (
    "groovae_4bar_reduced",
    "hierdec_groovae_4bar_reduced",
    "groovae_2bar_tap_reduced",
    "groovae_2bar_hits_control_reduced",
)
TOLERANCE = 1e-5
# Whether there are controls, whether the inputs are taps -> what reads them.
KNOWN = {
    (0, False): "nowhere",
    (0, True): "magenta_inputs",
    (9, False): "magenta_hits",
}


class Golden:
    """A golden model: our model with its weights, and what Magenta's gave."""

    def __init__(self, name: str) -> None:
        self.folder = shared_path(f"golden/models/{name}")
        info = json.loads((self.folder / "info.json").read_text())
        hparams = info["hparams"]
        with np.load(self.folder / "golden.npz") as file:
            self.arrays = dict(file)
        self.model = MusicVAE(
            num_bars=hparams["max_seq_len"] // 16,
            encoder_units=hparams["enc_rnn_size"],
            latent_dim=hparams["z_size"],
            decoder_units=hparams["dec_rnn_size"],
            conductor_units=hparams["dec_rnn_size"] if "hierdec" in name else None,
            known=KNOWN[info["control_depth"], "tap" in name],
            preprocessor=None,
            free_bits=hparams["free_bits"],
            beta=hparams["max_beta"],
            beta_rate=hparams["beta_rate"],
        )
        variables = read_tf_checkpoint(Folder(self.folder), "model.ckpt-7")
        load_magenta_weights(self.model, variables)
        self.model.step.assign(7)
        self.batch = {
            "grooves": self.arrays["output_sequence"],
            "lengths": self.arrays["sequence_length"],
            "noise": self.arrays["eps"],
        }
        if self.model.known_path.is_read:
            # What Magenta's encoder reads in place of the groove, or its hits.
            self.batch["known"] = np.tile(self.arrays["input_sequence"], 2)

    def group(self, prefix: str) -> dict[str, np.ndarray]:
        """The golden arrays whose names start with `prefix/`."""
        start = len(prefix) + 1
        items = self.arrays.items()
        return {k[start:]: v for k, v in items if k.startswith(f"{prefix}/")}


@pytest.fixture(scope="module", params=MODELS)
def golden(request) -> Golden:
    return Golden(request.param)


def assert_close(actual, expected, tolerance=TOLERANCE):
    """Within a relative tolerance of the largest entry."""
    actual = np.asarray(ops.convert_to_numpy(actual))
    assert actual.shape == expected.shape
    scale = max(np.abs(expected).max(), 1e-30)
    assert np.abs(actual - expected).max() / scale < tolerance


def tensors(batch):
    return {k: ops.convert_to_tensor(v) for k, v in batch.items()}


def test_posterior_losses_and_outputs(golden):
    batch = tensors(golden.batch)
    result = golden.model(batch, training=False)
    expected = golden.arrays
    assert_close(result["z_mean"], expected["mu"])
    assert_close(result["z_stddev"], expected["sigma"])
    outputs = ops.convert_to_numpy(result["outputs"])
    # Magenta's outputs are what its projection gives; so are ours.
    assert_close(outputs, expected["teacher_rnn_output"])
    kl = kl_divergence(result["z_mean"], result["z_stddev"])
    assert_close(kl, expected["kl_nats"])
    cost = kl_cost(kl, golden.model.free_bits)
    assert_close(cost, expected["kl_cost"])
    terms = reconstruction_losses(
        golden.model.heads,
        result["outputs"],
        batch["grooves"],
        golden.model.valid_steps(batch),
    )
    assert_close(sum(terms.values()), expected["r_loss"])
    loss = golden.model.compute_loss(batch, y_pred=result, training=False)
    assert_close(loss, expected["loss"])


def test_gradients(golden):
    batch = tensors(golden.batch)
    model = golden.model

    def loss():
        return model.compute_loss(
            batch, y_pred=model(batch, training=True), training=False
        )

    value, gradients = native.value_and_gradients(_compiled(model), loss)
    assert_close(ops.convert_to_numpy(value), golden.arrays["train_loss"])
    arrays = [ops.convert_to_numpy(g) for g in gradients]
    norm = np.sqrt(sum((g.astype("float64") ** 2).sum() for g in arrays))
    assert_close(norm, golden.arrays["global_norm"])
    exported = export_magenta_variables(model, gradients)
    for name, expected in golden.group("grad").items():
        if np.abs(expected).max() > 0:
            assert_close(exported[name], expected, 2 * TOLERANCE)
        else:
            assert not np.asarray(exported[name]).any()


def test_three_optimizer_steps(golden):
    golden = Golden(golden.folder.name)
    model = golden.model
    # The goldens' step is 7, but their moments and their bias correction start anew.
    schedule = ExponentialDecayToFloor()
    first = float(schedule(7.0))
    model.compile(
        keras.optimizers.Adam(ExponentialDecayToFloor(initial=first), epsilon=1e-8)
    )
    losses = []
    for _ in range(3):
        history = model.fit(golden.batch, batch_size=4, shuffle=False, verbose=0)
        losses.append(history.history["loss"][0])
    assert_close(losses, golden.arrays["train_losses"])
    exported = export_magenta_variables(model)
    for name, expected in golden.group("after").items():
        if name in exported:
            assert_close(exported[name], expected)


def test_deterministic_decode(golden):
    model, expected = golden.model, golden.arrays
    z = expected["decode_z"]
    noise = np.full((len(z), model.num_steps, model.heads.noise_dim), 0.5, "float32")
    arrays = [z, noise]
    if model.known_path.decoder:
        hits = expected["decode_c_input"]
        known = np.zeros((len(z), model.num_steps, 54), "float32")
        known[..., :9] = hits
        arrays.append(known)

    def play(z, noise, *known):
        given = {"known": known[0]} if known else {}
        grooves = model.free_running(z, noise, 0.0, given)
        return grooves, model.teacher_forced(z, {"grooves": grooves, **given})

    grooves, outputs = native.compiled(model, play)(*arrays)
    drums = 9
    samples = expected["decode_samples"]
    assert np.array_equal(grooves[..., :drums], samples[..., :drums])
    assert_close(grooves, samples)
    assert_close(outputs, expected["decode_rnn_output"])


def _compiled(model):
    if not model.compiled:
        model.compile()
    return model
