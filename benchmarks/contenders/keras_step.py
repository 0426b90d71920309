"""What the contenders that are Keras models share: steps as `fit` does them."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from benchmarks.contenders.device import wait_for
from benchmarks.tasks import Arrays
from keras_musicvae.backends import native


class KerasStep:
    """The compiled train step of a Keras model on one batch, again and again.

    It is what `fit` calls for each batch, `model.train_function`, without the feeding
    and the callbacks around it; the batch is on the device already.

    Args:
        model: Compiled.
        data: One batch, as `fit` would get it.
    """

    def __init__(self, model: Any, data: Any) -> None:
        self.model = model
        self.data = keras.tree.map_structure(keras.ops.convert_to_tensor, (data,))
        self.backend = keras.backend.backend()
        model.optimizer.build(model.trainable_variables)
        model.make_train_function()
        if self.backend == "tensorflow":
            import tensorflow as tf

            self.batches = iter(tf.data.Dataset.from_tensors(self.data).repeat())
        elif self.backend == "jax":
            self.state = model._get_jax_state(
                trainable_variables=True,
                non_trainable_variables=True,
                optimizer_variables=True,
                metrics_variables=True,
                purge_model_variables=True,
            )

    def run(self, repeats: int) -> None:
        """Does so many steps and waits for the last."""
        logs = None
        for _ in range(repeats):
            if self.backend == "torch":
                logs = self.model.train_function([self.data])
            elif self.backend == "tensorflow":
                logs = self.model.train_function(self.batches)
            else:
                logs, self.state = self.model.train_function(
                    self.state, iter([self.data])
                )
        wait_for(self.backend, (logs, getattr(self, "state", None)))


def assign(model: Any, weights: Arrays, names: Mapping[str, str]) -> None:
    """Sets the weights of a model.

    Args:
        model: Built.
        weights: Values by our names.
        names: Our names by the model's.
    """
    for variable in model.trainable_variables:
        variable.assign(weights[names[variable.path]])


def training_outputs(
    model: Any, data: dict[str, Any], names: Mapping[str, str]
) -> Arrays:
    """`Contender.outputs` of a compiled Keras model in training."""
    loss, gradients = _value_and_gradients(model, data)
    outputs = {"loss": loss}
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        name = names[variable.path]
        outputs[f"gradient/{name}"] = gradient
    outputs["later_loss"] = third_loss(lambda: _step_loss(model, data))
    return outputs


def third_loss(step: Callable[[], Any]) -> Any:
    """The loss after two updates, of a `step` that updates and gives the loss."""
    return np.float32([step() for _ in range(3)][2])


def _value_and_gradients(model: Any, data: dict[str, Any]) -> tuple[Any, list]:
    def function(*arrays: Any) -> tuple[Any, list]:
        x = dict(zip(data, arrays, strict=True))
        return native.value_and_gradients(
            model,
            lambda: model.compute_loss(x=x, y_pred=model(x, training=True)),
        )

    if keras.backend.backend() != "torch":  # where it would be slow uncompiled
        return native.compiled(model, function)(*data.values())
    loss, gradients = function(*map(keras.ops.convert_to_tensor, data.values()))
    to_numpy = keras.ops.convert_to_numpy
    return to_numpy(loss), [to_numpy(gradient) for gradient in gradients]


def _step_loss(model: Any, data: dict[str, Any]) -> Any:
    model.reset_metrics()
    return model.train_on_batch(data, return_dict=True)["loss"]
