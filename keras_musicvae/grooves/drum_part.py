"""Which notes of a file are its drums: those on channel 10, or the only kit there is.

A DAW exports drums on any channel, in one track or in one for each drum. A part is
taken for a kit by its name, or if its pitches are a kit's and drums sound together.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from keras_musicvae.errors import MidiError, shown
from keras_musicvae.grooves.midi_check import CheckedMidi
from keras_musicvae.grooves.midi_limits import DRUM_CHANNEL
from keras_musicvae.grooves.midi_track import CheckedTrack, Note
from keras_musicvae.grooves.track_names import clean_name

Channel: TypeAlias = int | Literal["auto"] | None

# Names of a whole kit and of one drum, in the languages that DAWs are sold in.
_KIT = re.compile(
    r"drum|\bkit\b|perc|\bbeats?\b|bater[ií]a|batter|schlagz|trommel|ドラム|鼓", re.I
)
_DRUM = re.compile(
    r"\b(kick|snare|(hi-?|closed |open )?hats?|hi-?hats?|toms?|crash|ride|cymbals?|"
    r"claps?|rim(shot)?|(bass|kick|snare) ?drum|bd|sd|hh)\b",
    re.I,
)
_MELODIC = re.compile(r"steel|tong|melod", re.I)  # steel drums play tunes

# General MIDI's kit without its percussion, and the edges of electronic hi-hats.
_KIT_PITCHES = frozenset((*range(35, 60), 22, 26))
_KICK, _SNARE = frozenset((35, 36)), frozenset((37, 38, 39, 40))
_TIME = frozenset((22, 26, 42, 44, 46, 51, 53, 59))
# Half of the notes of a left hand on the piano are pitches of toms; hardly a third of a
# drummer's are.
_NO_TOMS = _KIT_PITCHES - frozenset((41, 43, 45, 47, 48, 50, 58))
_SHARE_WITHOUT_TOMS = 0.75
_PITCHES_OF_A_DRUM = 3
_SHARE = 0.95  # of a kit's notes that have such pitches
_TOGETHER = 0.1  # of a kit's onsets that have several drums


class DrumPart(NamedTuple):
    """Tracks, the channel of them to read (None: all), and why these."""

    tracks: list[CheckedTrack]
    channel: int | None
    remark: str = ""

    def reads(self, channel: int) -> bool:
        """Whether the notes of a channel belong to the part."""
        return self.channel in (None, channel)

    @property
    def notes(self) -> list[Note]:
        """The notes, track after track, in the order in which they end."""
        return [
            note for track in self.tracks for note in track.notes if self.reads(note[0])
        ]

    @property
    def played(self) -> list[CheckedTrack]:
        """The tracks that hold such notes."""
        return [
            track
            for track in self.tracks
            if any(self.reads(note[0]) for note in track.notes)
        ]


def find_drums(
    midi: CheckedMidi, channel: Channel = "auto", track: int | str | None = None
) -> DrumPart:
    """The part of a file to read.

    Args:
        midi: The file.
        channel: 1 to 16; None for all; `"auto"`, the default: 10, or if it is empty
            the only part that looks like drums.
        track: Number (from 0) or name of the only track. None: all; of a format 2
            file, whose tracks are independent patterns, the only one with such notes.

    Raises:
        MidiError: No such track, or a format 2 file of several patterns.
    """
    tracks = midi.tracks if track is None else [_named(midi.tracks, track)]
    if channel == "auto":
        channel = DRUM_CHANNEL
        if not DrumPart(tracks, channel).notes:
            if track is not None:
                return DrumPart(tracks, None)
            found = _guess(tracks)
            if found is not None and (midi.format != 2 or len(found.played) == 1):
                return found
    part = DrumPart(tracks, channel)
    if track is not None or midi.format != 2:
        return part
    patterns = part.played
    if len(patterns) > 1:
        numbers = [
            str(n) for n, one in enumerate(tracks) if DrumPart([one], channel).played
        ]
        raise MidiError(
            f"a format 2 file of {len(patterns)} independent patterns; choose one "
            f"by track=, out of {', '.join(numbers[:20])}"
        )
    return DrumPart(patterns, channel)


def _named(tracks: Sequence[CheckedTrack], wanted: int | str) -> CheckedTrack:
    if isinstance(wanted, str):
        name = clean_name(wanted)
        matches = [track for track in tracks if name in track.names]
    else:
        matches = [track for number, track in enumerate(tracks) if number == wanted]
    if len(matches) != 1:
        names = ", ".join(f"{i} {track.name!r}" for i, track in enumerate(tracks[:20]))
        raise MidiError(
            f"{'several tracks are' if matches else 'no track is'} called "
            f"{shown(wanted)}. "
            f"The file has {len(tracks)}: {names}"
        )
    return matches[0]


def _guess(tracks: list[CheckedTrack]) -> DrumPart | None:
    """The only plausible kit of a file without notes on channel 10."""
    for candidates in _candidates(tracks):
        kits = [part for part in candidates if part.notes]
        if len(kits) > 1:
            return None
        if kits:
            return kits[0]
    return None


def _candidates(tracks: list[CheckedTrack]) -> Iterator[list[DrumPart]]:
    """The parts that may be drums, from the strongest evidence to the weakest."""
    drums, kits = [], []
    for track in tracks:
        played = {note[2] for note in track.notes}
        if _MELODIC.search(track.name) or not _within(track.notes, _KIT_PITCHES):
            continue
        if _DRUM.search(track.name):
            if len(played) <= _PITCHES_OF_A_DRUM:
                drums.append(track)
        elif _KIT.search(track.name) and played & (_KICK | _SNARE):
            kits.append(track)
    yield [_part([track], None, f"track {track.name!r}") for track in kits]
    yield [_part(drums, None, f"{len(drums)} tracks with names of drums")]
    channels = sorted({note[0] for track in tracks for note in track.notes})
    parts = [_part(tracks, channel, f"channel {channel}") for channel in channels]
    yield [part for part in parts if _is_kit(part.notes)]
    parts = [
        _part([track], None, f"track {number}") for number, track in enumerate(tracks)
    ]
    yield [part for part in parts if _is_kit(part.notes)]
    singles = [
        track
        for track in tracks
        if len({note[2] for note in track.notes}) <= _PITCHES_OF_A_DRUM
        and _within(track.notes, _KIT_PITCHES)
    ]
    part = _part(singles, None, f"{len(singles)} tracks of one drum each")
    yield [part] if _is_kit(part.notes) else []


def _part(tracks: list[CheckedTrack], channel: int | None, what: str) -> DrumPart:
    return DrumPart(
        tracks, channel, f"no notes on channel 10; read {what}, which looks like drums"
    )


def _within(
    notes: Sequence[Note], pitches: frozenset[int], share: float = _SHARE
) -> bool:
    return sum(note[2] in pitches for note in notes) >= share * len(notes)


def _is_kit(notes: Sequence[Note]) -> bool:
    """A kick, a snare, a hi-hat or a ride, hardly anything else; some together."""
    played = {note[2] for note in notes}
    if not all(played & drums for drums in (_KICK, _SNARE, _TIME)):
        return False
    onsets = Counter(tick for tick, _ in {(note[1], note[2]) for note in notes})
    together = sum(number > 1 for number in onsets.values())
    return (
        _within(notes, _KIT_PITCHES)
        and _within(notes, _NO_TOMS, _SHARE_WITHOUT_TOMS)
        and together >= _TOGETHER * len(onsets)
    )
