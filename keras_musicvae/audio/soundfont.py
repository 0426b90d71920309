"""Plays a groove with FluidSynth and the user's SoundFont (extra `audio`)."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from keras_musicvae.audio.timeline import check_sample_rate, timeline
from keras_musicvae.errors import AudioError, MissingExtraError
from keras_musicvae.files import open_regular, reason, user_path
from keras_musicvae.grooves.drum_maps import GENERAL_MIDI

if TYPE_CHECKING:
    from keras_musicvae.grooves.groove import Groove

_CHANNEL = 9  # MIDI channel 10, the drums
_BANK = 128  # where SoundFonts keep drum kits
_NOTE_SECONDS = 0.1
_MAX_TAIL_SECONDS = 4.0
_SILENCE = 1e-4  # -80 dBFS


def render_soundfont(
    groove: "Groove",
    soundfont: str | os.PathLike[str],
    sample_rate: int = 44100,
    *,
    loops: int = 1,
    program: int = 0,
    gain: float = 0.6,
) -> npt.NDArray[np.float32]:
    """Plays a groove with FluidSynth and a SoundFont of your choice.

    Needs `pip install "keras-musicvae[audio]"` and the FluidSynth library itself
    (Debian: `apt install libfluidsynth3`, macOS: `brew install fluid-synth`).
    FluidSynth starts notes on multiples of 64 samples (1.5 ms at 44.1 kHz).

    Args:
        groove: What to play; its articulations are translated to General MIDI.
        soundfont: Path of an .sf2 or .sf3 file with a drum kit in bank 128.
        sample_rate: In hertz, 8000 to 96000 (FluidSynth's limit).
        loops: How often the groove is played in a row.
        program: Which kit of the SoundFont, 0 to 127; 0 is the standard kit.
        gain: FluidSynth's master gain, above 0, up to 10.

    Returns:
        (samples, 2) float32 in [-1, 1]: the groove and the tail of its last sounds.
        If the SoundFont is so loud that it would pass -1 dBFS, all is made quieter.

    Raises:
        MissingExtraError: If pyfluidsynth or the FluidSynth library is not installed.
        AudioError: If the file is no SoundFont, lacks the kit, or a number is out
            of range.

    Example:
        >>> render_soundfont(groove, "GeneralUser.sf2")  # doctest: +SKIP
    """
    sample_rate = check_sample_rate(sample_rate)
    if sample_rate > 96000:
        raise AudioError(
            f"FluidSynth renders at up to 96000 Hz. Received: sample_rate={sample_rate}"
        )
    if not 0 <= program <= 127:
        raise AudioError(f"program must be from 0 to 127. Received: {program!r}")
    if not 0 < gain <= 10:
        raise AudioError(f"gain must be above 0, up to 10. Received: {gain!r}")
    path = _checked(soundfont)
    events = _midi_events(groove, loops, sample_rate)
    total = round(timeline(groove, loops).total_seconds * sample_rate)
    synth = _synth(sample_rate, gain)
    try:
        number = synth.sfload(str(path))
        if number == -1:
            raise AudioError(f"FluidSynth cannot read the SoundFont {path}")
        if synth.program_select(_CHANNEL, number, _BANK, program) == -1:
            raise AudioError(
                f"The SoundFont {path} has no drum kit {program} (bank {_BANK}). "
                "Use another program, or a General MIDI SoundFont"
            )
        mix = _play(synth, events, total, sample_rate)
    finally:
        synth.delete()
    peak = float(np.abs(mix).max(initial=0.0))
    ceiling = 10 ** (-1 / 20)
    return mix * np.float32(ceiling / peak) if peak > ceiling else mix


def _checked(soundfont: str | os.PathLike[str]) -> Path:
    """The path, once the file's head says that it is a SoundFont.

    FluidSynth itself only prints its complaints.
    """
    try:
        path = user_path(soundfont)
        with open_regular(path) as file:
            head = file.read(12)
    except OSError as error:
        raise AudioError(
            f"Cannot read the SoundFont {soundfont}: {reason(error)}. Give the path of "
            "an .sf2 or .sf3 file"
        ) from error
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        raise AudioError(f"{path} is not a SoundFont (.sf2 or .sf3)")
    return path


def _synth(sample_rate: int, gain: float) -> Any:
    try:
        import fluidsynth
    except ImportError as error:
        # pyfluidsynth raises ImportError as well if the C library is missing.
        raise MissingExtraError(
            "Playing a SoundFont needs pyfluidsynth and the FluidSynth library: "
            'pip install "keras-musicvae[audio]", and apt install libfluidsynth3 '
            f"(Debian) or brew install fluid-synth (macOS). Python says: {error}. "
            "groove.to_audio() plays the built-in kit without either"
        ) from error
    return fluidsynth.Synth(gain=gain, samplerate=float(sample_rate))


def _midi_events(
    groove: "Groove", loops: int, sample_rate: int
) -> list[tuple[int, int, int]]:
    """(sample, pitch, velocity) by time; velocity 0 ends a note."""
    events = timeline(groove, loops, GENERAL_MIDI)
    onsets = np.maximum(np.rint(events.seconds * sample_rate), 0).astype(int)
    result = []
    for onset, pitch, velocity in zip(
        onsets, events.pitches, events.velocities, strict=True
    ):
        note = int(pitch)
        result.append((int(onset), note, max(1, round(127 * velocity))))
        result.append((int(onset + _NOTE_SECONDS * sample_rate), note, 0))
    # At the same sample, a note ends before it is struck again.
    return sorted(result, key=lambda event: (event[0], event[2]))


def _play(
    synth: Any, events: list[tuple[int, int, int]], total: int, sample_rate: int
) -> npt.NDArray[np.float32]:
    pieces = []
    now = 0
    for sample, pitch, velocity in events:
        if sample > now:
            pieces.append(_samples(synth, sample - now))
            now = sample
        if velocity:
            synth.noteon(_CHANNEL, pitch, velocity)
        else:
            synth.noteoff(_CHANNEL, pitch)
    end = total + round(_MAX_TAIL_SECONDS * sample_rate)
    pieces.append(_samples(synth, max(end - now, 0)))
    mix = np.concatenate(pieces)
    audible = np.flatnonzero(np.abs(mix).max(axis=1) > _SILENCE)
    last = int(audible[-1]) + 1 if audible.size else 0
    return mix[: max(total, last)]


def _samples(synth: Any, count: int) -> npt.NDArray[np.float32]:
    pcm = np.asarray(synth.get_samples(count)).reshape(-1, 2)
    return pcm.astype(np.float32) / np.float32(32768)
