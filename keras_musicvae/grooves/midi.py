"""MIDI files to grooves and back: the front door of `grooves`.

bytes --midi_check--> events --midi_load--> notes --quantize--> Groove
Groove --midi_write--> file
"""

from os import PathLike
from pathlib import Path

from keras_musicvae.errors import MidiError, SeveralTimeSignaturesError
from keras_musicvae.grooves.drum_maps import DrumMap, get_drum_map
from keras_musicvae.grooves.groove import Groove
from keras_musicvae.grooves.midi_check import (
    DEFAULT_LIMITS,
    DRUM_CHANNEL,
    MidiLimits,
)
from keras_musicvae.grooves.midi_load import MidiSource, load_midi
from keras_musicvae.grooves.midi_write import (
    TICKS_PER_QUARTER,
    groove_to_midi,
    midi_bytes,
    write_midi,
)
from keras_musicvae.grooves.quantize import ReadOptions, UnknownPitch, quantize

__all__ = [
    "DEFAULT_LIMITS",
    "TICKS_PER_QUARTER",
    "MidiLimits",
    "groove_to_midi",
    "midi_bytes",
    "read_midi",
    "read_midi_parts",
    "write_midi",
]


def read_midi(
    source: MidiSource,
    *,
    drum_map: str | PathLike[str] | DrumMap = "roland_td11",
    steps_per_quarter: int = 4,
    channel: int | None = DRUM_CHANNEL,
    track: int | str | None = None,
    unknown_pitch: UnknownPitch = "skip",
    zero_length: str = "auto",
    limits: MidiLimits = DEFAULT_LIMITS,
) -> Groove:
    """Reads the drums of a MIDI file as one groove.

    The file may come from anyone: it is checked byte by byte before anything else, and
    ends in a `Groove` or in an error that says what is wrong and where. What was left
    out is in `groove.report`. In a cell of the grid the loudest note of a drum is kept,
    on a tie the one that ends first. The groove reaches to the end of the bar of its
    last hit, or to the end of its track if that lies on a later bar line.

    Args:
        source: A path, the bytes of a file, or a `miditoolkit.MidiFile`.
        drum_map: Which pitch is which drum: a name (`"roland_td11"`, the default,
            `"general_midi"`, ...), the path of a JSON file, or a `DrumMap`.
        steps_per_quarter: The grid. Defaults to 4 (16th notes); 12 keeps triplets
            and more of the flams and rolls.
        channel: 1 to 16, or None for all. Defaults to 10, General MIDI's drums.
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
        MidiFormatError: Not a MIDI file, or a damaged one.
        MidiLimitError: More than `limits` allow.
        NoDrumsError: No drum hit; says which channels and pitches there are.
        SeveralTimeSignaturesError: The time signature changes; `read_midi_parts` reads
            such files.
        UnknownPitchError: With `unknown_pitch="error"`.
        GrooveError: The bars of the time signature do not end on steps of this grid.
        MidiError: Any other reason that a file cannot be read.
        OSError: The file cannot be opened.

    Example:
        >>> groove = read_midi("beat.mid", drum_map="general_midi")  # doctest: +SKIP
        >>> print(groove.report)  # doctest: +SKIP
        212 of 214 drum notes became hits; 2 share a step with a louder hit
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
            f"{part.num_bars} bars of {part.time_signature[0]}/{part.time_signature[1]}"
            for part in parts[:8]
        )
        prefix = f"{source}: " if isinstance(source, str | PathLike) else ""
        raise SeveralTimeSignaturesError(
            f"{prefix}the time signature changes "
            f"({bars}{', ...' if len(parts) > 8 else ''}); "
            "read_midi_parts gives one groove for each"
        )
    return parts[0]


def read_midi_parts(
    source: MidiSource,
    *,
    drum_map: str | PathLike[str] | DrumMap = "roland_td11",
    steps_per_quarter: int = 4,
    channel: int | None = DRUM_CHANNEL,
    track: int | str | None = None,
    unknown_pitch: UnknownPitch = "skip",
    zero_length: str = "auto",
    limits: MidiLimits = DEFAULT_LIMITS,
) -> list[Groove]:
    """Reads the drums of a MIDI file as one groove for each stretch in one time
    signature.

    Arguments and errors are those of `read_midi`, except `SeveralTimeSignaturesError`.
    Parts without a hit are left out.

    Example:
        >>> read_midi_parts("song.mid")  # doctest: +SKIP
        [Groove('song', 8 bars of 4/4, ...), Groove('song', 1 bar of 2/4, ...), ...]
    """
    path = Path(source) if isinstance(source, str | PathLike) else None
    options = ReadOptions(
        drum_map=get_drum_map(drum_map),
        steps_per_quarter=steps_per_quarter,
        unknown_pitch=unknown_pitch,
        zero_length=zero_length,
        name=path.stem if path else "",
    )
    loaded = load_midi(source, channel=channel, track=track, limits=limits)
    try:
        return quantize(loaded, options)
    except MidiError as error:
        if path is None:
            raise
        raise type(error)(f"{path}: {error}") from None
