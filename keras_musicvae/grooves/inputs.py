"""Music of any kind, cut into the windows of a model and put together again.

The verbs of `MusicVAE` take MIDI files (paths, bytes, open files,
`miditoolkit.MidiFile`s), `Groove`s and arrays, one or many, of any length. Here they
become `Piece`s; the model sees nothing but arrays.
"""

from collections.abc import Iterable
from os import PathLike
from typing import Any, TypeAlias

import miditoolkit

from keras_musicvae.errors import GrooveError
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.frames import groove_to_frames
from keras_musicvae.grooves.groove import Groove
from keras_musicvae.grooves.midi_load import MidiSource, is_file_object
from keras_musicvae.grooves.pieces import Piece, array_pieces

Music: TypeAlias = MidiSource | Groove

_ONE = (str, PathLike, bytes, bytearray, memoryview, miditoolkit.MidiFile, Groove)

# Grooves, files and arrays at once; beyond, a caller should work in batches.
MAX_PIECES = 100_000


def is_music(value: object) -> bool:
    """Whether this is music of some kind, not an array, a batch or a dataset."""
    return isinstance(value, (*_ONE, list)) or is_file_object(value)


def read_pieces(
    music: object, converter: GrooveConverter, **options: Any
) -> list[Piece]:
    """Music of any kind as pieces.

    Args:
        music: A path, the bytes of a MIDI file, an open file, a
            `miditoolkit.MidiFile`, a `Groove`, or an array as `array_pieces` takes; or
            several of these, mixed.
        converter: Its settings say how files are read. Arrays are taken as they are.
        **options: As in `GrooveConverter.read`, for all files.

    Returns:
        A piece for each, in the same order; for each part of a file in which the time
        signature changes.

    Raises:
        GrooveError: Nothing, another time signature or grid than the converter's, or
            an array of another shape.
        MidiError: As `read_midi`, with the path.
    """
    sources = _as_list(music)
    pieces: list[Piece] = []
    for number, source in enumerate(sources, start=1):
        if _is_array(source):
            pieces += array_pieces(source, converter.num_bars, converter.steps_per_bar)
        else:
            where = f"input {number} of {len(sources)}" if len(sources) > 1 else ""
            for groove in read_grooves(source, converter, where=where, **options):
                pieces.append(
                    Piece(
                        groove_to_frames(groove),
                        converter.num_bars,
                        converter.steps_per_bar,
                        groove,
                    )
                )
    return pieces


def read_grooves(
    source: object, converter: GrooveConverter, *, where: str = "", **options: Any
) -> list[Groove]:
    """Grooves in the time signature and on the grid of a converter, of any length.

    Args:
        source: A path, the bytes of a MIDI file, an open file, a
            `miditoolkit.MidiFile`, a `Groove`.
        converter: Says how files are read.
        where: Which of several inputs this is, for messages about grooves.
        **options: As in `GrooveConverter.read`.

    Returns:
        One groove; several if the time signature of a file changes.

    Raises:
        GrooveError: Another time signature or grid, or no music at all.
        MidiError: As `read_midi`.
    """
    if isinstance(source, Groove):
        converter.check_kind(source, where)
        return [source]
    if isinstance(source, _ONE) or is_file_object(source):
        return converter.read(source, **options)  # type: ignore[arg-type]
    raise GrooveError(
        "Music is a path of a MIDI file, its bytes, an open file, a "
        "miditoolkit.MidiFile, a Groove or a NumPy array, or a list of these. "
        f"Received: {type(source).__name__}"
    )


def _as_list(music: object) -> list[object]:
    if (
        isinstance(music, _ONE)
        or is_file_object(music)
        or _is_array(music)
        or not isinstance(music, Iterable)
    ):
        return [music]
    sources = list(music)
    if not 1 <= len(sources) <= MAX_PIECES:
        raise GrooveError(
            f"A list of music must hold 1 to {MAX_PIECES:,} items. "
            f"Received: {len(sources)}"
        )
    return sources


def _is_array(music: object) -> bool:
    """NumPy's arrays and the backends' tensors."""
    return hasattr(music, "__array__")
