"""The same model of stock Keras layers, trained by Keras's own train step.

What one writes without thinking of speed: `keras.layers.LSTM` and `Bidirectional`, a
`keras.Model` with `call` and `compute_loss`, `fit`.
"""

import math
from typing import Any

import keras
from keras import ops

from benchmarks.contenders.keras_step import KerasContender
from benchmarks.tasks import (
    BETA,
    CLIP_NORM,
    FRAME_DIM,
    FREE_BITS,
    LEARNING_RATE,
    STEPS_PER_BAR,
    ModelSize,
)

_EPSILON = 1e-7


class StockMusicVAE(keras.Model):
    """Bidirectional encoder, Gaussian latent, conductor if any, note decoder."""

    def __init__(self, size: ModelSize, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size
        layers = keras.layers
        shared = {"dtype": self.dtype_policy}
        lstm = {"return_sequences": True, **shared}
        self.encoder = layers.Bidirectional(
            layers.LSTM(size.encoder_units, **shared), name="encoder", **shared
        )
        self.mean = layers.Dense(size.latent_dim, name="mean", **shared)
        self.stddev = layers.Dense(size.latent_dim, "softplus", name="stddev", **shared)
        if size.hierarchical:
            self.conductor_start = layers.Dense(
                2 * sum(size.conductor_units), "tanh", name="conductor_start", **shared
            )
            self.conductor = [
                layers.LSTM(units, name=f"conductor_{i}", **lstm)
                for i, units in enumerate(size.conductor_units)
            ]
        self.notes_start = layers.Dense(
            2 * sum(size.decoder_units), "tanh", name="notes_start", **shared
        )
        self.notes = [
            layers.LSTM(units, name=f"notes_{i}", **lstm)
            for i, units in enumerate(size.decoder_units)
        ]
        self.output_layer = layers.Dense(FRAME_DIM, name="output", **shared)
        self.seeds = keras.random.SeedGenerator(0)
        self({"grooves": ops.zeros((1, size.num_steps, FRAME_DIM))})

    def call(self, x: dict[str, Any], training: bool = False) -> dict[str, Any]:
        grooves = x["grooves"]
        summary = self.encoder(grooves)
        z_mean = ops.cast(self.mean(summary), "float32")
        z_stddev = ops.cast(self.stddev(summary), "float32")
        z = z_mean
        if "epsilon" in x:
            z = z_mean + z_stddev * x["epsilon"]
        elif training:
            noise = keras.random.normal(ops.shape(z_mean), seed=self.seeds)
            z = z_mean + z_stddev * noise
        outputs = self.decode(z, grooves)
        return {"outputs": outputs, "z_mean": z_mean, "z_stddev": z_stddev}

    def decode(self, z: Any, grooves: Any) -> Any:
        previous = ops.pad(grooves[:, :-1], ((0, 0), (1, 0), (0, 0)))
        embedding, steps = z, self.size.num_steps
        if self.size.hierarchical:
            bars, steps = self.size.num_bars, STEPS_PER_BAR
            hidden = ops.zeros((ops.shape(z)[0], bars, 1), self.compute_dtype)
            state = self.conductor_start(z)
            hidden = self._stack(self.conductor, hidden, state)
            embedding = ops.reshape(hidden, (-1, hidden.shape[-1]))
            previous = ops.reshape(previous, (-1, STEPS_PER_BAR, FRAME_DIM))
        repeated = ops.repeat(embedding[:, None], steps, axis=1)
        hidden = ops.concatenate(
            [ops.cast(previous, repeated.dtype), repeated], axis=-1
        )
        state = self.notes_start(embedding)
        outputs = self.output_layer(self._stack(self.notes, hidden, state))
        outputs = ops.reshape(outputs, (-1, self.size.num_steps, FRAME_DIM))
        return ops.cast(outputs, "float32")

    def _stack(self, layers: list, hidden: Any, state: Any) -> Any:
        parts = ops.split(state, 2 * len(layers), axis=-1)
        for i, layer in enumerate(layers):
            c, h = parts[2 * i : 2 * i + 2]
            hidden = layer(hidden, initial_state=[h, c])
        return hidden

    def compute_loss(
        self, x: Any, y: Any = None, y_pred: Any = None, sample_weight: Any = None
    ) -> Any:
        hits, velocities, offsets = ops.split(x["grooves"], 3, axis=-1)
        logits, a, b = ops.split(y_pred["outputs"], 3, axis=-1)
        p = ops.sigmoid(logits)
        cross_entropy = -(
            hits * ops.log(p + _EPSILON) + (1 - hits) * ops.log(1 - p + _EPSILON)
        )
        errors = ops.square(ops.sigmoid(a) - velocities)
        errors = errors + ops.square(ops.tanh(b) - offsets)
        reconstruction = ops.sum(cross_entropy + errors, axis=(1, 2))
        mean, stddev = y_pred["z_mean"], y_pred["z_stddev"]
        kl = 0.5 * (ops.square(mean) + ops.square(stddev) - 1) - ops.log(stddev)
        cost = ops.maximum(ops.sum(kl, axis=-1) - FREE_BITS * math.log(2), 0)
        return ops.mean(reconstruction + BETA * cost)


class StockKeras(KerasContender):
    """Keras's layers and Keras's train step."""

    def make_model(self) -> StockMusicVAE:
        model = StockMusicVAE(self.task.size, dtype=self.task.keras_dtype)
        model.compile(
            keras.optimizers.Adam(
                LEARNING_RATE, epsilon=1e-8, global_clipnorm=CLIP_NORM
            )
        )
        return model

    def batch(self, epsilon: Any = None) -> dict[str, Any]:
        grooves = {"grooves": self.inputs["grooves"]}
        return grooves if epsilon is None else {**grooves, "epsilon": epsilon}

    def name(self, path: str) -> str:
        *parts, kind = [p for p in path.split("/")[1:] if p != "lstm_cell"]
        if parts[0] == "encoder":
            return f"encoder/{parts[-1].partition('_')[0]}/{kind}"
        return f"{parts[0].replace('_', '/')}/{kind}"
