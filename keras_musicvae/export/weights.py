"""The weights of a model under names of their own, for other runtimes."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from keras_musicvae.errors import ConfigError
from keras_musicvae.models.encoder import BidirectionalEncoder

Weights = dict[str, NDArray[np.float32]]

DTYPES = ("float16", "float32")
# What the runtimes know; other models are refused.
SUPPORTED = {
    "conductor_units": None,
    "known": "nowhere",
    "plan_dim": 0,
    "encoder_skip": False,
    "heads": "chained",
}


def check_exportable(model: Any) -> None:
    """Raises `ConfigError` for a model that other runtimes cannot run."""
    for name, supported in SUPPORTED.items():
        value = getattr(model.architecture, name)
        if value != supported:
            raise ConfigError(
                f"Only models with {name}={supported!r} can be exported, such as the "
                f"preset groove_4bar. Received: {name}={value!r}"
            )


def named_weights(model: Any) -> Weights:
    """The weights of a model by their place, in float32.

    Args:
        model: A `MusicVAE`.

    Returns:
        Arrays by names such as `decoder.lstm.0.kernel`, in Keras's layout: kernels
        (inputs, outputs); the gates of an LSTM in the order input, forget, cell,
        output.

    Raises:
        ConfigError: A model of another kind, see `SUPPORTED`.

    Example:
        >>> named_weights(model)["latent.mean.kernel"].shape  # doctest: +SKIP
        (415, 64)
    """
    check_exportable(model)
    found: dict[str, Any] = {}
    if isinstance(model.encoder, BidirectionalEncoder):
        _add_encoder(found, "encoder", model.encoder)
    else:
        _add_encoder(found, "encoder.bar", model.encoder.bar_encoder)
        _add_encoder(found, "encoder.bars", model.encoder.bars_encoder)
    _add_dense(found, "latent.mean", model.latent.mean)
    _add_dense(found, "latent.stddev", model.latent.stddev)
    if model.prior_units:
        found["prior.centre"] = model.prior.centre_weight
        found["prior.scale"] = model.prior.scale_weight
        for i, layer in enumerate(model.prior.layers):
            _add_dense(found, f"prior.dense.{i}", layer)
    _add_dense(found, "decoder.initial", model.decoder.initial_state.dense)
    for i, layer in enumerate(model.decoder.cells):
        _add_lstm(found, f"decoder.lstm.{i}", layer)
    _add_dense(found, "decoder.output", model.decoder.output_projection)
    found["heads.hit_chain"] = model.heads.hit_chain
    found["heads.value_chain"] = model.heads.value_chain
    found["heads.hits"] = model.heads.hits.kernel
    _add_dense(found, "heads.values", model.heads.values)
    return {
        name: np.asarray(keras.ops.convert_to_numpy(weight)).astype(np.float32)
        for name, weight in found.items()
    }


def _add_encoder(found: dict[str, Any], name: str, encoder: Any) -> None:
    directions = {
        "forward": encoder.forward_layers,
        "backward": encoder.backward_layers,
    }
    for direction, layers in directions.items():
        for i, layer in enumerate(layers):
            _add_lstm(found, f"{name}.{direction}.{i}", layer)


def _add_lstm(found: dict[str, Any], name: str, layer: Any) -> None:
    found[f"{name}.kernel"] = layer.cell.kernel
    found[f"{name}.recurrent"] = layer.cell.recurrent_kernel
    found[f"{name}.bias"] = layer.cell.bias


def _add_dense(found: dict[str, Any], name: str, layer: Any) -> None:
    found[f"{name}.kernel"] = layer.kernel
    found[f"{name}.bias"] = layer.bias
