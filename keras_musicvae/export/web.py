"""The page of the studio with the weights of a model, as files for any static host."""

import gzip
import json
from os import PathLike
from typing import Any

import numpy as np

from keras_musicvae.errors import ConfigError, shown
from keras_musicvae.export.kit import kit_samples
from keras_musicvae.export.weights import DTYPES, Weights, named_weights
from keras_musicvae.files import replacing_files, user_path
from keras_musicvae.grooves.conditions import (
    ChoiceCondition,
    FlagCondition,
    NumberCondition,
    RankedCondition,
    find_condition,
)
from keras_musicvae.grooves.drum_maps import DRUM_MAPS, DrumMap
from keras_musicvae.studio.page import page_files

# The encoder tells where music lies, which it knows much less exactly than this: fewer
# bits make a smaller file.
ENCODER_BITS = 4

_KINDS = {
    "choice": ChoiceCondition,
    "flag": FlagCondition,
    "number": NumberCondition,
    "ranked": RankedCondition,
}


def export_web(
    model: Any, folder: str | PathLike[str], *, dtype: str = "float16"
) -> list[PathLike[str]]:
    """Writes the studio as a static page, which needs no server of its own.

    Args:
        model: A `MusicVAE` with a preprocessor.
        folder: Where to; it is created if it does not exist, and files of the same
            names are replaced.
        dtype: `"float16"`, or `"float32"` for the notes of Python to the last one, at
            twice the size. Defaults to `"float16"`.

    Returns:
        The files.

    Raises:
        ConfigError: A model that the page cannot run, or another dtype.
        OutputError: The files cannot be written.

    Example:
        >>> export_web(model, "site")  # doctest: +SKIP
    """
    files = web_files(model, dtype=dtype)
    with replacing_files(folder, list(files)) as temporary:
        for content, path in zip(files.values(), temporary, strict=True):
            path.write_bytes(content)
    return [user_path(folder) / name for name in files]


def web_files(model: Any, *, dtype: str = "float16") -> dict[str, bytes]:
    """The files of `export_web`, by their paths in the folder."""
    if dtype not in DTYPES:
        raise ConfigError(
            f"`dtype` must be one of {', '.join(DTYPES)}. Received: {shown(dtype)}"
        )
    converter = model.preprocessor
    if converter is None:
        raise ConfigError(
            "The page needs a model with a preprocessor. Set `model.preprocessor = "
            "GrooveConverter(...)`."
        )
    # The page needs the mean of the posterior only.
    weights = {
        name: array
        for name, array in named_weights(model).items()
        if not name.startswith("latent.stddev")
    }
    kit, samples = kit_samples()
    names = (
        "num_bars",
        "steps_per_bar",
        "hierarchical_encoder",
        "latent_dim",
        "lookback",
        "hit_threshold",
        "hit_temperature",
        "velocity_temperature",
        "timing_temperature",
    )
    config = {
        "architecture": {name: getattr(model.architecture, name) for name in names},
        "time_signature": list(converter.time_signature),
        "steps_per_quarter": converter.steps_per_quarter,
        "drum_map": converter.drum_map.name,
        "drum_maps": _drum_maps(converter.drum_map),
        "conditions": _conditions(converter.conditions),
        "kit": kit,
        "weights": {
            "dtype": dtype,
            "tensors": [
                {"name": name, "shape": array.shape} for name, array in weights.items()
            ],
        },
    }
    return {
        **page_files(),
        "model.json": json.dumps(config).encode(),
        "weights.bin": pack_weights(weights, dtype),
        "kit.bin": gzip.compress(samples, mtime=0),
    }


def pack_weights(weights: Weights, dtype: str) -> bytes:
    """The numbers of all weights, compressed.

    The first bytes of all numbers come first, then the second ones: sign and exponent
    repeat, the rest does not.
    """
    parts = []
    for name, array in weights.items():
        numbers = array.astype(dtype)
        if dtype == "float16" and name.startswith("encoder."):
            numbers = _rounded(numbers, ENCODER_BITS)
        parts.append(numbers.ravel())
    numbers = np.concatenate(parts)
    planes = numbers.view(np.uint8).reshape(-1, numbers.itemsize).T
    return gzip.compress(planes.tobytes(), mtime=0)


def _rounded(numbers: Any, bits: int) -> Any:
    """float16 numbers with so many bits after the leading one."""
    lost = 10 - bits
    half = np.uint16(1 << (lost - 1))
    return ((numbers.view(np.uint16) + half) >> lost << lost).view(np.float16)


def _drum_maps(own: DrumMap) -> dict[str, Any]:
    """Of each map the drum of each pitch it knows, and the pitch that writes a drum."""
    return {
        name: {
            "drums": {
                str(pitch): drum
                for pitch in range(128)
                if (drum := one.drum_of(pitch)) is not None
            },
            "written": one.written_pitches.tolist(),
        }
        for name, one in {**DRUM_MAPS, own.name: own}.items()
    }


def _conditions(vocabularies: dict[str, Any]) -> list[dict[str, Any]]:
    conditions = []
    for name, vocabulary in vocabularies.items():
        condition = find_condition(name)
        kind = next(k for k, cls in _KINDS.items() if isinstance(condition, cls))
        conditions.append(
            {
                "name": name,
                "kind": kind,
                "text": condition.text,
                "default": condition.default,
                "drawn": condition.drawn,
                "vocabulary": vocabulary,
            }
        )
    return conditions
