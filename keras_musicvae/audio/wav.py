"""Writes samples as a WAV file, or as the bytes of one."""

import io
import os
import wave

import numpy as np
import numpy.typing as npt

from keras_musicvae.audio.timeline import check_sample_rate
from keras_musicvae.errors import AudioError
from keras_musicvae.files import replacing


def write_wav(
    path: str | os.PathLike[str], samples: npt.ArrayLike, sample_rate: int = 44100
) -> None:
    """Writes a 16-bit WAV file; the file is complete or not there at all.

    Args:
        path: Where to write; an existing file is replaced.
        samples: (samples,) mono or (samples, channels) of 1 or 2 channels, in
            [-1, 1]; what lies beyond is clipped.
        sample_rate: In hertz, 8000 to 192000.

    Raises:
        AudioError: If the samples have another shape or are not finite, or the sample
            rate is out of range.
        OutputError: If the file cannot be written.

    Example:
        >>> write_wav("silence.wav", np.zeros(44100))  # doctest: +SKIP
    """
    content = wav_bytes(samples, sample_rate)
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def wav_bytes(samples: npt.ArrayLike, sample_rate: int = 44100) -> bytes:
    """The bytes of the file that `write_wav` writes.

    Args:
        samples: As for `write_wav`.
        sample_rate: In hertz.

    Raises:
        AudioError: If the samples have another shape or are not finite.
    """
    sample_rate = check_sample_rate(sample_rate)
    array = np.asarray(samples)
    if array.dtype.kind not in "iuf":
        raise AudioError(f"Samples must be numbers. Received: {array.dtype} values")
    if array.ndim == 1:
        array = array[:, np.newaxis]
    if array.ndim != 2 or array.shape[1] not in (1, 2):
        raise AudioError(
            "Samples must have shape (samples,), (samples, 1) or (samples, 2). "
            f"Received: shape {np.shape(samples)}"
        )
    if not np.all(np.isfinite(array)):
        raise AudioError("Samples must be finite numbers. Received: NaN or infinity")
    pcm = np.rint(np.clip(array, -1, 1) * 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(array.shape[1])
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(pcm.tobytes())
    return buffer.getvalue()
