"""Which drum map the file of a stranger was played with, judged by its pitches."""

from collections.abc import Mapping

from keras_musicvae.grooves.drum_maps import (
    ADDICTIVE_DRUMS,
    EZDRUMMER,
    GENERAL_MIDI,
    MAGENTA,
    ROLAND_TD11,
    DrumMap,
)

# Superior Drummer has EZdrummer's pitches; Logic has none of its own.
KITS = (ROLAND_TD11, EZDRUMMER, ADDICTIVE_DRUMS)

# Levels 1 and 2 of General MIDI.
GENERAL_MIDI_PITCHES = frozenset(range(27, 88))

# A kit must know this share of the notes; a pad or two may play something else.
CLEAR = 0.9


def guess_drum_map(
    counts: Mapping[int, int],
    *,
    pedal: bool = False,
    played: bool = False,
    own: DrumMap = ROLAND_TD11,
) -> DrumMap:
    """The map of the kit that clearly played these notes, else General MIDI.

    A kit shows itself by pitches that General MIDI does not have: 22 and 26, the edges
    of the hi-hat, on a Roland TD-11. An electronic kit also shows itself by its hi-hat
    pedal, or by a performance that is not on a grid and has no pitch but the kit's.

    Args:
        counts: `{pitch: notes}`.
        pedal: Whether the drums send the position of a hi-hat pedal (controller 4).
        played: Whether the notes lie off the grid, as those of a recording do.
        own: The map of the model that the music is for. One that is not Roland's or
            General MIDI's is taken wherever it knows the notes: its users play that
            kit.
    """
    total = sum(counts.values())

    def share(kit: DrumMap) -> float:
        known = sum(n for pitch, n in counts.items() if kit.drum_of(pitch) is not None)
        return known / total

    def shows(kit: DrumMap) -> bool:
        if kit == ROLAND_TD11 and (pedal or (played and share(kit) == 1)):
            return True
        return any(
            kit.drum_of(pitch) is not None
            for pitch in counts
            if pitch not in GENERAL_MIDI_PITCHES
        )

    if not total:
        return GENERAL_MIDI
    if own not in (ROLAND_TD11, GENERAL_MIDI, MAGENTA) and share(own) >= CLEAR:
        return own
    clear = [kit for kit in KITS if shows(kit) and share(kit) >= CLEAR]
    return max(clear, key=share, default=GENERAL_MIDI)
