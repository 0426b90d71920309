"""The Groove MIDI Dataset's files, read from its zip."""

import csv
import io
import zipfile
from functools import cache

import shared_data


@cache
def _archive() -> zipfile.ZipFile:
    return zipfile.ZipFile(shared_data.shared_path(shared_data.GROOVE_ZIP))


def midi_bytes(name: str) -> bytes:
    """The bytes of one file, named as in `info.csv`."""
    return _archive().read(f"groove/{name}")


@cache
def info() -> list[dict[str, str]]:
    """The rows of `info.csv` that have a MIDI file."""
    text = _archive().read("groove/info.csv").decode()
    return list(csv.DictReader(io.StringIO(text)))
