"""keras-musicvae: the package as its users call it."""

import keras
import numpy as np

from benchmarks.contenders.base import Contender
from benchmarks.contenders.keras_step import KerasStep, assign, training_outputs
from benchmarks.tasks import BETA, FREE_BITS, LEARNING_RATE, Arrays, Task
from keras_musicvae import MusicVAE

_PARTS = {
    "encoder/forward_0": "encoder/forward",
    "encoder/backward_0": "encoder/backward",
    "latent/mean": "mean",
    "latent/stddev": "stddev",
    "output_projection": "output",
}


class Ours(Contender):
    """The train step that `fit` calls; the verbs `decode` and `encode` as they are."""

    def __init__(self, task: Task, weights: Arrays, inputs: Arrays) -> None:
        super().__init__(task, weights, inputs)
        self.inputs = inputs
        size = task.size
        bfloat16 = task.precision == "bfloat16"
        self.model = MusicVAE(
            size.num_bars,
            encoder_units=(size.encoder_units,),
            latent_dim=size.latent_dim,
            conductor_units=size.conductor_units or None,
            decoder_units=size.decoder_units,
            free_bits=FREE_BITS,
            beta=BETA,
            dropout=task.dropout,
            dtype="mixed_bfloat16" if bfloat16 else "float32",
        )
        self.names = {v.path: _our_name(v.path) for v in self.model.trainable_variables}
        assign(self.model, weights, self.names)
        if task.kind == "train":
            self.model.compile(keras.optimizers.Adam(LEARNING_RATE, epsilon=1e-8))
        self._step: KerasStep | None = None

    def outputs(self) -> Arrays:
        """Our side of the comparison."""
        if self.task.kind == "encode":
            mean, stddev = self.model.encode(self.inputs["grooves"])
            return {"z_mean": mean, "z_stddev": stddev}
        if self.task.kind == "sample":
            z, noise = self.inputs["z"], self.inputs["noise"]
            return {"grooves": self.model._player().decode(z, noise, 1.0)}
        data = {"grooves": self.inputs["grooves"], "noise": self.inputs["epsilon"]}
        return training_outputs(self.model, data, self.names)

    def run(self, repeats: int) -> None:
        """As a user's program would."""
        if self.task.kind == "train":
            if self._step is None:
                self._step = KerasStep(self.model, self.inputs["grooves"])
            self._step.run(repeats)
            return
        for _ in range(repeats):
            if self.task.kind == "encode":
                self.model.encode(self.inputs["grooves"])
            else:
                # Both give NumPy arrays, so they have waited.
                self.model.decode(self.inputs["z"], temperature=1.0, seed=1)


class OursFit(Ours):
    """`model.fit` on NumPy arrays: the step, the feeding, the progress of the logs."""

    def run(self, repeats: int) -> None:
        """One epoch of so many steps."""
        grooves = np.tile(self.inputs["grooves"], (repeats, 1, 1))
        self.model.fit(grooves, batch_size=self.task.batch, shuffle=False, verbose=0)


def _our_name(path: str) -> str:
    """The name of `make_weights` for a variable's path in our model."""
    *parts, kind = [p for p in path.split("/")[1:] if p not in ("lstm_cell", "dense")]
    if parts[:2] == ["latent", parts[-1]] or parts[0] == "encoder":
        return f"{_PARTS['/'.join(parts)]}/{kind}"
    last = parts[-1]
    if last == "output_projection":
        return f"output/{kind}"
    player = "notes" if "note_decoder" in parts else "conductor"
    if last.startswith("initial_state"):
        return f"{player}/start/{kind}"
    return f"{player}/{last.rpartition('_')[2]}/{kind}"
