"""The `DrumMap`: which MIDI pitch of an instrument is which drum.

A groove has nine drums (`DRUMS`); every drum module and sampler spreads them, and
the ways to strike them (articulations), over its own MIDI pitches. The same map
serves reading and writing, training and inference. `drum_maps` holds the known ones.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np

from keras_musicvae.errors import DrumMapError, shown
from keras_musicvae.files import open_regular, strict_json, user_path

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
MAX_TEXT = 1_000


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
        >>> from keras_musicvae.grooves.drum_maps import GENERAL_MIDI, ROLAND_TD11
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
        drums = self.drums
        if not isinstance(drums, Mapping) or not all(
            isinstance(pitches, Mapping) for pitches in drums.values()
        ):
            raise DrumMapError(
                "the drums of a drum map must be like "
                f'{{"kick": {{36: "kick"}}, ...}}. Received: {shown(drums)}'
            )
        unknown = sorted(set(map(str, drums)) - set(DRUMS))
        missing = [drum for drum in DRUMS if not self.drums.get(drum)]
        if unknown or missing:
            raise DrumMapError(
                f"drum map {self.name!r} must give at least one pitch to each of "
                f"{', '.join(DRUMS)}. Missing: {missing}; not a drum: {unknown}."
            )
        owners: dict[int, str] = {}
        for drum in DRUMS:
            for pitch in self.drums[drum]:
                if type(pitch) is not int or not 0 <= pitch < NUM_PITCHES:
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

    def __getstate__(self) -> dict[str, Any]:
        # Without the cached arrays, which would come back writeable.
        return {"name": self.name, "drums": self.drums, "source": self.source}

    def to_config(self) -> dict[str, Any]:
        """The map as JSON values that `from_config` reads."""
        drums = {
            drum: {str(pitch): name for pitch, name in self.drums[drum].items()}
            for drum in DRUMS
        }
        return {"name": self.name, "source": self.source, "drums": drums}

    def to_json(self) -> str:
        """The map as JSON text that `DrumMap.from_json` reads."""
        return json.dumps(self.to_config(), indent=2)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], name: str = "") -> "DrumMap":
        """A map from JSON values, of a file or inside the configuration of a preset.

        Args:
            config: `{"name": ..., "drums": {"kick": [36, 35], ...}}` with all nine
                drums, the pitch to write first. `{"36": "kick", "35": "kick_2"}` in
                place of the list names the articulations.
            name: The name of a map without one.

        Raises:
            DrumMapError: Not such a map.
        """
        try:
            drums = {
                str(drum): _articulations(drum, pitches)
                for drum, pitches in config["drums"].items()
            }
            texts = [config.get("name", name), config.get("source", "")]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DrumMapError(
                f"this is not a drum map: {str(error)[:200] or error!r}. It must be "
                'like {"name": "my kit", "drums": {"kick": [36], "snare": [38, 37], '
                "...}}."
            ) from None
        texts += [name for pitches in drums.values() for name in pitches.values()]
        if any(not isinstance(text, str) or len(text) > MAX_TEXT for text in texts):
            raise DrumMapError(
                f"the name of a drum map, its source and its articulations are text "
                f"of at most {MAX_TEXT} characters."
            )
        return cls(texts[0], drums, texts[1])

    @classmethod
    def from_json(cls, source: str | PathLike[str]) -> "DrumMap":
        """Reads a user's map from a JSON file, in the form of `from_config`.

        Raises:
            DrumMapError: The file cannot be read, or is not such a map.
        """
        try:
            path = user_path(source)
            with open_regular(path) as file:
                data = file.read(MAX_JSON_BYTES + 1)
            if len(data) > MAX_JSON_BYTES:
                raise ValueError(f"more than {MAX_JSON_BYTES} bytes")
            return cls.from_config(strict_json(data), path.stem)
        except (OSError, ValueError) as error:
            raise DrumMapError(f"{source} is not a drum map: {error}") from None


def _articulations(drum: str, pitches: Mapping[str, str] | list[int]) -> dict[int, str]:
    if isinstance(pitches, Mapping):
        return {int(pitch): name for pitch, name in pitches.items()}
    usual, *others = pitches
    return {usual: drum} | {pitch: f"{drum}_{pitch}" for pitch in others}
