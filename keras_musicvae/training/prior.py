"""Fits the prior of a trained model to the latents of grooves, by flow matching."""

import math
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

if TYPE_CHECKING:
    from keras_musicvae.datasets.windows import GrooveWindows
    from keras_musicvae.models.music_vae import MusicVAE
    from keras_musicvae.training.fills import FillSplicer

# Steps of the fit: one for so many latents, within these bounds.
FEWEST_STEPS, STEPS = 500, 4000
LATENTS_OF_A_STEP = 7
BATCH_SIZE = 256
LEARNING_RATE = 1e-3
# Passes over the windows, each with other conditions left open.
PASSES = 2
# Windows that are encoded at once.
ENCODED_AT_ONCE = 512


def fit_prior(
    model: "MusicVAE",
    windows: "GrooveWindows",
    *,
    fills: "FillSplicer | None" = None,
    seed: int = 0,
) -> None:
    """Fits `model.prior` to the posteriors of windows and their conditions.

    Noise e and a latent z are joined by a straight line, and the network learns the
    direction of the lines through each point x = (1 - t) e + t z: the mean of z - e,
    by least squares (arXiv 2210.02747, equation 23, with no noise left at t = 1).

    Args:
        model: A trained model; without `prior_units` nothing is done.
        windows: What it was trained on.
        fills: Puts fills at the end of some windows, as in training. Defaults to None.
        seed: Of the initial weights and of all noise. Defaults to 0.
    """
    prior = model.prior
    if not prior.units:
        return
    generator = np.random.default_rng(seed)
    mean, stddev, condition = _posteriors(model, windows, fills, generator)
    centre = mean.mean(axis=0)
    scale = np.sqrt(mean.var(axis=0) + (stddev**2).mean(axis=0)) + 1e-6
    prior.centre_weight.assign(centre)
    prior.scale_weight.assign(scale)
    for layer in prior.layers:
        limit = math.sqrt(6.0 / sum(layer.kernel.shape))
        kernel = generator.uniform(-limit, limit, layer.kernel.shape)
        last = layer is prior.layers[-1]
        layer.kernel.assign(0.0 * kernel if last else kernel)
        layer.bias.assign(np.zeros(layer.bias.shape))
    steps = min(STEPS, max(FEWEST_STEPS, len(mean) // LATENTS_OF_A_STEP))
    lines = _Lines((mean - centre) / scale, stddev / scale, condition, steps, seed)
    network = keras.Sequential([keras.Input((lines.width,)), prior])
    prior.trainable = True
    try:
        network.compile(
            keras.optimizers.AdamW(
                keras.optimizers.schedules.CosineDecay(
                    LEARNING_RATE / 100,
                    steps - steps // 50,
                    warmup_target=LEARNING_RATE,
                    warmup_steps=steps // 50,
                ),
                weight_decay=1e-3,
            ),
            loss="mse",
        )
        network.fit(lines, epochs=1, shuffle=False, verbose=0)
    finally:
        prior.trainable = False


def _posteriors(
    model: "MusicVAE",
    windows: "GrooveWindows",
    fills: "FillSplicer | None",
    generator: np.random.Generator,
) -> tuple[Any, Any, Any]:
    """z_mean, z_stddev and condition of all windows, several times over."""
    parts = []
    for _ in range(PASSES if model.condition_dim else 1):
        for start in range(0, len(windows), ENCODED_AT_ONCE):
            rows = np.arange(len(windows))[start : start + ENCODED_AT_ONCE]
            examples = windows.examples(rows)
            if fills is not None:
                examples = fills(examples, rows, generator)
            batch = model.to_batch(examples, generator=generator, leave_open=True)
            none = np.zeros((len(examples), 0), np.float32)
            condition = batch.get("condition", none)
            parts.append((*model.inference.encode(batch), condition))
    mean, stddev, condition = (
        np.concatenate(arrays) for arrays in zip(*parts, strict=True)
    )
    return mean, stddev, condition


class _Lines(keras.utils.PyDataset):
    """Points on lines from noise to latents, and the directions of the lines."""

    def __init__(
        self, mean: Any, stddev: Any, condition: Any, steps: int, seed: int
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self.mean, self.stddev, self.condition = mean, stddev, condition
        self.steps, self.seed = steps, seed
        self.width = mean.shape[1] + 1 + condition.shape[1]

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        generator = np.random.default_rng([self.seed, index])
        rows = generator.integers(len(self.mean), size=BATCH_SIZE)
        shape = (BATCH_SIZE, self.mean.shape[1])
        noise, spread = generator.standard_normal((2, *shape), np.float32)
        end = self.mean[rows] + self.stddev[rows] * spread
        # More in the middle than at the ends (Esser et al. 2024, arXiv 2403.03206).
        logit = generator.standard_normal((BATCH_SIZE, 1), np.float32)
        time = 1.0 / (1.0 + np.exp(-logit))
        point = (1.0 - time) * noise + time * end
        inputs = np.concatenate([point, time, self.condition[rows]], axis=1)
        return inputs.astype(np.float32), (end - noise).astype(np.float32)
