"""Windows of N bars, cut from a whole groove for a model that takes N bars.

They are cut from the converted groove, so that a hit played early on the first
downbeat of a window is in it. What no window holds is counted, never just dropped.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from keras_musicvae.errors import ConfigError, shown
from keras_musicvae.grooves.frames import Frames, groove_to_frames
from keras_musicvae.grooves.groove import (
    Groove,
    check_time_signature,
    same_time_signature,
)

MAX_BARS = 1_024
SHORT = ("skip", "pad", "loop")
TAIL = ("skip", "keep")


@dataclass(frozen=True)
class WindowCut:
    """The frames of one groove and where its windows begin in them.

    Attributes:
        frames: `(steps, 27)` float32, the whole groove; longer than it if it was
            padded or looped to the length of a window.
        start_bars: `(windows,)` int64, the first bar of each window.
        num_bars: Bars of a window.
        steps_per_bar: Steps of a bar.
        bars_left_out: Bars of the groove that no window holds.
        hits_left_out: Hits in these bars.
        reason: Why bars were left out, or what was done to a short groove; "" if
            every bar is in a window as it was played.
    """

    frames: Frames
    start_bars: npt.NDArray[np.int64]
    num_bars: int
    steps_per_bar: int
    bars_left_out: int
    hits_left_out: int
    reason: str

    def __len__(self) -> int:
        return len(self.start_bars)

    @property
    def start_steps(self) -> npt.NDArray[np.int64]:
        """`(windows,)` int64, the first frame of each window."""
        return self.start_bars * self.steps_per_bar

    def arrays(self) -> Frames:
        """The windows themselves, `(windows, num_bars * steps_per_bar, 27)` float32."""
        steps = np.arange(self.num_bars * self.steps_per_bar)
        return self.frames[self.start_steps[:, None] + steps]


def cut_windows(
    groove: Groove,
    num_bars: int,
    *,
    hop_bars: int | None = None,
    short: str = "skip",
    tail: str = "skip",
    time_signature: tuple[int, int] | None = (4, 4),
    steps_per_quarter: int | None = 4,
) -> WindowCut:
    """Cuts a groove into windows of `num_bars` bars.

    Args:
        groove: The groove.
        num_bars: Bars of a window, 1 to 1,024.
        hop_bars: Bars from the start of a window to the next. None, the default:
            `num_bars`, windows that do not overlap.
        short: What to do with a groove of fewer bars than a window: `"skip"`, the
            default; `"pad"` with silence at the end; `"loop"` it until the window is
            full.
        tail: What to do with bars after the last window: `"skip"`, the default and
            Magenta's way; or `"keep"` them by one more window that ends with the
            groove.
        time_signature: The time signature that the model was trained for; a groove in
            another one gives no window. 2/2, 4/4 and 8/8 are one time signature here.
            None: take any.
        steps_per_quarter: The grid of the model, in the same way.

    Returns:
        The windows, and an account of what no window holds.

    Raises:
        ConfigError: An impossible number of bars, or another `short` or `tail`.
        GrooveError: An impossible time signature.

    Example:
        >>> cut = cut_windows(groove, 4, hop_bars=1)  # doctest: +SKIP
        >>> len(cut), cut.arrays().shape, cut.bars_left_out  # doctest: +SKIP
        (5, (5, 64, 27), 0)
    """
    hop = num_bars if hop_bars is None else hop_bars
    _check(num_bars, hop, short, tail)
    if time_signature is not None:
        time_signature = check_time_signature(time_signature)
    frames = groove_to_frames(groove)
    starts: list[int] = []
    reason = ""
    if time_signature is not None and not same_time_signature(
        groove.time_signature, time_signature
    ):
        reason = "time signature {}/{}, not {}/{}".format(
            *groove.time_signature, *time_signature
        )
    elif steps_per_quarter not in (None, groove.steps_per_quarter):
        reason = (
            f"{groove.steps_per_quarter} steps per quarter, "
            f"not {shown(steps_per_quarter)}"
        )
    elif groove.num_bars >= num_bars:
        starts = list(range(0, groove.num_bars - num_bars + 1, hop))
        last = groove.num_bars - num_bars
        if tail == "keep" and starts[-1] + num_bars < groove.num_bars:
            starts.append(last)
    elif short == "skip":
        reason = f"{groove.num_bars} bars, fewer than {num_bars}"
    else:
        starts = [0]
        frames = _lengthen(frames, num_bars * groove.steps_per_bar, short)
        done = "padded" if short == "pad" else "looped"
        reason = f"{groove.num_bars} bars, {done} to {num_bars}"
    covered = np.zeros(groove.num_bars, bool)
    for start in starts:
        covered[start : start + num_bars] = True
    left_out = int((~covered).sum())
    if left_out and not reason:
        reason = f"{left_out} of {groove.num_bars} bars are in no window"
    hits = groove.hits.reshape(groove.num_bars, -1)
    return WindowCut(
        frames=frames,
        start_bars=np.array(starts, np.int64),
        num_bars=num_bars,
        steps_per_bar=groove.steps_per_bar,
        bars_left_out=left_out,
        hits_left_out=int(hits[~covered].sum()),
        reason=reason,
    )


def _lengthen(frames: Frames, num_steps: int, how: str) -> Frames:
    if how == "loop":
        return frames[np.arange(num_steps) % len(frames)]
    return np.pad(frames, ((0, num_steps - len(frames)), (0, 0)))


def _check(num_bars: int, hop_bars: int, short: str, tail: str) -> None:
    check_bars("num_bars", num_bars)
    check_bars("hop_bars", hop_bars)
    for name, choice, allowed in (("short", short, SHORT), ("tail", tail, TAIL)):
        if choice not in allowed:
            raise ConfigError(
                f"{name} must be one of {', '.join(allowed)}. Received: {shown(choice)}"
            )


def check_bars(name: str, value: int) -> None:
    """Raises `ConfigError` for an impossible number of bars."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not 1 <= value <= MAX_BARS:
        raise ConfigError(
            f"{name} must be an integer from 1 to {MAX_BARS:,}. "
            f"Received: {shown(value)}"
        )
