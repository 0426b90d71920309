"""Between a groove and its frames, the rows of the model's arrays.

A frame is one step: `hits[9] | velocities[9] | offsets[9] * 2` as float32, the drums
in the order of `drum_maps.DRUMS`; a hit half a step early has the offset +1.
"""

import numpy as np
import numpy.typing as npt

from keras_musicvae.errors import GrooveError, shown
from keras_musicvae.grooves.drum_maps import NUM_DRUMS, ROLAND_TD11, DrumMap
from keras_musicvae.grooves.groove import Groove, check_groove

NUM_FEATURES = 3 * NUM_DRUMS
HITS = slice(0, NUM_DRUMS)
VELOCITIES = slice(NUM_DRUMS, 2 * NUM_DRUMS)
OFFSETS = slice(2 * NUM_DRUMS, 3 * NUM_DRUMS)

# A model's hit is a probability, or a sample of it.
HIT_THRESHOLD = 0.5

Frames = npt.NDArray[np.float32]


def groove_to_frames(groove: Groove) -> Frames:
    """A whole groove as frames: `(groove.num_steps, 27)` float32."""
    check_groove(groove)
    return np.concatenate(
        [groove.hits.astype(np.float32), groove.velocities, groove.offsets * 2], axis=1
    )


def frames_to_groove(
    frames: npt.ArrayLike,
    *,
    tempo: float = 120.0,
    time_signature: tuple[int, int] = (4, 4),
    steps_per_quarter: int = 4,
    name: str = "",
    drum_map: DrumMap = ROLAND_TD11,
) -> Groove:
    """A groove of frames, as a model or a dataset gives them.

    A hit is a value above 0.5; velocities are clipped to 0 to 1, offsets to half a
    step.

    Args:
        frames: `(steps, 27)`, whole bars; finite.
        tempo: Quarter notes per minute. Defaults to 120.
        time_signature: Defaults to `(4, 4)`.
        steps_per_quarter: The grid. Defaults to 4.
        name: A title for people. Defaults to "".
        drum_map: The kit that the groove is written for. Defaults to Roland TD-11.

    Raises:
        GrooveError: Another shape, NaN or infinity, or impossible settings.
    """
    try:
        values = np.asarray(frames, np.float32)
    except (TypeError, ValueError, OverflowError):
        raise GrooveError(
            f"frames must be numbers. Received: {shown(frames)}"
        ) from None
    if values.ndim != 2 or values.shape[1] != NUM_FEATURES:
        raise GrooveError(
            f"frames must have the shape (steps, {NUM_FEATURES}). "
            f"Received: shape {values.shape}"
        )
    if not np.isfinite(values).all():
        raise GrooveError("frames must be finite. Received: NaN or infinity")
    hits = values[:, HITS] > HIT_THRESHOLD
    return Groove(
        hits=hits,
        velocities=np.clip(values[:, VELOCITIES], 0, 1),
        offsets=np.clip(values[:, OFFSETS], -1, 1) * np.float32(0.5),
        tempo=tempo,
        time_signature=time_signature,
        steps_per_quarter=steps_per_quarter,
        name=name,
        drum_map=drum_map,
    )
