"""A trained model as the evaluation sees it: arrays in, arrays out."""

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_musicvae.errors import EvaluationError
from keras_musicvae.grooves.examples import Examples

if TYPE_CHECKING:
    from keras_musicvae.models.music_vae import MusicVAE

BATCH_SIZE = 128
_MIDDLE = 0.5  # noise that stands for the median draw


class System:
    """Encodes, reconstructs and plays with a `MusicVAE`.

    Grooves are played by the model's own verbs, so what is measured is what users get:
    `model.sample(n, temperature=t, seed=s)` are the very samples.

    Args:
        model: The model.
        batch_size: Windows encoded at once. Defaults to 128.

    Raises:
        EvaluationError: `batch_size` is below 1.
    """

    def __init__(
        self,
        model: "MusicVAE",
        *,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        if batch_size < 1:
            raise EvaluationError(f"`batch_size` must be >= 1. Received: {batch_size}")
        self.model = model
        self.batch_size = batch_size

    def examine(self, grooves: np.ndarray) -> dict[str, np.ndarray]:
        """Encodes grooves and decodes their z = mu with teacher forcing.

        The model is given what its task says, such as the hits alone; the target is
        the performance.

        Args:
            grooves: (n, steps, 27) float32.

        Returns:
            `z_mean`, `z_stddev` (n, latent_dim); `forced` (n, steps, 27), the
            deterministic draw at each step given the true steps before; `hits`,
            `velocities`, `offsets` (n,), the reconstruction loss of the model's own
            heads; and `original` (n,), that of the original's formula.
        """
        batches = []
        for start in range(0, len(grooves), self.batch_size):
            batch = grooves[start : start + self.batch_size]
            # The last batch is filled up to the size of the others: one compilation.
            padding = ((0, self.batch_size - len(batch)), (0, 0), (0, 0))
            padded = np.pad(batch, padding, mode="edge")
            examples = Examples(padded, self.model.num_bars)
            outputs = self.model.predict_on_batch(self.model.to_batch(examples))
            results = {name: np.asarray(x)[: len(batch)] for name, x in outputs.items()}
            outputs = results.pop("outputs")
            batches.append(results | self._read(outputs, batch))
        return {
            name: np.concatenate([batch[name] for batch in batches])
            for name in batches[0]
        }

    def decode(
        self,
        z: np.ndarray,
        *,
        temperature: float,
        seed: int,
        grooves: np.ndarray | None = None,
    ) -> np.ndarray:
        """Decodes latents freely: (n, latent_dim) -> (n, steps, 27) float32.

        `grooves` (n, steps, 27) are what the task of the model knows a part of.
        """
        known = grooves if self._knows else None
        return self._arrays(
            self.model.decode(z, temperature=temperature, seed=seed, known=known)
        )

    def sample(
        self,
        number: int,
        *,
        temperature: float,
        seed: int,
        grooves: np.ndarray | None = None,
        **wishes: Any,
    ) -> np.ndarray:
        """Decodes draws of the prior: (number, steps, 27) float32.

        `grooves`, over and over, are what the task of the model knows a part of;
        `wishes` are conditions.
        """
        settings: Any = {"temperature": temperature, "seed": seed, **wishes}
        if not self._knows or grooves is None:
            return self._arrays(self.model.sample(number, **settings))
        known = grooves[np.resize(np.arange(len(grooves)), number)]
        return self._arrays(self.model.sample(1, known=known, **settings))

    @property
    def _knows(self) -> bool:
        converter = self.model.preprocessor
        return converter is not None and converter.task.knows

    def vary(self, grooves: np.ndarray, *, similarity: float, seed: int) -> np.ndarray:
        """One variation of each groove, (n, steps, 27), at the verb's temperature."""
        return self._arrays(
            self.model.similar(list(grooves), similarity=similarity, seed=seed)
        )

    def between(
        self,
        start: np.ndarray,
        end: np.ndarray,
        steps: int,
        *,
        temperature: float,
        seed: int,
    ) -> np.ndarray:
        """Grooves from one window to another: (steps, num_steps, 27)."""
        known = [start] if self._knows else None
        return self._arrays(
            self.model.interpolate(
                [start, end], steps, temperature=temperature, seed=seed, known=known
            )
        )

    def _arrays(self, played: Any) -> np.ndarray:
        converter = self.model.preprocessor
        if converter is not None:
            played = np.stack([converter.to_array(groove) for groove in played])
        return played

    def _read(self, outputs: np.ndarray, grooves: np.ndarray) -> dict[str, np.ndarray]:
        """What teacher-forced outputs mean, and what they cost."""
        from keras import ops

        from keras_musicvae.models.losses import reconstruction_losses

        heads = self.model.heads
        noise = np.full((*outputs.shape[:-1], heads.noise_dim), _MIDDLE, np.float32)
        thresholds = heads.noise_thresholds(ops.convert_to_tensor(noise), 0.0)
        given = ops.convert_to_tensor(outputs)
        real = ops.convert_to_tensor(grooves)
        terms = reconstruction_losses(heads, given, real)
        result = {
            "forced": heads.draw(given, thresholds),
            **terms,
        }
        result["original"] = _original_loss(heads.expected(given), real)
        return {name: ops.convert_to_numpy(value) for name, value in result.items()}


def _original_loss(expected: Any, grooves: Any) -> Any:
    """The original's reconstruction loss of each groove, (batch,), for any heads.

    Its squared errors count at rests too, with the target 0. The prediction that is
    fair to heads that model velocity and offset of hits alone is therefore the
    expectation over hit and rest, P(hit) * E[velocity | hit], which they give.
    """
    from keras import ops

    from keras_musicvae.models.heads.squared_error import squared_error_losses

    losses = squared_error_losses(expected, grooves)
    return ops.sum(sum(losses.values()), axis=-1)
