"""The drum maps that users ask for: modules and samplers by name.

The numbers are the factory settings; `docs/drum_maps.md` says where each comes from,
and how well that is documented. Notes that mute a cymbal instead of striking it are
left out: they are no hits.
"""

from difflib import get_close_matches
from os import PathLike

from keras_musicvae.errors import DrumMapError, shown
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

# Roland's factory notes; of the toms Magenta writes the rim, which General MIDI
# instruments play as the tom of the same height.
ROLAND_TD11 = DrumMap(
    "roland_td11",
    {
        "kick": {36: "kick"},
        "snare": {38: "snare", 37: "cross_stick", 40: "rimshot"},
        "closed_hihat": {
            42: "closed_hihat",
            22: "closed_hihat_edge",
            44: "pedal_hihat",
        },
        "open_hihat": {46: "open_hihat", 26: "open_hihat_edge"},
        "low_tom": {43: "low_tom", 58: "low_tom_rim"},
        "mid_tom": {47: "mid_tom_rim", 45: "mid_tom"},
        "high_tom": {50: "high_tom_rim", 48: "high_tom"},
        "crash": {49: "crash", 52: "crash_2_edge", 55: "crash_edge", 57: "crash_2"},
        "ride": {51: "ride", 53: "ride_bell", 59: "ride_edge"},
    },
    source="Roland TD-11 module; the Groove MIDI Dataset was recorded on one",
)

# note-seq's reduced classes of the General MIDI percussion notes. 22 and 26 are none
# of General MIDI's, but Roland's: they are read, and never written.
GENERAL_MIDI = DrumMap(
    "general_midi",
    {
        "kick": {36: "kick", 35: "kick_2"},
        "snare": {
            38: "snare",
            37: "cross_stick",
            40: "rimshot",
            **{
                pitch: f"percussion_{pitch}"
                for pitch in (27, 28, 31, 32, 33, 34, 39, 56, 65, 66, 75, 85)
            },
        },
        "closed_hihat": {
            42: "closed_hihat",
            44: "pedal_hihat",
            **{
                pitch: f"percussion_{pitch}"
                for pitch in (22, 54, 68, 69, 70, 71, 73, 78, 80)
            },
        },
        "open_hihat": {
            46: "open_hihat",
            **{pitch: f"percussion_{pitch}" for pitch in (26, 67, 72, 74, 79, 81)},
        },
        "low_tom": {
            43: "low_tom",
            41: "low_tom_2",
            45: "low_tom_3",
            **{pitch: f"percussion_{pitch}" for pitch in (29, 61, 64, 84)},
        },
        "mid_tom": {
            47: "mid_tom",
            48: "mid_tom_2",
            **{pitch: f"percussion_{pitch}" for pitch in (60, 63, 77, 86, 87)},
        },
        "high_tom": {
            50: "high_tom",
            **{pitch: f"percussion_{pitch}" for pitch in (30, 62, 76, 83)},
        },
        "crash": {
            49: "crash",
            52: "china",
            55: "splash",
            57: "crash_2",
            58: "vibraslap",
        },
        "ride": {51: "ride", 53: "ride_bell", 59: "ride_2", 82: "percussion_82"},
    },
    source="MIDI Manufacturers Association, General MIDI; classes of note-seq",
)

# Magenta's models write note-seq's first pitch of each class.
MAGENTA = DrumMap(
    "magenta",
    {
        **GENERAL_MIDI.drums,
        "low_tom": {45: "low_tom_3"} | dict(GENERAL_MIDI.drums["low_tom"]),
        "mid_tom": {48: "mid_tom_2"} | dict(GENERAL_MIDI.drums["mid_tom"]),
    },
    source="the classes and written pitches of note-seq, as Magenta's models have them",
)

# Toontrack's two instruments share their layout. 50, 54, 56 and 58 mute cymbals.
_TOONTRACK_DRUMS = {
    "kick": {36: "kick", 35: "kick_2"},
    "snare": {
        38: "snare",
        37: "cross_stick",
        40: "rimshot",
        39: "snare_roll",
        125: "snare_edge",
    },
    "closed_hihat": {
        42: "closed_hihat",
        22: "closed_hihat_edge",
        44: "pedal_hihat",
        21: "pedal_hihat_2",
        61: "closed_hihat_2",
        62: "tight_hihat_edge",
        63: "tight_hihat",
    },
    "open_hihat": {
        46: "open_hihat",
        26: "open_hihat_edge",
        24: "open_hihat_edge_1",
        25: "open_hihat_edge_2",
        60: "open_hihat_edge_4",
        17: "open_hihat_edge_5",
        64: "open_hihat_edge_0",
        13: "open_hihat_1",
        14: "open_hihat_2",
        15: "open_hihat_3",
        23: "splash_hihat",
    },
    "low_tom": {
        43: "low_tom",
        41: "low_tom_2",
        75: "low_tom_rim",
        73: "low_tom_2_rim",
    },
    "mid_tom": {
        47: "mid_tom",
        45: "mid_tom_2",
        80: "mid_tom_rim",
        78: "mid_tom_2_rim",
    },
    "high_tom": {48: "high_tom", 82: "high_tom_rim"},
    "crash": {
        49: "crash",
        57: "crash_2",
        55: "splash",
        52: "china",
        27: "crash_bow",
        31: "crash_2_bow",
    },
    "ride": {
        51: "ride",
        53: "ride_bell",
        59: "ride_edge",
        29: "ride_shank",
        30: "ride_bell_tip",
    },
}

