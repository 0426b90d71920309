"""What changes while a model trains, as functions of the training step."""

import math
from typing import Any

import keras
from keras import ops


def beta_at(step: Any, beta: float, beta_rate: float) -> Any:
    """The weight of the KL: `beta * (1 - beta_rate ** step)`.

    Args:
        step: Number of training steps done so far, a scalar tensor.
        beta: The weight that is approached.
        beta_rate: In [0, 1); 0 means `beta` from the first step on, 0.99999 an
            annealing over some hundred thousand steps.

    Returns:
        A float32 scalar.
    """
    if beta_rate == 0.0:
        return ops.convert_to_tensor(beta, dtype="float32")
    return beta * (1.0 - _power(beta_rate, step))


def _power(base: float, step: Any) -> Any:
    return ops.exp(ops.cast(step, "float32") * math.log(base))


@keras.saving.register_keras_serializable(package="keras_musicvae")
class ExponentialDecayToFloor(keras.optimizers.schedules.LearningRateSchedule):
    """The original's learning rate: `(initial - floor) * decay ** step + floor`.

    Args:
        initial: Learning rate of the first step. Defaults to 1e-3.
        floor: Learning rate that is approached. Defaults to 1e-5.
        decay: Factor per step. Defaults to 0.9999.
    """

    def __init__(
        self, initial: float = 1e-3, floor: float = 1e-5, decay: float = 0.9999
    ) -> None:
        super().__init__()
        self.initial = initial
        self.floor = floor
        self.decay = decay

    def __call__(self, step: Any) -> Any:
        """The learning rate of a step."""
        return (self.initial - self.floor) * _power(self.decay, step) + self.floor

    def get_config(self) -> dict:
        """The arguments of the constructor."""
        return {"initial": self.initial, "floor": self.floor, "decay": self.decay}
