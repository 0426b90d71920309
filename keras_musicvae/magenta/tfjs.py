"""TensorFlow.js weights: `weights_manifest.json`, its shards, and Magenta's config.

The manifest lists groups; the shards of a group, joined, hold its weights one behind
the other, as float32 or quantised to 1 or 2 bytes: value = scale * q + min
(`tfjs-core/src/io/io_utils.ts`). The format has no checksums: damage shows in sizes
that do not fit or in values that are not finite, and else not at all.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_musicvae.files import strict_json
from keras_musicvae.magenta.files import MAX_BYTES, MAX_FILES, Files, reading

MANIFEST_FILE = "weights_manifest.json"
CONFIG_FILE = "config.json"
MAX_JSON_BYTES = 1 << 20
MAX_WEIGHTS = 10_000
_MAX_RANK = 8
_PIECE = 1 << 16
_DTYPES: dict[str, np.dtype] = {
    "float32": np.dtype("<f4"),
    "int32": np.dtype("<i4"),
    "bool": np.dtype("?"),
}
_QUANTISED: dict[str, np.dtype] = {
    "uint8": np.dtype("u1"),
    "uint16": np.dtype("<u2"),
    "float16": np.dtype("<f2"),
}


@dataclass(frozen=True)
class _Weight:
    """One entry of the manifest."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    stored: np.dtype
    scale: float = 1.0
    minimum: float = 0.0

    @property
    def num_bytes(self) -> int:
        return math.prod(self.shape) * self.stored.itemsize

    def array(self, data: bytes) -> NDArray:
        """The weight from its stored bytes."""
        array = np.frombuffer(data, self.stored).reshape(self.shape)
        if self.stored.kind != "u":
            return array.astype(self.dtype, copy=False)
        # In double precision, as JavaScript does, and a piece at a time.
        weight = np.empty(self.shape, self.dtype)
        pairs = zip(_pieces(array), _pieces(weight), strict=True)
        for quantised, piece in pairs:
            piece[:] = quantised.astype(np.float64) * self.scale + self.minimum
        return weight


def _pieces(array: NDArray) -> Iterator[NDArray]:
    flat = array.reshape(-1)
    for start in range(0, flat.size, _PIECE):
        yield flat[start : start + _PIECE]


def find_tfjs(files: Files) -> str | None:
    """The folder of a TensorFlow.js checkpoint among files.

    Args:
        files: a folder or an archive.

    Returns:
        The path of the (first) folder with a manifest, "." for the top; None without.
    """
    manifests = [n for n in files.sizes if PurePosixPath(n).name == MANIFEST_FILE]
    return str(PurePosixPath(min(manifests)).parent) if manifests else None


def read_tfjs(files: Files, folder: str = ".") -> dict[str, NDArray]:
    """Reads all weights of a TensorFlow.js checkpoint, dequantised.

    Args:
        files: a folder or an archive.
        folder: where among them, as `find_tfjs` gives it.

    Returns:
        Arrays by name: float32, int32 or bool.

    Raises:
        CheckpointError: a file is missing, truncated, malformed or too large, a weight
            has an unknown type, or a path leads out of the folder.
    """
    root = PurePosixPath(folder)
    variables: dict[str, NDArray] = {}
    left = MAX_BYTES
    with reading(f"{files.label}: {root / MANIFEST_FILE}"):
        groups = _groups(_read_json(files, str(root / MANIFEST_FILE)))
        unpacked = sum(4 * math.prod(w.shape) for _, weights in groups for w in weights)
        if unpacked > MAX_BYTES:
            raise ValueError(
                f"it announces weights of {unpacked:,} bytes; at most {MAX_BYTES:,} "
                "are read"
            )
        for paths, weights in groups:
            shards = []
            for path in paths:
                shards.append(files.read(str(root / path), limit=left))
                left -= len(shards[-1])
            data = b"".join(shards)
            expected = sum(weight.num_bytes for weight in weights)
            if len(data) != expected:
                raise ValueError(
                    f"the files {', '.join(paths)} have {len(data):,} bytes, it "
                    f"announces {expected:,}: they are truncated or not its own"
                )
            start = 0
            for weight in weights:
                if weight.name in variables or len(variables) == MAX_WEIGHTS:
                    raise ValueError(
                        f"{weight.name!r} occurs twice, or there are more than "
                        f"{MAX_WEIGHTS:,} weights"
                    )
                end = start + weight.num_bytes
                variables[weight.name] = weight.array(data[start:end])
                start = end
    return variables


