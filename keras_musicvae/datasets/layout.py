"""The files of a preprocessed folder, and the checks that make them safe to read.

    dataset.json   what the folder holds: settings, counts, checksums, report
    frames.npy     (rows, 27) float32, memory-mapped
    windows.npy    one record of `WINDOW` per window
    files.csv      the files that gave windows; a record's `file` counts its lines
    rejected.csv   the files that gave none, each with its reason

A row is one step: 9 hits, 9 velocities, 9 offsets. Nothing here is ever unpickled.
"""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_musicvae.errors import ChecksumError, ConfigError, DatasetError
from keras_musicvae.files import open_regular, reason, sha256_of
from keras_musicvae.grooves.converter import GrooveConverter

FORMAT = "keras-musicvae groove windows"
VERSION = 2
SPLITS = ("train", "validation", "test")
KINDS = ("", "beat", "fill")
NUM_FEATURES = 27

INFO_NAME = "dataset.json"
FRAMES_NAME = "frames.npy"
WINDOWS_NAME = "windows.npy"
FILES_NAME = "files.csv"
REJECTED_NAME = "rejected.csv"

WINDOW = np.dtype(
    [
        ("row", "<i8"),  # first row
        ("file", "<i4"),  # line of files.csv, from 0
        ("bar", "<i4"),  # first bar in its part of the file, from 0
        ("tempo", "<f4"),  # quarter notes per minute where the window begins
        ("style", "<i4"),  # index into `styles`
        ("drummer", "<i4"),  # index into `drummers`
        ("kind", "u1"),  # index into KINDS
        ("split", "u1"),  # index into SPLITS
    ]
)

KEYED_WINDOW = np.dtype([*WINDOW.descr, ("key", "V16")])
"""A window with a hash of its values, by which equal ones are found."""

_MAX_JSON_BYTES = 64 << 20


def read_info(folder: Path) -> dict[str, Any]:
    """Reads and checks `dataset.json`.

    Raises:
        DatasetError: the folder is no dataset of this version.
    """
    path = folder / INFO_NAME
    try:
        with open_regular(path) as file:
            text = file.read(_MAX_JSON_BYTES + 1)
    except OSError as error:
        raise DatasetError(
            f"{folder} is not a preprocessed dataset: {path.name}: {reason(error)}. "
            "Make one with `keras-musicvae preprocess --out FOLDER`."
        ) from error
    try:
        info = json.loads(text)
        version = info["version"] if info["format"] == FORMAT else None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise damaged(path, "it is not the JSON of a dataset") from error
    if version != VERSION:
        raise DatasetError(
            f"{path} has format {info['format']!r}, version {version}; this release "
            f"reads {FORMAT!r}, version {VERSION}. Preprocess the MIDI files again."
        )
    problem = _info_problem(info)
    if problem:
        raise damaged(path, problem)
    return info


def _info_problem(info: Any) -> str:
    """Why a parsed dataset.json cannot be used, or an empty string."""
    try:
        converter = GrooveConverter.from_config(info["config"]["converter"])
        files = [info["frames"], info["windows"]]
        whole = [info["config"]["hop_bars"], *(item["size"] for item in files)]
        names = [*info["styles"], *info["drummers"], *info["kinds"]]
        names += [item["sha256"] for item in files]
    except (KeyError, TypeError, IndexError) as error:
        return f"it lacks {error}"
    except ConfigError as error:
        return str(error)
    if info.get("num_steps") != converter.num_steps:
        return f"a window has {converter.num_steps} steps, not {info.get('num_steps')}"
    if not all(type(n) is int and n > 0 for n in whole):
        return "a size is not a positive whole number"
    if not all(isinstance(text, str) for text in names):
        return "a name is not text"
    return ""


def check_file(path: Path, item: Mapping[str, Any], *, verify: bool) -> None:
    """Compares a file with its record: the size and, if asked, the SHA-256.

    Raises:
        DatasetError: the file is missing or has another size.
        ChecksumError: its contents have changed.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise damaged(path, reason(error)) from error
    if size != item["size"]:
        raise damaged(path, f"it has {size} bytes, expected {item['size']}")
    if verify and (digest := sha256_of(path)) != item["sha256"]:
        raise ChecksumError(
            f"{path} has changed: its SHA-256 is {digest}, expected {item['sha256']}. "
            "Preprocess the MIDI files again."
        )


def load_array(path: Path, dtype: np.dtype[Any], axes: int) -> NDArray[Any]:
    """Loads an array of a known kind; float32 rows are memory-mapped.

    Raises:
        DatasetError: the file is no array of this kind.
    """
    try:
        if dtype == WINDOW:
            array = np.load(path, allow_pickle=False)
        else:
            array = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise damaged(path, error) from error
    if array.dtype != dtype or array.ndim != axes or not array.flags.c_contiguous:
        raise damaged(path, f"it holds {array.dtype} of shape {array.shape}")
    return array


def read_names(path: Path) -> list[str]:
    """The first column of `files.csv`.

    Raises:
        DatasetError: It cannot be read.
    """
    try:
        with (
            open_regular(path) as data,
            io.TextIOWrapper(data, "utf-8", "surrogateescape", newline="") as file,
        ):
            return [row["name"] for row in csv.DictReader(file)]
    except (OSError, KeyError, csv.Error) as error:
        raise damaged(path, error) from error


def damaged(path: Path, cause: object) -> DatasetError:
    """The error to raise for a file that cannot be used."""
    return DatasetError(
        f"The dataset is damaged: {path}: {cause}. Preprocess the MIDI files again."
    )
