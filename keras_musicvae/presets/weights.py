"""The weights file of a preset: written, checked against a built model, read.

The file is Keras's own `.weights.h5`, without optimizer, metrics and random state.
What it must look like is what the built model would write itself. The numbers of a
stranger's file are checked and copied into a file that Keras wrote for the model, and
only that one is loaded. HDF5 can do far more than hold arrays (links to other files,
virtual and external storage, filters that load code): none of it is accepted.
"""

import contextlib
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import keras
import ml_dtypes
import numpy as np
from keras.src.saving import saving_lib  # As KerasHub does: no public equivalent.
from numpy.typing import NDArray

from keras_musicvae.errors import PresetFormatError, TruncatedPresetError
from keras_musicvae.presets.checks import shorten, shown
from keras_musicvae.presets.schema import MAX_WEIGHT

_SIGNATURE = b"\x89HDF\r\n\x1a\n"

# What a variable may be stored as, by what it is in the model: precision may differ.
_FLOATS = ("float32", "float16", "bfloat16", "float64")
_DTYPES = {"f": _FLOATS, "i": ("int32", "int64"), "u": ("uint32", "uint64")}

_OTHER_CONFIG = (
    "The file belongs to another configuration: use the files of one preset together."
)


@dataclass(frozen=True)
class _Variable:
    """A variable as the model's own weights file holds it."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def kind(self) -> str:
        """`f`, `i` or `u`, as in NumPy; else one that no file may hold."""
        return "f" if self.dtype in _FLOATS else np.dtype(self.dtype).kind

    @property
    def largest_bytes(self) -> int:
        """What it may take in a file: at most float64, and HDF5's own structures."""
        return 8 * math.prod(self.shape) + 8192


def save_weights(model: keras.Model, path: Path) -> None:
    """Writes the weights of a model; equal weights give equal bytes.

    Keras also notes the names of the layers, which count up within a process
    (`dense_7`) and which it never reads: they are left out.

    Raises:
        PresetFormatError: `load_weights` would refuse them: a number is not finite, or
            of a type that presets do not hold, such as the int8 of a quantized layer.
    """
    with (
        _written_by_keras(model) as written,
        h5py.File(written) as own,
        h5py.File(path, "w") as target,
    ):
        for name, variable in sorted(_variables(own).items()):
            _read(own[name], name, variable, "the model")
            dataset = target.create_dataset(name, data=own[name][()])
            if variable.dtype == "bfloat16":
                dataset.attrs["dtype"] = "bfloat16"


def load_weights(model: keras.Model, path: Path, where: str) -> None:
    """Reads a weights file into a built model, after checking all of it.

    Args:
        model: The model; unchanged if the file is refused.
        path: The file.
        where: Its place, for messages.

    Raises:
        TruncatedPresetError: The file ends too early.
        PresetFormatError: It is not HDF5, or a variable is missing, unknown, of
            another shape or kind, stored in a way that is not allowed, or holds a
            number that is not finite or too large to compute with.
    """
    with _written_by_keras(model) as own:
        _copy(path, own, where)
        saving_lib.load_weights_only(model, str(own), objects_to_skip=_transient(model))


def check_weights(model: keras.Model, path: Path, where: str) -> None:
    """Checks what `load_weights` checks, and loads nothing."""
    with _written_by_keras(model) as own:
        _copy(path, own, where)


def _copy(path: Path, target: Path, where: str) -> None:
    """Copies the checked numbers of a file into the one that Keras wrote."""
    with h5py.File(target, "r") as own:
        expected = _variables(own)
    largest = sum(array.largest_bytes for array in expected.values())
    size = path.stat().st_size
    if size > largest:
        raise PresetFormatError(
            f"{where} is too large for the model of its config.json: at most "
            f"{largest} bytes. Received: {size} bytes."
        )
    missing = set(expected)
    try:
        with _open(path, where) as file, h5py.File(target, "r+") as own:
            for name, dataset in _datasets(file, where, limit=16 * len(expected)):
                if name not in expected:
                    raise PresetFormatError(
                        f"{where} contains {shown(name)}, which the model of its "
                        f"config.json doesn't have. {_OTHER_CONFIG}"
                    )
                array = _read(dataset, name, expected[name], where)
                own[name][...] = array.view(own[name].dtype)
                missing.discard(name)
    except PresetFormatError:
        raise
    except Exception as error:
        # h5py's many ways to say that the inner structure is broken: no common base.
        raise PresetFormatError(
            f"{where} is a damaged HDF5 file: {shorten(error)}."
        ) from None
    if missing:
        raise PresetFormatError(
            f"{where} lacks the variable `{min(missing)}` of the model ({len(missing)} "
            f"of {len(expected)} are missing). {_OTHER_CONFIG}"
        )


