"""Trains a tiny model for 200 steps; prints the losses and the sums of its weights.

python several_devices.py alone
python several_devices.py devices           # two devices of this process
python several_devices.py RANK ADDRESSES    # one of two processes
"""

import json
import os
import sys

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "devices" in sys.argv:
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import keras

from keras_musicvae import MusicVAE
from keras_musicvae.backends import distributed
from keras_musicvae.backends.processes import Processes

BATCH = 4
EPOCHS = 5


def two_devices():
    """A scope in which a batch is divided, of the backend's own."""
    if keras.backend.backend() == "jax":
        return keras.distribution.DataParallel().scope()
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, halves)
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope()


OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(1e-3, epsilon=1e-8),  # the kernel
    "sgd": lambda: keras.optimizers.SGD(1e-3, momentum=0.9),  # Keras's own way
}


def train(steps, optimizer):
    model = MusicVAE(
        num_bars=2,
        steps_per_bar=4,
        encoder_units=(6,),
        latent_dim=3,
        conductor_units=(4,),
        decoder_units=(5,),
        hierarchical_encoder=True,
        dropout=0.3,
        free_bits=0.0,
        gradient_skip_norm=28.0,
        seed=1,
        preprocessor=None,
    )
    model.compile(OPTIMIZERS[optimizer]())
    grooves = np.random.default_rng(0).random((steps // EPOCHS * BATCH, 8, 27))
    batches = grooves.astype("float32").reshape(-1, BATCH, 8, 27)
    part = distributed.share(BATCH, True)
    own = batches[:, part]
    history = model.fit(
        own.reshape(-1, 8, 27),
        batch_size=own.shape[1],
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
    ).history
    weights = [keras.ops.convert_to_numpy(v.value) for v in model.trainable_variables]
    sums = [float(np.abs(weight).sum()) for weight in weights]
    skipped = history["skipped_steps"]
    print(json.dumps({"loss": history["loss"], "weights": sums, "skipped": skipped}))


steps, optimizer, *where = sys.argv[1:]
match where:
    case ["alone"]:
        train(int(steps), optimizer)
    case ["devices"]:
        with two_devices():
            train(int(steps), optimizer)
    case [rank, addresses]:
        with distributed.joined(Processes(2, int(rank), addresses), BATCH):
            assert distributed.gathered(5 + int(rank)) == [5, 6]
            assert distributed.rank() == int(rank)
            train(int(steps), optimizer)
