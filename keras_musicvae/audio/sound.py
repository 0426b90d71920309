"""A groove as sound, whichever engine plays it: what `Groove` itself calls."""

import os
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from keras_musicvae.audio.render import render
from keras_musicvae.audio.soundfont import render_soundfont
from keras_musicvae.audio.wav import write_wav
from keras_musicvae.errors import AudioError

if TYPE_CHECKING:
    from keras_musicvae.grooves.groove import Groove


def groove_to_audio(
    groove: "Groove",
    *,
    sample_rate: int = 44100,
    loops: int = 1,
    wrap: bool = False,
    soundfont: str | os.PathLike[str] | None = None,
) -> npt.NDArray[np.float32]:
    """Plays a groove on the built-in kit, or with a SoundFont.

    Args:
        groove: What to play.
        sample_rate: In hertz.
        loops: How often the groove is played in a row.
        wrap: Whether the result repeats without a seam (built-in kit only).
        soundfont: Path of a SoundFont for FluidSynth (extra `audio`); None plays
            the built-in kit.

    Returns:
        (samples, 2) float32 in [-1, 1]; see `render` and `render_soundfont`.

    Raises:
        AudioError: If a number is out of range, the SoundFont is none, or `wrap` is
            asked of one.
        MissingExtraError: If a SoundFont is given and FluidSynth is not installed.

    Example:
        >>> groove_to_audio(groove, loops=4, wrap=True)  # doctest: +SKIP
    """
    if soundfont is None:
        return render(groove, sample_rate, loops=loops, wrap=wrap)
    if wrap:
        raise AudioError(
            "wrap=True works with the built-in kit only: leave out wrap or soundfont"
        )
    return render_soundfont(groove, soundfont, sample_rate, loops=loops)


def save_audio(
    groove: "Groove",
    path: str | os.PathLike[str],
    *,
    sample_rate: int = 44100,
    loops: int = 1,
    wrap: bool = False,
    soundfont: str | os.PathLike[str] | None = None,
) -> None:
    """Writes a groove as a 16-bit stereo WAV file.

    Args:
        groove: What to play.
        path: Where to write; the file is complete or not there at all.
        sample_rate: As in `groove_to_audio`, like all that follows.
        loops: See there.
        wrap: See there.
        soundfont: See there.

    Raises:
        AudioError: As `groove_to_audio`.
        MissingExtraError: As `groove_to_audio`.
        OutputError: If the file cannot be written.

    Example:
        >>> save_audio(groove, "loop.wav", wrap=True)  # doctest: +SKIP
    """
    samples = groove_to_audio(
        groove, sample_rate=sample_rate, loops=loops, wrap=wrap, soundfont=soundfont
    )
    write_wav(path, samples, sample_rate)