def read_tfjs_config(files: Files, folder: str = ".") -> dict[str, Any]:
    """Reads Magenta.js's `config.json`.

    Args:
        files: a folder or an archive.
        folder: where among them, as `find_tfjs` gives it.

    Returns:
        The arguments of its data converter (`numSteps`, `humanize`, `tapify`...);
        empty without a config file.

    Raises:
        CheckpointError: it is malformed, or for another model than a groove model.
    """
    name = str(PurePosixPath(folder) / CONFIG_FILE)
    if name not in files.sizes:
        return {}
    with reading(f"{files.label}: {name}"):
        config = _read_json(files, name)
        converter = config.get("dataConverter") if isinstance(config, dict) else None
        if not isinstance(converter, dict) or config.get("type") != "MusicVAE":
            raise ValueError("it is not the configuration of a MusicVAE")
        arguments, kind = converter.get("args", {}), converter.get("type")
        if kind != "GrooveConverter" or not isinstance(arguments, dict):
            raise ValueError(
                f"it is for {kind!r} data; only 'GrooveConverter' models are supported"
            )
    return arguments


def shard_paths(manifest: bytes, label: str) -> list[str]:
    """The shard files that a manifest names, for a download.

    Args:
        manifest: the contents of `weights_manifest.json`.
        label: what messages call it.

    Returns:
        Plain file names, which lead nowhere else.

    Raises:
        CheckpointError: the manifest is malformed.
    """
    with reading(label):
        groups = _groups(strict_json(manifest))
        return [path for paths, _ in groups for path in paths]


def _read_json(files: Files, name: str) -> Any:
    return strict_json(files.read(name, limit=MAX_JSON_BYTES))


def _groups(manifest: Any) -> list[tuple[list[str], list[_Weight]]]:
    if not isinstance(manifest, list):
        raise TypeError("it is not a list of groups")
    if sum(len(group["paths"]) or MAX_FILES for group in manifest) > MAX_FILES:
        raise ValueError(f"it names more than {MAX_FILES} files, or none")
    return [
        (list(map(_path, group["paths"])), list(map(_weight, group["weights"])))
        for group in manifest
    ]


def _path(path: Any) -> str:
    # Magenta's shards lie beside the manifest, so any folder in a path is foreign.
    if not isinstance(path, str) or not path or path in (".", ".."):
        raise ValueError(f"{path!r} is not a file name")
    if any(character in path for character in "/\\:\0"):
        raise ValueError(f"the path {path!r} leads out of the folder")
    return path


def _weight(entry: Any) -> _Weight:
    name, dtype, shape = entry["name"], entry["dtype"], entry["shape"]
    if not isinstance(name, str):
        raise TypeError(f"{name!r} is not a name")
    if (
        not isinstance(shape, list)
        or len(shape) > _MAX_RANK
        or not all(type(size) is int and 1 <= size < 1 << 31 for size in shape)
    ):
        raise ValueError(f"{name!r} has the shape {shape!r:.80}")
    if dtype not in _DTYPES:
        raise ValueError(f"{name!r} has the type {dtype!r}; {list(_DTYPES)} are known")
    quantisation = entry.get("quantization")
    if quantisation is None:
        return _Weight(name, tuple(shape), _DTYPES[dtype], _DTYPES[dtype])
    stored = quantisation["dtype"]
    if stored not in _QUANTISED or dtype != "float32":
        raise ValueError(
            f"{name!r} is {dtype} quantised to {stored!r}; float32 to "
            f"{list(_QUANTISED)} is known"
        )
    weight = _Weight(name, tuple(shape), _DTYPES[dtype], _QUANTISED[stored])
    if stored == "float16":
        return weight
    scale, minimum = quantisation["scale"], quantisation["min"]
    for value in (scale, minimum):
        if type(value) not in (int, float) or not abs(value) <= 1e30:
            raise ValueError(f"{name!r} has the quantisation {quantisation!r:.80}")
    # Floats: a whole number would be multiplied in the integers of the weights.
    return replace(weight, scale=float(scale), minimum=float(minimum))
