"""A trained model as the evaluation sees it: arrays in, arrays out, in batches."""

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_musicvae.errors import EvaluationError

if TYPE_CHECKING:
    from keras_musicvae.models.music_vae import MusicVAE

BATCH_SIZE = 128
_MIDDLE = 0.5  # noise that stands for the median draw


class System:
    """Encodes, reconstructs and plays with a `MusicVAE`, compiled for its backend.

    The noise of a window depends on the seed, a label and its position alone: not on
    the batch size, nor on the backend.

    Args:
        model: A model without controls.
        batch_size: Windows at once. Defaults to 128.
        on_progress: Called with a number of windows whenever a batch is done.

    Raises:
        EvaluationError: The model needs controls, which windows do not have.
    """

    def __init__(
        self,
        model: "MusicVAE",
        *,
        batch_size: int = BATCH_SIZE,
        on_progress: Callable[[int], None] = lambda windows: None,
    ) -> None:
        from keras_musicvae.backends import native

        if model.control_dim:
            raise EvaluationError(
                "A model with controls cannot be evaluated from windows alone. "
                f"Received: control_dim={model.control_dim}"
            )
        if batch_size < 1:
            raise EvaluationError(f"`batch_size` must be >= 1. Received: {batch_size}")
        self.model = model
        self.batch_size = batch_size
        self.on_progress = on_progress
        self._examine = native.compiled(model, self._examine_batch)
        self._write = native.compiled(model, self._write_batch)

    def examine(self, grooves: np.ndarray) -> dict[str, np.ndarray]:
        """Encodes grooves and decodes their z = mu with teacher forcing.

        Args:
            grooves: (n, steps, 27) float32.

        Returns:
            `z_mean`, `z_stddev` (n, latent_dim); `forced` (n, steps, 27), the
            deterministic draw at each step given the true steps before; `hits`,
            `velocities`, `offsets` (n,), the reconstruction loss of the model's own
            heads; and `original` (n,), that of the original's formula, unless the
            heads cannot tell what they expect.
        """
        return self._in_batches(self._examine, grooves)

    def play(
        self, z: np.ndarray, *, temperature: float, seed: int, label: str
    ) -> np.ndarray:
        """Decodes latents freely: (n, latent_dim) -> (n, steps, 27) float32.

        Args:
            z: (n, latent_dim).
            temperature: 0 is deterministic.
            seed: Of the noise.
            label: Tells this use of the seed from others.
        """
        temperatures = np.full(len(z), temperature, np.float32)
        noise = _Noise(self.noise_shape, seed, label)
        return self._in_batches(self._write, z.astype(np.float32), noise, temperatures)

    @property
    def noise_shape(self) -> tuple[int, int]:
        """Uniform numbers that a groove is drawn from."""
        return (self.model.num_steps, self.model.heads.noise_dim)

    def _examine_batch(self, grooves: Any) -> dict[str, Any]:
        from keras import ops

        from keras_musicvae.models.heads import SquaredErrorHeads
        from keras_musicvae.models.losses import reconstruction_losses

        heads = self.model.heads
        z_mean, z_stddev = self.model.posterior(grooves)
        outputs = self.model.teacher_forced(z_mean, grooves)
        noise = ops.full((*ops.shape(outputs)[:-1], heads.noise_dim), _MIDDLE)
        terms = reconstruction_losses(heads, outputs, grooves)
        result = {
            "z_mean": z_mean,
            "z_stddev": z_stddev,
            "forced": heads.draw(outputs, 0.0, noise),
            **terms,
        }
        if isinstance(heads, SquaredErrorHeads):
            result["original"] = terms["hits"] + terms["velocities"] + terms["offsets"]
        elif hasattr(heads, "expected"):
            expected = heads.expected(outputs)
            result["original"] = _original_loss(expected, grooves)
        return result

    def _write_batch(self, z: Any, noise: Any, temperatures: Any) -> Any:
        grooves, _ = self.model.write(z, noise, temperatures[0])
        return grooves

    def _in_batches(self, function: Callable, *arrays: Any) -> Any:
        """Runs in batches of one size, the last one filled up, so none recompiles."""
        length = len(arrays[0])
        results = []
        for start in range(0, length, self.batch_size):
            indices = np.arange(start, start + self.batch_size)
            here = min(self.batch_size, length - start)
            batch = [array[np.minimum(indices, length - 1)] for array in arrays]
            results.append(_first(function(*batch), here))
            self.on_progress(here)
        return _joined(results)


class _Noise:
    """Uniform numbers in (0, 1), made when they are asked for, window by window."""

    def __init__(self, shape: tuple[int, int], seed: int, label: str) -> None:
        self._shape = shape
        self._key = (seed, zlib.crc32(label.encode()))

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        windows = [
            np.random.default_rng((*self._key, int(index))).random(self._shape)
            for index in indices
        ]
        # Neither 0 nor 1 in float32: their logits are infinite.
        tiny = 2.0**-24
        return np.clip(np.stack(windows), tiny, 1.0 - tiny).astype(np.float32)


def _original_loss(expected: Any, grooves: Any) -> Any:
    """The original's reconstruction loss of each groove, (batch,), for any heads.

    Its squared errors count at rests too, with the target 0. The prediction that is
    fair to heads that model velocity and offset of hits alone is therefore the
    expectation over hit and rest, P(hit) * E[velocity | hit], which they give.
    """
    from keras import ops

    from keras_musicvae.models.heads import EPSILON

    chance, velocities, offsets = ops.split(expected, 3, axis=-1)
    hits, real_velocities, real_offsets = ops.split(grooves, 3, axis=-1)
    cross_entropy = -(
        hits * ops.log(chance + EPSILON)
        + (1.0 - hits) * ops.log(1.0 - chance + EPSILON)
    )
    squares = ops.square(velocities - real_velocities)
    squares = squares + ops.square(offsets - real_offsets)
    return ops.sum(cross_entropy + squares, axis=(1, 2))


def _first(batch: Any, rows: int) -> Any:
    if isinstance(batch, dict):
        return {name: np.asarray(array)[:rows] for name, array in batch.items()}
    return np.asarray(batch)[:rows]


def _joined(batches: list[Any]) -> Any:
    if isinstance(batches[0], dict):
        return {
            name: np.concatenate([batch[name] for batch in batches])
            for name in batches[0]
        }
    return np.concatenate(batches)
