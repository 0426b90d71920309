"""The drum maps that users ask for: modules and samplers by name.

The numbers are data, in `drum_maps.json`: the factory settings, of which
`docs/drum_maps.md` says where each comes from, and how well that is documented. Notes
that mute a cymbal instead of striking it are left out: they are no hits.
"""

from difflib import get_close_matches
from os import PathLike
from pathlib import Path

from keras_musicvae.errors import DrumMapError, shown
from keras_musicvae.files import strict_json
from keras_musicvae.grooves.drum_map import (
    DRUMS,
    NUM_DRUMS,
    NUM_PITCHES,
    UNKNOWN,
    DrumMap,
)

__all__ = [
    "DRUMS",
    "DRUM_MAPS",
    "GENERAL_MIDI",
    "MAGENTA",
    "NUM_DRUMS",
    "NUM_PITCHES",
    "ROLAND_TD11",
    "UNKNOWN",
    "DrumMap",
    "get_drum_map",
    "pitch_name",
]

_DATA = strict_json(Path(__file__).with_suffix(".json").read_bytes())
DRUM_MAPS = {
    drum_map["name"]: DrumMap.from_config(drum_map) for drum_map in _DATA["maps"]
}

# Of the toms it writes the rims, as Magenta does: General MIDI instruments play these
# as the tom of the same height.
ROLAND_TD11 = DRUM_MAPS["roland_td11"]
# note-seq's classes. 22 and 26 are none of General MIDI's, but Roland's: they are read,
# and never written.
GENERAL_MIDI = DRUM_MAPS["general_midi"]
# The same classes; Magenta's models write note-seq's first pitch of each.
MAGENTA = DRUM_MAPS["magenta"]
EZDRUMMER = DRUM_MAPS["ezdrummer"]
ADDICTIVE_DRUMS = DRUM_MAPS["addictive_drums"]


def get_drum_map(drum_map: str | PathLike[str] | DrumMap) -> DrumMap:
    """The drum map that a user named.

    Args:
        drum_map: A name of `DRUM_MAPS`, the path of a JSON file (a name that ends
            in `.json`), or a `DrumMap`, which is returned as it is.

    Raises:
        DrumMapError: No map has this name (the closest one is suggested), or the
            file is not a drum map.

    Example:
        >>> get_drum_map("general_midi").name
        'general_midi'
    """
    if isinstance(drum_map, DrumMap):
        return drum_map
    if not isinstance(drum_map, str | PathLike):
        raise DrumMapError(
            "a drum map is a name, the path of a JSON file or a DrumMap. "
            f"Received: {shown(drum_map)}"
        )
    if str(drum_map).endswith(".json"):
        return DrumMap.from_json(drum_map)
    if str(drum_map) in DRUM_MAPS:
        return DRUM_MAPS[str(drum_map)]
    close = get_close_matches(str(drum_map), DRUM_MAPS, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise DrumMapError(
        f"unknown drum map {str(drum_map)!r}. Known: {', '.join(DRUM_MAPS)}, "
        f"or the path of a .json file.{hint}"
    )


def pitch_name(pitch: int) -> str:
    """What General MIDI calls a percussion pitch; "" where it has no name.

    Example:
        >>> pitch_name(39)
        'hand clap'
    """
    return _GENERAL_MIDI_NAMES.get(pitch, "")


# Level 1 of General MIDI (35-81) and what level 2 adds (27-34, 82-87).
_GENERAL_MIDI_NAMES = dict(enumerate(_DATA["general_midi_names_from_27"], start=27))
