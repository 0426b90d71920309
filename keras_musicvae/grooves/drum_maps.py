"""Which MIDI pitch is which drum: the first step from a file to a groove.

A groove has nine drums (`DRUMS`); every drum module and sampler spreads them, and
the ways to strike them (articulations), over its own MIDI pitches. A `DrumMap`
lists them; the same map serves reading and writing, training and inference.
The sources of the maps are in `docs/drum_maps.md`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from os import PathLike
from pathlib import Path

import numpy as np

from keras_musicvae.errors import DrumMapError

# The nine drums, in the order of the tensor's columns.
DRUMS = (
    "kick",
    "snare",
    "closed_hihat",
    "open_hihat",
    "low_tom",
    "mid_tom",
    "high_tom",
    "crash",
    "ride",
)
NUM_DRUMS = len(DRUMS)
NUM_PITCHES = 128
UNKNOWN = -1

# A drum map is a page of JSON; a file beyond this size is something else.
MAX_JSON_BYTES = 65_536


@dataclass(frozen=True)
class DrumMap:
    """The MIDI pitches of the nine drums on one instrument.

    Args:
        name: How users call it, such as `"roland_td11"`.
        drums: For each of the nine `DRUMS`, `{pitch: articulation}`. The first pitch
            is the one written for a hit whose articulation is not known. Pitches are
            0-127 and belong to one drum only; articulation names (`"cross_stick"`,
            `"ride_bell"`) are what two maps have in common.
        source: Where the numbers come from.

    Raises:
        DrumMapError: A drum is missing or unknown, has no pitch, or shares one.

    Example:
        >>> ROLAND_TD11.drum_of(37)  # cross-stick: a snare
        1
        >>> ROLAND_TD11.written_pitches.tolist()
        [36, 38, 42, 46, 43, 47, 50, 49, 51]
        >>> ROLAND_TD11.translate(44, GENERAL_MIDI)  # pedal hi-hat in both
        44
    """

    name: str
    drums: Mapping[str, Mapping[int, str]]
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.drums) - set(DRUMS))
        missing = [drum for drum in DRUMS if not self.drums.get(drum)]
        if unknown or missing:
            raise DrumMapError(
                f"drum map {self.name!r} must give at least one pitch to each of "
                f"{', '.join(DRUMS)}. Missing: {missing}; not a drum: {unknown}."
            )
        owners: dict[int, str] = {}
        for drum in DRUMS:
            for pitch in self.drums[drum]:
                if not isinstance(pitch, int) or not 0 <= pitch < NUM_PITCHES:
                    raise DrumMapError(
                        f"drum map {self.name!r}: a pitch must be an integer from 0 "
                        f"to 127. Received: {pitch!r} for {drum}."
                    )
                if pitch in owners:
                    raise DrumMapError(
                        f"drum map {self.name!r}: pitch {pitch} is both "
                        f"{owners[pitch]} and {drum}; keep one of them."
                    )
                owners[pitch] = drum

    @cached_property
    def drum_table(self) -> np.ndarray:
        """The drum of each pitch: `(128,)` int8, `UNKNOWN` (-1) where there is none."""
        table = np.full(NUM_PITCHES, UNKNOWN, np.int8)
        for index, drum in enumerate(DRUMS):
            table[list(self.drums[drum])] = index
        table.flags.writeable = False
        return table

    @cached_property
    def written_pitches(self) -> np.ndarray:
        """The pitch written for each drum: `(9,)` uint8."""
        pitches = np.array([next(iter(self.drums[drum])) for drum in DRUMS], np.uint8)
        pitches.flags.writeable = False
        return pitches

    def drum_of(self, pitch: int) -> int | None:
        """The index of the drum that `pitch` plays, or None if the map lacks it."""
        drum = int(self.drum_table[pitch])
        return None if drum == UNKNOWN else drum

    def articulation_of(self, pitch: int) -> str | None:
        """The articulation that `pitch` plays, or None if the map lacks it."""
        drum = self.drum_of(pitch)
        return None if drum is None else self.drums[DRUMS[drum]][pitch]

    def translate(self, pitch: int, target: "DrumMap") -> int:
        """The pitch of `target` that plays what `pitch` plays here.

        The same articulation if `target` has it, else its usual pitch of that drum.

        Raises:
            DrumMapError: This map lacks `pitch`.
        """
        drum = self.drum_of(pitch)
        if drum is None:
            raise DrumMapError(f"drum map {self.name!r} has no pitch {pitch}.")
        articulation = self.articulation_of(pitch)
        for candidate, name in target.drums[DRUMS[drum]].items():
            if name == articulation:
                return candidate
        return int(target.written_pitches[drum])

    def to_json(self) -> str:
        """The map as JSON text that `DrumMap.from_json` reads."""
        drums = {
            drum: {str(pitch): name for pitch, name in self.drums[drum].items()}
            for drum in DRUMS
        }
        return json.dumps(
            {"name": self.name, "source": self.source, "drums": drums}, indent=2
        )

    @classmethod
    def from_json(cls, source: str | PathLike[str]) -> "DrumMap":
        """Reads a user's map from a JSON file.

        The file holds `{"name": ..., "drums": {"kick": [36, 35], ...}}` with all nine
        drums, the pitch to write first. `{"36": "kick", "35": "kick_2"}` in place of
        the list names the articulations.

        Raises:
            DrumMapError: The file cannot be read, or is not such a map.
        """
        path = Path(source)
        try:
            with path.open("rb") as file:
                data = file.read(MAX_JSON_BYTES + 1)
            if len(data) > MAX_JSON_BYTES:
                raise ValueError(f"more than {MAX_JSON_BYTES} bytes")
            content = json.loads(data)
            drums = {
                drum: _articulations(drum, pitches)
                for drum, pitches in content["drums"].items()
            }
            name, origin = content.get("name", path.stem), content.get("source", "")
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise DrumMapError(
                f"{path} is not a drum map: {error!r}. It must be JSON like "
                '{"name": "my kit", "drums": {"kick": [36], "snare": [38, 37], ...}}.'
            ) from error
        except RecursionError:
            raise DrumMapError(f"{path} is not a drum map: nested too deep.") from None
        return cls(str(name), drums, str(origin))


def _articulations(drum: str, pitches: Mapping[str, str] | list[int]) -> dict[int, str]:
    if isinstance(pitches, Mapping):
        return {int(pitch): str(name) for pitch, name in pitches.items()}
    usual, *others = pitches
    return {usual: drum} | {pitch: f"{drum}_{pitch}" for pitch in others}


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

# note-seq's reduced classes of the General MIDI percussion notes.
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
            22: "closed_hihat_edge",
            **{
                pitch: f"percussion_{pitch}"
                for pitch in (54, 68, 69, 70, 71, 73, 78, 80)
            },
        },
        "open_hihat": {
            46: "open_hihat",
            26: "open_hihat_edge",
            **{pitch: f"percussion_{pitch}" for pitch in (67, 72, 74, 79, 81)},
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

DRUM_MAPS = {map_.name: map_ for map_ in (ROLAND_TD11, GENERAL_MIDI)}


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
