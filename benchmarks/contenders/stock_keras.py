"""The same model of stock Keras layers, trained by Keras's own train step.

What one writes without thinking of speed: `keras.layers.LSTM` and `Bidirectional`, a
`keras.Model` with `call` and `compute_loss`, `fit`.
"""

import math
from typing import Any

import keras
from keras import ops

from benchmarks.contenders.base import Contender
from benchmarks.contenders.keras_step import KerasStep, assign, training_outputs
from benchmarks.tasks import (
    BETA,
    CLIP_NORM,
    FRAME_DIM,
    FREE_BITS,
    LEARNING_RATE,
    STEPS_PER_BAR,
    Arrays,
    ModelSize,
    Task,
)

_EPSILON = 1e-7


class StockMusicVAE(keras.Model):
    """Bidirectional encoder, Gaussian latent, conductor if any, note decoder."""

    def __init__(self, size: ModelSize, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size
        layers = keras.layers
        shared = {"dtype": self.dtype_policy}
        lstm = {"return_sequences": True, **shared}
        self.drop = layers.Dropout(dropout, **shared)
        # Dropout stands before it: inside a Bidirectional it is wrong on some backends.
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
        z_mean, z_stddev = self.posterior(grooves, training)
        z = z_mean
        if "epsilon" in x:
            z = z_mean + z_stddev * x["epsilon"]
        elif training:
            noise = keras.random.normal(ops.shape(z_mean), seed=self.seeds)
            z = z_mean + z_stddev * noise
        outputs = self.decode(z, grooves, training)
        return {"outputs": outputs, "z_mean": z_mean, "z_stddev": z_stddev}

    def posterior(self, grooves: Any, training: bool = False) -> tuple[Any, Any]:
        summary = self.encoder(self.drop(grooves, training=training))
        mean, stddev = self.mean(summary), self.stddev(summary)
        return ops.cast(mean, "float32"), ops.cast(stddev, "float32")

    def decode(self, z: Any, grooves: Any, training: bool = False) -> Any:
        previous = ops.pad(grooves[:, :-1], ((0, 0), (1, 0), (0, 0)))
        embedding, steps = z, self.size.num_steps
        if self.size.hierarchical:
            bars, steps = self.size.num_bars, STEPS_PER_BAR
            hidden = ops.zeros((ops.shape(z)[0], bars, 1), self.compute_dtype)
            state = self.conductor_start(z)
            hidden = self._stack(self.conductor, hidden, state, training)
            embedding = ops.reshape(hidden, (-1, hidden.shape[-1]))
            previous = ops.reshape(previous, (-1, STEPS_PER_BAR, FRAME_DIM))
        repeated = ops.repeat(embedding[:, None], steps, axis=1)
        hidden = ops.concatenate(
            [ops.cast(previous, repeated.dtype), repeated], axis=-1
        )
        state = self.notes_start(embedding)
        outputs = self.output_layer(self._stack(self.notes, hidden, state, training))
        outputs = ops.reshape(outputs, (-1, self.size.num_steps, FRAME_DIM))
        return ops.cast(outputs, "float32")

    def _stack(self, layers: list, hidden: Any, state: Any, training: bool) -> Any:
        parts = ops.split(state, 2 * len(layers), axis=-1)
        for i, layer in enumerate(layers):
            c, h = parts[2 * i : 2 * i + 2]
            hidden = self.drop(hidden, training=training)
            hidden = layer(hidden, initial_state=[h, c], training=training)
        return hidden

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
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


class StockKeras(Contender):
    """Keras's layers and Keras's train step."""

    def __init__(self, task: Task, weights: Arrays, inputs: Arrays) -> None:
        super().__init__(task, weights, inputs)
        self.inputs = inputs
        dtype = "mixed_bfloat16" if task.precision == "bfloat16" else "float32"
        self.model = StockMusicVAE(task.size, task.dropout, dtype=dtype)
        self.names = {v.path: _name(v.path) for v in self.model.trainable_variables}
        assign(self.model, weights, self.names)
        self.model.compile(
            keras.optimizers.Adam(
                LEARNING_RATE, epsilon=1e-8, global_clipnorm=CLIP_NORM
            )
        )
        if task.kind == "encode":
            x = keras.Input((task.size.num_steps, FRAME_DIM))
            self.encoder = keras.Model(x, _Posterior(self.model)(x))
        self._step: KerasStep | None = None

    def outputs(self) -> Arrays:
        """Keras's side of the comparison."""
        if self.task.kind == "encode":
            mean, stddev = self.encoder.predict_on_batch(self.inputs["grooves"])
            return {"z_mean": mean, "z_stddev": stddev}
        data = {name: self.inputs[name] for name in ("grooves", "epsilon")}
        return training_outputs(self.model, data, self.names)

    def run(self, repeats: int) -> None:
        """Train steps, or `predict_on_batch`."""
        if self.task.kind == "train":
            if self._step is None:
                data = {"grooves": self.inputs["grooves"]}
                self._step = KerasStep(self.model, data)
            self._step.run(repeats)
            return
        for _ in range(repeats):
            self.encoder.predict_on_batch(self.inputs["grooves"])


class _Posterior(keras.layers.Layer):
    """The encoding half as a layer, for a functional model."""

    def __init__(self, model: StockMusicVAE) -> None:
        super().__init__()
        self.model = model

    def call(self, grooves: Any) -> tuple[Any, Any]:
        return self.model.posterior(grooves)


def _name(path: str) -> str:
    """The name of `make_weights` for a variable's path in `StockMusicVAE`."""
    *parts, kind = [p for p in path.split("/")[1:] if p != "lstm_cell"]
    if parts[0] == "encoder":
        return f"encoder/{parts[-1].partition('_')[0]}/{kind}"
    return f"{parts[0].replace('_', '/')}/{kind}"
