"""The methods of `keras.Model`, for grooves: what they take, and what they refuse.

The step of training that they repeat is in `trainer.py`.
"""

from collections.abc import Mapping
from numbers import Number
from os import PathLike
from typing import Any

import keras
import numpy as np

from keras_musicvae.backends import native
from keras_musicvae.errors import (
    ConfigError,
    GrooveError,
    MissingExtraError,
    TrainingError,
    shown,
)
from keras_musicvae.grooves.frames import HITS
from keras_musicvae.grooves.inputs import is_music
from keras_musicvae.models.batch import check_batch, check_weights
from keras_musicvae.models.config import Architecture
from keras_musicvae.models.trainer import GrooveTrainer


class _NoTarget(np.ndarray):
    """Stands for `y` beside weights; Keras gives parts of it to `evaluate`."""


class GrooveModel(GrooveTrainer):
    """A `keras.Model` whose methods take music; subclasses say how it is read."""

    architecture: Architecture

    def __call__(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """What `call` gives; arrays are cast before Keras makes tensors of them."""
        if isinstance(x, Mapping | np.ndarray | list | tuple):
            x = check_batch(x, self.architecture)
        return super().__call__(x, *args, **kwargs)

    # --- Training and measuring -----------------------------------------------

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        *,
        sample_weight: Any = None,
        validation_data: Any = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains the model; compiles it with the defaults if it is not compiled.

        Args:
            x: Grooves (number, num_steps, 27), or a dictionary as `call` takes; music
                as the verbs take it, a path, a `Groove` or a list, which the
                preprocessor cuts into windows (silent ones are left out);
                `GrooveWindows`; or whatever
                `keras.Model.fit` takes: a dataset, a `PyDataset`, a generator.
            y: Left out; the target is `x`.
            batch_size: Grooves of a step. Defaults to 32.
            epochs: Passes over `x`. Defaults to 1.
            sample_weight: (number,), the weight of each groove in the loss.
            validation_data: As `x`, or a tuple (x,) or (x, None, sample_weight).
            **kwargs: As in `keras.Model.fit`.

        Raises:
            TrainingError: A target or class weights were given, or the backend cannot
                train the model as it is compiled.
            GrooveError, MidiError: Music that the preprocessor cannot read.

        Example:
            >>> model.fit(["a.mid", "b.mid"], epochs=10)  # doctest: +SKIP
        """
        if kwargs.get("class_weight") is not None:
            raise TrainingError(
                "Grooves have no classes; `class_weight` must be left out. Weigh each "
                "groove by `sample_weight`."
            )
        if validation_data is not None:
            if is_music(validation_data) or not isinstance(
                validation_data, list | tuple
            ):
                validation_data = (validation_data,)
            validation_data = self._prepared(*validation_data)
        x, y, sample_weight = self._prepared(x, y, sample_weight)
        self._compile_if_needed()
        return super().fit(
            x,
            y,
            batch_size=batch_size,
            epochs=epochs,
            sample_weight=sample_weight,
            validation_data=validation_data,
            **kwargs,
        )

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        *,
        sample_weight: Any = None,
        **kwargs: Any,
    ) -> Any:
        """The loss and its parts; the arguments are those of `fit`."""
        x, y, sample_weight = self._prepared(x, y, sample_weight)
        self._compile_if_needed()
        return super().evaluate(
            x, y, batch_size=batch_size, sample_weight=sample_weight, **kwargs
        )

    def predict(self, x: Any, **kwargs: Any) -> dict[str, Any]:
        """What `call` gives, as NumPy arrays; `x` as in `fit`."""
        return super().predict(self._prepared(x, silent=True)[0], **kwargs)

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, **kwargs: Any
    ) -> Any:
        """One step of training; the arguments are those of `fit`."""
        x, y, sample_weight = self._prepared(x, y, sample_weight)
        self._compile_if_needed()
        return super().train_on_batch(x, y, sample_weight=sample_weight, **kwargs)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, **kwargs: Any
    ) -> Any:
        """The loss of one batch; the arguments are those of `fit`."""
        x, y, sample_weight = self._prepared(x, y, sample_weight)
        self._compile_if_needed()
        return super().test_on_batch(x, y, sample_weight=sample_weight, **kwargs)

    def _prepared(
        self, x: Any, y: Any = None, sample_weight: Any = None, *, silent: bool = False
    ) -> tuple:
        """Music as arrays, checked, and weights that Keras would drop without a `y`.

        Windows of music without a hit are left out unless `silent`.
        """
        if not (y is None or y is x or isinstance(y, _NoTarget)):
            raise TrainingError(
                "The target is the input, so `y` must be left out. To read something "
                "else than what is to be played, give a dictionary, see `call`."
            )
        if is_music(x):
            x = self._batch_of(x)
            if not silent:
                sounding = x["grooves"][..., HITS].any(axis=(1, 2))
                x = {name: value[sounding] for name, value in x.items()}
        elif hasattr(x, "examples"):  # `GrooveWindows`
            x = self.to_batch(x.examples())
        if x is None or isinstance(x, Number):
            raise GrooveError(
                "Music, arrays, a dictionary of arrays or a dataset are needed. "
                f"Received: {shown(x)}"
            )
        examples = None
        if isinstance(x, Mapping) or hasattr(x, "dtype"):
            x = check_batch(x, self.architecture)
            examples = x["grooves"].shape[0]
            if examples == 0:
                raise GrooveError(
                    "There must be at least one groove with a hit. Received: none"
                )
        if sample_weight is None:
            return x, None, None
        try:
            weights = keras.ops.convert_to_numpy(sample_weight).astype("float32")
        except (TypeError, ValueError):
            raise GrooveError(
                "`sample_weight` must be an array of numbers. "
                f"Received: {shown(sample_weight)}"
            ) from None
        check_weights(weights, examples)
        return x, np.zeros_like(weights).view(_NoTarget), weights

    def _compile_if_needed(self) -> None:
        if not self.compiled:
            self.compile()

    # --- Files of other libraries ---------------------------------------------

    def export(
        self,
        filepath: str | PathLike[str],
        format: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Writes `call`, encoder and teacher-forced decoder, for other runtimes.

        What is written gives back the grooves that it reads, and makes no new ones:
        `export_onnx` writes what does.

        Args:
            filepath: File or folder to write.
            format: The one that the backend writes, the default: `"tf_saved_model"` on
                TensorFlow, and on JAX where TensorFlow is installed too; `"torch"` on
                PyTorch, for batches of one groove.
            **kwargs: As in `keras.Model.export`.

        Raises:
            ConfigError: Another format.
            MissingExtraError: JAX without TensorFlow.

        Example:
            >>> model.export("exported")  # doctest: +SKIP
        """
        if format not in (None, native.EXPORT_FORMAT):
            raise ConfigError(
                f"`format` must be {native.EXPORT_FORMAT!r} on this backend. "
                f"Received: {format!r}. To use new grooves elsewhere, write them as "
                "MIDI files, `model.sample(8)[0].save('groove.mid')`."
            )
        kwargs.setdefault("input_signature", self._input_signature())
        try:
            super().export(str(filepath), native.EXPORT_FORMAT, **kwargs)
        except ImportError as error:
            raise MissingExtraError(
                f"The format {native.EXPORT_FORMAT!r} needs TensorFlow besides this "
                'backend. Install it with `pip install "keras-musicvae[tensorflow]"`.'
            ) from error

    def export_onnx(
        self, folder: str | PathLike[str], *, dtype: str = "float32"
    ) -> list[PathLike[str]]:
        """Writes encoder, prior and sampler as ONNX graphs, which make new grooves.

        Arguments, result and errors as in `keras_musicvae.export.onnx.export_onnx`.

        Example:
            >>> model.export_onnx("onnx")  # doctest: +SKIP
        """
        from keras_musicvae.export.onnx import export_onnx

        return export_onnx(self, folder, dtype=dtype)

    def quantize(self, *args: Any, **kwargs: Any) -> None:
        """Not supported: Keras quantizes no LSTM, and could not load the result.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            "MusicVAE cannot be quantized: Keras quantizes no LSTM, which has nearly "
            "all of the weights. dtype='bfloat16' halves the memory of a model."
        )

    # --- What subclasses say --------------------------------------------------

    def _batch_of(self, music: Any) -> Any:
        """Music as the arrays that `call` takes."""
        raise NotImplementedError

    def _input_signature(self) -> list[Any]:
        """The shapes of what `call` takes."""
        raise NotImplementedError
