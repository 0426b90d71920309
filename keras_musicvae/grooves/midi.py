"""MIDI files to grooves and back: the front door of `grooves`.

bytes --midi_check--> events --midi_load--> notes --quantize--> Groove
Groove --midi_write--> file
"""

from os import PathLike
from typing import Any

from keras_musicvae.errors import MidiError, SeveralTimeSignaturesError
from keras_musicvae.grooves.drum_maps import DrumMap
from keras_musicvae.grooves.drum_part import Channel
from keras_musicvae.grooves.groove import Groove
from keras_musicvae.grooves.midi_limits import (
    DEFAULT_LIMITS,
    MIDI_SUFFIXES,
    MidiLimits,
)
from keras_musicvae.grooves.midi_load import MidiSource, load_midi, source_path
from keras_musicvae.grooves.midi_write import (
    TICKS_PER_QUARTER,
    groove_to_midi,
    midi_bytes,
    write_midi,
)
from keras_musicvae.grooves.quantize import quantize
from keras_musicvae.grooves.read_options import ReadOptions, UnknownPitch

__all__ = [
    "DEFAULT_LIMITS",
    "MIDI_SUFFIXES",
    "TICKS_PER_QUARTER",
    "MidiLimits",
    "ReadOptions",
    "groove_to_midi",
    "midi_bytes",
    "read_midi",
    "read_midi_parts",
    "write_midi",
]


def read_midi(
    source: MidiSource,
    *,
    drum_map: str | PathLike[str] | DrumMap = "auto",
    steps_per_quarter: int = 4,
    channel: Channel = "auto",
    track: int | str | None = None,
    unknown_pitch: UnknownPitch = "skip",
    zero_length: str = "auto",
    limits: MidiLimits = DEFAULT_LIMITS,
) -> Groove:
    """Reads the drums of a MIDI file as one groove.

    The file may come from anyone: it is checked byte by byte before anything else, and
    ends in a `Groove` or in an error that says what is wrong and where. What was left
    out is in `groove.report`. In a cell of the grid the loudest note of a drum is kept,
    on a tie the one that ends first.

    The groove reaches to the end of the bar of its last hit. If the track ends on a
    bar line up to three bars later, these empty bars belong to it; a track that ends
    later than that says nothing about the music, unless a marker stands at its end. A
    pick-up before the first bar line is the end of a whole bar, and time signatures
    with bars of the same length (4/4, 2/2) are one.

    Args:
        source: A path, the bytes of a file, a file opened in binary mode (or
            `BytesIO`), or a `miditoolkit.MidiFile`. RIFF-MIDI (`.rmi`) is read too.
        drum_map: Which pitch is which drum: a name (`"roland_td11"`,
            `"general_midi"`, ...), the path of a JSON file, or a `DrumMap`. `"auto"`,
            the default, takes the map of the kit that clearly played the file, else
            General MIDI's, which also fills the gaps of the kit's map.
        steps_per_quarter: The grid, 1 to 24. Defaults to 4 (16th notes); 12 keeps
            triplets and more of the flams and rolls.
        channel: 1 to 16, or None for all. `"auto"`, the default, is 10, General MIDI's
            drums; without notes on it, the only part of the file that looks like
            drums.
        track: Number (from 0) or name of the only track to read. Defaults to all.
        unknown_pitch: What to do with pitches that the drum map lacks: `"skip"`
            (they are counted in the report, the default), `"error"`, a drum for all
            of them, or `{pitch: drum}`.
        zero_length: Notes that end at the tick where they begin: `"skip"` as
            Magenta does, `"keep"`, or `"auto"`, the default: keep them if most notes
            of the file are like that.
        limits: What is refused for its size. Defaults to `DEFAULT_LIMITS`.

    Returns:
        The groove, with tempo changes, articulations and a `report`.

    Raises:
        MidiFileError: The file is missing or cannot be opened.
        MidiFormatError: Not a MIDI file, or a damaged one.
        MidiLimitError: More than `limits` allow.
        NoDrumsError: No drum hit; says which channels and pitches there are.
        SeveralTimeSignaturesError: The length of the bars changes; `read_midi_parts`
            reads such files.
        UnknownPitchError: With `unknown_pitch="error"`.
        GrooveError: The bars of the time signature do not end on steps of this grid.
        MidiError: Any other reason that a file cannot be read.

    Example:
        >>> groove = read_midi("beat.mid")  # doctest: +SKIP
        >>> groove.report.left_out()  # doctest: +SKIP
        '2 of 214 drum notes left out: 2 share a step with a louder hit'
    """
    parts = read_midi_parts(
        source,
        drum_map=drum_map,
        steps_per_quarter=steps_per_quarter,
        channel=channel,
        track=track,
        unknown_pitch=unknown_pitch,
        zero_length=zero_length,
        limits=limits,
    )
    if len(parts) > 1:
        bars = ", ".join(
            f"{part.num_bars} bar{'s' * (part.num_bars > 1)} of "
            f"{part.time_signature[0]}/{part.time_signature[1]}"
            for part in parts[:8]
        )
        prefix = f"{source}: " if isinstance(source, str | PathLike) else ""
        raise SeveralTimeSignaturesError(
            f"{prefix}the time signature changes "
            f"({bars}{', ...' if len(parts) > 8 else ''}); "
            "read_midi_parts gives one groove for each"
        )
    return parts[0]


def read_midi_parts(source: MidiSource, **options: Any) -> list[Groove]:
    """Reads the drums of a MIDI file as one groove for each part with bars of one
    length.

    Options and errors are those of `read_midi`, except `SeveralTimeSignaturesError`.
    Parts without a hit are left out.

    Args:
        source: As in `read_midi`.
        **options: The other arguments of `read_midi`, and `own_map`: the `DrumMap` of
            the model that the music is for, which `drum_map="auto"` takes where it
            fits.

    Example:
        >>> read_midi_parts("song.mid")  # doctest: +SKIP
        [Groove('song part 1', 8 bars of 4/4, ...), Groove('song part 2', ...)]
    """
    settings = ReadOptions(**options)
    path = source_path(source)
    try:
        loaded = load_midi(
            source,
            channel=settings.channel,
            track=settings.track,
            limits=settings.limits,
        )
        return quantize(loaded, settings, path.stem if path else "")
    except MidiError as error:
        if path is None:
            raise
        raise type(error)(f"{path}: {error}") from None