SUPERIOR_DRUMMER = DrumMap(
    "superior_drummer",
    {
        **_TOONTRACK_DRUMS,
        # Of the open hi-hat's notes, 26 is the one that all our sources name.
        "open_hihat": {
            26: "open_hihat",
            **{
                pitch: name if pitch != 46 else "open_hihat_46"
                for pitch, name in _TOONTRACK_DRUMS["open_hihat"].items()
                if pitch != 26
            },
        },
    },
    source="Toontrack Superior Drummer 3, default layout; see docs/drum_maps.md",
)

EZDRUMMER = DrumMap(
    "ezdrummer",
    _TOONTRACK_DRUMS,
    source="Toontrack EZdrummer 2 and 3, default layout; see docs/drum_maps.md",
)

ADDICTIVE_DRUMS = DrumMap(
    "addictive_drums",
    {
        "kick": {36: "kick"},
        "snare": {
            38: "snare",
            42: "cross_stick",
            37: "rimshot",
            40: "snare_2",
            39: "rimshot_2",
            43: "snare_edge",
            41: "rimshot_edge",
            44: "rim_click",
        },
        "closed_hihat": {
            49: "closed_hihat",
            50: "closed_hihat_edge",
            48: "pedal_hihat",
            51: "closed_hihat_2",
            52: "closed_hihat_2_edge",
            53: "closed_hihat_bell",
        },
        "open_hihat": {
            56: "open_hihat",
            54: "open_hihat_1",
            55: "open_hihat_2",
            57: "open_hihat_4",
            58: "open_hihat_bell",
            59: "splash_hihat",
        },
        "low_tom": {
            67: "low_tom",
            65: "low_tom_2",
            68: "low_tom_rim",
            66: "low_tom_2_rim",
        },
        "mid_tom": {69: "mid_tom", 70: "mid_tom_rim"},
        "high_tom": {71: "high_tom", 72: "high_tom_rim"},
        "crash": {
            77: "crash",
            79: "crash_2",
            81: "crash_3",
            89: "crash_4",
            91: "crash_5",
            93: "crash_6",
            46: "crash_copy",
        },
        "ride": {
            60: "ride",
            61: "ride_bell",
            62: "ride_edge",
            84: "ride_2",
            85: "ride_2_bell",
            86: "ride_2_edge",
            45: "ride_copy",
        },
    },
    source="XLN Audio Addictive Drums 2, standard map; see docs/drum_maps.md",
)

LOGIC = DrumMap(
    "logic",
    {
        "kick": {36: "kick", 35: "kick_2"},
        "snare": {
            38: "snare",
            37: "cross_stick",
            40: "rimshot",
            34: "snare_edge",
            32: "rimshot_edge",
        },
        "closed_hihat": {
            42: "closed_hihat",
            44: "closed_hihat_edge",
            33: "pedal_hihat",
        },
        "open_hihat": {46: "open_hihat", 31: "splash_hihat"},
        "low_tom": {41: "low_tom", 43: "low_tom_2"},
        "mid_tom": {47: "mid_tom", 45: "mid_tom_2"},
        "high_tom": {48: "high_tom", 50: "high_tom_2"},
        "crash": {49: "crash", 57: "crash_2"},
        "ride": {51: "ride", 53: "ride_bell", 52: "ride_edge", 59: "ride_inner"},
    },
    source="Apple Logic Pro, Drum Kit Designer, input mapping GM; "
    "see docs/drum_maps.md",
)

DRUM_MAPS = {
    drum_map.name: drum_map
    for drum_map in (
        ROLAND_TD11,
        GENERAL_MIDI,
        MAGENTA,
        EZDRUMMER,
        SUPERIOR_DRUMMER,
        ADDICTIVE_DRUMS,
        LOGIC,
    )
}


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


# General MIDI level 1 percussion (35-81) and level 2's additions (27-34, 82-87).
_GENERAL_MIDI_NAMES = dict(
    enumerate(
        (
            "high Q,slap,scratch push,scratch pull,sticks,square click,"
            "metronome click,metronome bell,acoustic bass drum,bass drum 1,"
            "side stick,acoustic snare,hand clap,electric snare,low floor tom,"
            "closed hi-hat,high floor tom,pedal hi-hat,low tom,open hi-hat,"
            "low-mid tom,high-mid tom,crash cymbal 1,high tom,ride cymbal 1,"
            "Chinese cymbal,ride bell,tambourine,splash cymbal,cowbell,"
            "crash cymbal 2,vibraslap,ride cymbal 2,high bongo,low bongo,"
            "mute high conga,open high conga,low conga,high timbale,low timbale,"
            "high agogo,low agogo,cabasa,maracas,short whistle,long whistle,"
            "short guiro,long guiro,claves,high wood block,low wood block,"
            "mute cuica,open cuica,mute triangle,open triangle,shaker,"
            "jingle bell,bell tree,castanets,mute surdo,open surdo"
        ).split(","),
        start=27,
    )
)
