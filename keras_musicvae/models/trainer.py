"""Training: one custom train step for the three backends.

What differs between backends (who computes gradients, how state travels) is in
`backends/`. What Keras's own step cannot do is here: the original's gradient rule, and
the diagnostics that show a posterior collapsing while it happens.
"""

from typing import Any

import keras
from keras import ops

from keras_musicvae.backends import distributed, native
from keras_musicvae.errors import TrainingError
from keras_musicvae.models.schedules import ExponentialDecayToFloor


class GrooveTrainer(keras.Model):
    """A `keras.Model` with the project's train step; subclasses give `compute_loss`.

    The gradient rule (Magenta's): where the global norm of the gradients is at least
    `gradient_skip_norm`, or not finite, all gradients become zero; otherwise they
    are clipped to the global norm `gradient_clip_norm`.
    """

    gradient_clip_norm: float | None
    gradient_skip_norm: float | None

    def compile(self, optimizer: Any = None, **kwargs: Any) -> None:
        """Configures training; `fit` calls it with the defaults if nobody else did.

        Args:
            optimizer: What `keras.Model.compile` takes. Defaults to the original's:
                Adam (0.9, 0.999, 1e-8) with a learning rate that falls from 1e-3
                towards 1e-5 by 0.9999 a step. Clipping by global norm is added to an
                optimizer that has none of its own.
            **kwargs: `jit_compile`, `steps_per_execution`, `run_eagerly`...

        Raises:
            TrainingError: A `loss` was given; the model has its own. Or the backend
                cannot train the model in this way or precision.
        """
        if kwargs.pop("loss", None) is not None:
            raise TrainingError(
                "MusicVAE has its own loss, reconstruction plus KL; `loss` must be "
                "left out."
            )
        dtype = self.dtype_policy.variable_dtype
        if dtype not in ("float32", "float64"):
            raise TrainingError(
                f"Weights in {dtype} cannot be trained: Adam's constants are 0 or 1 in "
                f"it. Use dtype='mixed_{dtype}', which keeps the weights in float32."
            )
        if optimizer is None:
            optimizer = keras.optimizers.Adam(ExponentialDecayToFloor(), epsilon=1e-8)
        super().compile(optimizer=optimizer, **kwargs)
        # Clipping belongs to the optimizer, which applies it to accumulated gradients.
        inner: Any = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        if not (inner.clipnorm or inner.clipvalue or inner.global_clipnorm):
            inner.global_clipnorm = self.gradient_clip_norm
        native.check_training(self)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles a loaded model as the saved one was; Keras calls it."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def make_train_function(self, force: bool = False) -> Any:
        """Makes the step that Keras repeats; `fit` calls it."""
        native.check_training(self)
        return super().make_train_function(force)

    # --- The step -------------------------------------------------------------

    def train_step(self, *arguments: Any) -> Any:
        """One step, called by `fit`: (data), or (state, data) on JAX."""
        return native.run_train_step(self, self._train_step, arguments)

    def _train_step(self, data: Any) -> dict[str, Any]:
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        _, gradients = native.value_and_gradients(
            self, lambda: self._scaled_loss(x, y, sample_weight)
        )
        gradients = distributed.mean_gradients(gradients)
        gradients, norm = self._without_explosion(gradients)
        native.apply_gradients(self, gradients, norm)
        return self.compute_metrics(x, y, None, sample_weight)

    def get_metrics_result(self) -> dict[str, Any]:
        """The metrics of all devices; Keras calls it after a step and an epoch."""
        return distributed.all_metrics(self, super().get_metrics_result)

    def _scaled_loss(self, x: Any, y: Any, sample_weight: Any) -> Any:
        y_pred = self(x, training=True)
        loss = self.compute_loss(x, y, y_pred, sample_weight, training=True)
        examples = ops.shape(keras.tree.flatten(x)[0])[0]
        tracker = next(metric for metric in self.metrics if metric.name == "loss")
        tracker.update_state(loss, sample_weight=examples)
        return self.optimizer.scale_loss(loss)

    def _without_explosion(self, gradients: list) -> tuple[list, Any]:
        """All zeros where the global norm is too large or not a number; their norm."""
        norm = native.global_norm(gradients)
        self.gradient_norm_tracker.update_state(norm)
        scaled = hasattr(self.optimizer, "inner_optimizer")
        if self.gradient_skip_norm is None or scaled:
            return gradients, norm  # loss scaling skips overflowing steps by itself
        sound = norm < self.gradient_skip_norm  # False for NaN
        # Every device skips it, and their counts add up.
        counts = distributed.first_example(1) == 0
        self.skipped_steps_tracker.update_state(
            ops.logical_and(ops.logical_not(sound), counts)
        )
        return native.zeros_unless(sound, gradients), ops.where(sound, norm, 0.0)