@contextlib.contextmanager
def _written_by_keras(model: keras.Model) -> Iterator[Path]:
    """The file that Keras writes for a model: the rule for names and shapes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.weights.h5"
        saving_lib.save_weights_only(
            model, str(path), objects_to_skip=_transient(model)
        )
        yield path


def _variables(file: h5py.File) -> dict[str, _Variable]:
    """The arrays in a file of our own, by name."""
    variables: dict[str, _Variable] = {}

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            variables[name] = _Variable(tuple(item.shape), _dtype_name(item))

    file.visititems(add)
    return variables


def _transient(model: keras.Model) -> list[object]:
    """What belongs to a training run, not to a model."""
    optimizer = getattr(model, "optimizer", None)
    return [item for item in (optimizer, *model.metrics) if item is not None]


def _open(path: Path, where: str) -> h5py.File:
    with path.open("rb") as file:
        start = file.read(64)
    if not start.startswith(_SIGNATURE):
        hint = ""
        if start.startswith(b"version https://git-lfs"):
            hint = " It is a Git LFS pointer: run `git lfs pull`."
        raise PresetFormatError(f"{where} is not an HDF5 file.{hint}")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        if "truncated" not in str(error):
            raise
        raise TruncatedPresetError(
            f"{where} is cut off. Copy or download the preset again."
        ) from None


def _datasets(
    file: h5py.File, where: str, limit: int
) -> Iterator[tuple[str, h5py.Dataset]]:
    """Walks the arrays of a file; hard links may form circles, hence the limit."""
    visited = 0
    pending = [("", file["/"])]
    while pending:
        prefix, group = pending.pop()
        for key in group:
            name = f"{prefix}/{key}" if prefix else key
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise PresetFormatError(
                    f"{where} contains a link to elsewhere ({shown(name)}, "
                    f"{type(link).__name__}); only plain arrays are accepted."
                )
            visited += 1
            if visited > limit:
                raise PresetFormatError(
                    f"{where} contains more than {limit} groups and arrays, far more "
                    "than the model of its config.json."
                )
            item = group[key]
            if isinstance(item, h5py.Group):
                pending.append((name, item))
            elif isinstance(item, h5py.Dataset):
                yield name, item
            else:
                raise PresetFormatError(
                    f"{where} contains {shown(name)}, which is not an array."
                )


def _read(dataset: h5py.Dataset, name: str, expected: _Variable, where: str) -> NDArray:
    """The numbers of an array, checked, in the type of the model."""
    dtype = _dtype_name(dataset)
    if dtype not in _DTYPES.get(expected.kind, ()):
        raise PresetFormatError(
            f"The variable `{name}` in {where} must be one of "
            f"{', '.join(_DTYPES.get(expected.kind, _FLOATS))}. Received: dtype "
            f"{dtype}. Presets hold models that are not quantized."
        )
    if dataset.shape != expected.shape:
        raise PresetFormatError(
            f"The variable `{name}` in {where} must have the shape {expected.shape} "
            f"by its config.json. Received: {shown(dataset.shape)}. {_OTHER_CONFIG}"
        )
    stored = dataset.id.get_create_plist()
    plain = stored.get_layout() in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT)
    if not plain or stored.get_external_count() or stored.get_nfilters():
        raise PresetFormatError(
            f"The variable `{name}` in {where} is stored in pieces, filtered, virtual "
            "or in another file; only plain arrays are accepted."
        )
    if dataset.id.get_storage_size() != dataset.size * dataset.dtype.itemsize:
        raise PresetFormatError(
            f"The variable `{name}` in {where} has no or not all of its numbers."
        )
    array = np.asarray(dataset[()])
    if dtype == "bfloat16":
        array = array.view(ml_dtypes.bfloat16)
    target = np.dtype(expected.dtype)
    largest = largest_weight(target)
    # NaN is not smaller than anything.
    if not (np.abs(array.astype(np.float64)) <= largest).all():
        raise PresetFormatError(
            f"The variable `{name}` in {where} holds numbers that are not finite or "
            f"beyond {largest:g}. The training diverged, or the file is damaged: use "
            "an earlier one."
        )
    return array.astype(target)


def largest_weight(dtype: np.dtype) -> float:
    """The largest magnitude that a weight of this type may have."""
    if dtype.kind in "iu":  # a counter
        return float(np.iinfo(dtype).max)
    return min(MAX_WEIGHT, float(ml_dtypes.finfo(dtype).max))


def _dtype_name(dataset: h5py.Dataset) -> str:
    # Keras stores bfloat16, which HDF5 lacks, as opaque pairs of bytes.
    if dataset.dtype.kind == "V" and dataset.attrs.get("dtype") == "bfloat16":
        return "bfloat16"
    return dataset.dtype.name
