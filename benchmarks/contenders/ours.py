"""keras-musicvae: the package as its users call it."""

from typing import Any

import keras
import numpy as np

from benchmarks.contenders.keras_step import KerasContender
from benchmarks.tasks import BETA, FREE_BITS, LEARNING_RATE
from keras_musicvae import MusicVAE

_PARTS = {
    "encoder/forward_0": "encoder/forward",
    "encoder/backward_0": "encoder/backward",
    "latent/mean": "mean",
    "latent/stddev": "stddev",
    "output_projection": "output",
}


class Ours(KerasContender):
    """The train step that `fit` calls; the verbs `decode` and `encode`."""

    def make_model(self) -> MusicVAE:
        size = self.task.size
        model = MusicVAE(
            num_bars=size.num_bars,
            encoder_units=(size.encoder_units,),
            latent_dim=size.latent_dim,
            conductor_units=size.conductor_units or None,
            decoder_units=size.decoder_units,
            free_bits=FREE_BITS,
            beta=BETA,
            dropout=0.0,
            preprocessor=None,
            dtype=self.task.keras_dtype,
        )
        model.compile(keras.optimizers.Adam(LEARNING_RATE, epsilon=1e-8))
        return model

    def batch(self, epsilon: Any = None) -> dict[str, Any]:
        grooves = {"grooves": self.inputs["grooves"]}
        return grooves if epsilon is None else {**grooves, "noise": epsilon}

    def encode(self) -> tuple[Any, Any]:
        return self.model.encode(self.inputs["grooves"])

    def sample(self, noise: Any) -> Any:
        return self.model.inference.decode(self.inputs["z"], noise, 1.0)

    def draw_and_sample(self) -> None:
        self.model.decode(self.inputs["z"], temperature=1.0, seed=1)

    def name(self, path: str) -> str:
        dropped = ("lstm_cell", "dense")
        *parts, kind = [p for p in path.split("/")[1:] if p not in dropped]
        if parts[:2] == ["latent", parts[-1]] or parts[0] == "encoder":
            return f"{_PARTS['/'.join(parts)]}/{kind}"
        last = parts[-1]
        if last == "output_projection":
            return f"output/{kind}"
        player = "notes" if "note_decoder" in parts else "conductor"
        if last.startswith("initial_state"):
            return f"{player}/start/{kind}"
        return f"{player}/{last.rpartition('_')[2]}/{kind}"


class OursFit(Ours):
    """`model.fit` on NumPy arrays: the step, the feeding, the progress of the logs."""

    def train(self, repeats: int) -> None:
        """One epoch of so many steps."""
        grooves = np.tile(self.inputs["grooves"], (repeats, 1, 1))
        self.model.fit(grooves, batch_size=self.task.batch, shuffle=False, verbose=0)
