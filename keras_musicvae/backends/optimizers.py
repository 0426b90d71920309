"""Whether an optimizer does nothing but Adam's formula, for which kernels exist."""

from typing import Any

import keras

# What Keras's optimizers can do besides; where any is on, Keras's own way is taken.
_EXTRAS = (
    "amsgrad",
    "clipnorm",
    "clipvalue",
    "gradient_accumulation_steps",
    "loss_scale_factor",
    "use_ema",
    "weight_decay",
)

# Keras has no public way to the moments. In a version without these, its own way is
# taken: the same steps, somewhat slower.
_PRIVATE = ("_get_variable_index", "_momentums", "_velocities")


def is_plain_adam(optimizer: Any, variables: list) -> bool:
    """Whether a step is: clip to `global_clipnorm` (if any), then Adam's formula.

    Keras writes Adam as some nine passes over all weights. With five million of them
    that is a twentieth of a train step on a CPU, where PyTorch and TensorFlow have one
    kernel that passes once. (XLA makes such a kernel by itself.)

    Args:
        optimizer: A Keras optimizer.
        variables: What it is about to change.
    """
    return (
        isinstance(optimizer, keras.optimizers.Adam)
        and type(optimizer).update_step is keras.optimizers.Adam.update_step
        and optimizer.built
        and all(hasattr(optimizer, name) for name in _PRIVATE)
        and not any(getattr(optimizer, name) for name in _EXTRAS)
        and not any(variable.constraint for variable in variables)
        and all(variable.dtype == "float32" for variable in variables)
    )


def adam_moments(optimizer: Any, variables: list) -> tuple[list, list]:
    """The backend's tensors of the first and second moments of `variables`."""
    indices = [optimizer._get_variable_index(variable) for variable in variables]
    return (
        [optimizer._momentums[index].value for index in indices],
        [optimizer._velocities[index].value for index in indices],
    )
