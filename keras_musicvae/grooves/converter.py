"""The `GrooveConverter`: the preprocessor that belongs to a model.

It knows the length, time signature and grid that the model was trained for, and its
variant, and turns grooves into arrays of exactly that shape and back.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt

from keras_musicvae.errors import ConfigError, GrooveError, TooShortError
from keras_musicvae.grooves.drum_maps import DRUM_MAPS
from keras_musicvae.grooves.frames import (
    NUM_FEATURES,
    Frames,
    frames_to_groove,
    groove_to_frames,
)
from keras_musicvae.grooves.groove import (
    MAX_STEPS_PER_QUARTER,
    Groove,
    bar_steps,
)
from keras_musicvae.grooves.variants import apply_variant, check_variant
from keras_musicvae.grooves.windows import WindowCut, cut_windows, same_time_signature


class GrooveConverter:
    """Converts grooves of `num_bars` bars to arrays `(num_steps, 27)` and back.

    The columns are hits (0 or 1), velocities (0 to 1) and doubled offsets (-1 to 1,
    positive = early) of the nine drums.

    Args:
        num_bars: Bars of a window. Defaults to 4.
        steps_per_quarter: The grid. Defaults to 4, 16th notes.
        time_signature: The only time signature that is taken (2/2 and 8/8 count as
            4/4). Defaults to `(4, 4)`.
        variant: What the model gets as its input: None, the default, for the
            performance itself, or one of `variants.VARIANTS`.
        drums: The drums that the variant `"infill"` leaves to the model. Defaults to
            the closed hi-hat.
        drum_map: The built-in drum map by which the model's MIDI files are read.
            Defaults to `"roland_td11"`.

    Raises:
        ConfigError: Impossible settings.

    Example:
        >>> converter = GrooveConverter(num_bars=2)
        >>> converter.num_steps
        32
        >>> array = converter.to_array(groove)  # doctest: +SKIP
        >>> converter.to_groove(array, tempo=96)  # doctest: +SKIP
        Groove(2 bars of 4/4, 43 hits, 96 bpm)
    """

    def __init__(
        self,
        num_bars: int = 4,
        *,
        steps_per_quarter: int = 4,
        time_signature: Sequence[int] = (4, 4),
        variant: str | None = None,
        drums: Sequence[str] = ("closed_hihat",),
        drum_map: str = "roland_td11",
    ):
        if isinstance(num_bars, bool) or not isinstance(num_bars, int) or num_bars < 1:
            raise ConfigError(
                f"num_bars must be an integer of 1 or more. Received: {num_bars!r}"
            )
        check_variant(variant, drums)
        # By name only: a preset must not be able to name a file.
        if not isinstance(drum_map, str) or drum_map not in DRUM_MAPS:
            raise ConfigError(
                f"drum_map must be one of {', '.join(DRUM_MAPS)}. "
                f"Received: {drum_map!r}"
            )
        try:
            beats, unit = time_signature
            self.steps_per_bar = bar_steps((beats, unit), steps_per_quarter)
        except (GrooveError, TypeError, ValueError) as error:
            raise ConfigError(str(error)) from None
        self.num_bars = num_bars
        self.steps_per_quarter = steps_per_quarter
        self.time_signature = (int(beats), int(unit))
        self.variant = variant
        self.drums = tuple(drums)
        self.drum_map = drum_map

    @classmethod
    def fitting(cls, num_bars: int, steps_per_bar: int) -> "GrooveConverter":
        """A converter for a number of steps per bar.

        Multiples of 16 are 4/4 on the grid that this takes, other numbers are bars of
        sixteenths: 12 is 3/4.

        Raises:
            ConfigError: No time signature and grid give so many steps.
        """
        grid, rest = divmod(steps_per_bar, 16)
        if not rest and 4 * grid <= MAX_STEPS_PER_QUARTER:
            return cls(num_bars, steps_per_quarter=4 * grid)
        unit = next(unit for unit in (4, 8, 16) if steps_per_bar * unit % 16 == 0)
        return cls(num_bars, time_signature=(steps_per_bar * unit // 16, unit))

    @property
    def num_steps(self) -> int:
        """Steps of a window."""
        return self.num_bars * self.steps_per_bar

    def to_array(self, groove: Groove) -> Frames:
        """The performance as an array, `(num_steps, 27)` float32.

        Raises:
            TooShortError: Fewer bars than `num_bars`; `windows` pads or loops.
            GrooveError: More bars, another time signature or another grid.
        """
        self._check(groove)
        return groove_to_frames(groove)

    def to_inputs(self, array: npt.ArrayLike) -> Frames:
        """What the model gets for a performance: the variant of `(..., steps, 27)`."""
        return apply_variant(self.variant, array, drums=self.drums)

    def to_groove(
        self, array: npt.ArrayLike, tempo: float = 120.0, *, name: str = ""
    ) -> Groove:
        """The groove of an array; a hit is a value above 0.5.

        Args:
            array: `(steps, 27)`, whole bars; values out of range are clipped.
            tempo: Quarter notes per minute. Defaults to 120.
            name: A title for people. Defaults to "".

        Raises:
            GrooveError: Another shape, NaN or infinity, or an impossible tempo.
        """
        return frames_to_groove(
            array,
            tempo=tempo,
            time_signature=self.time_signature,
            steps_per_quarter=self.steps_per_quarter,
            name=name,
        )

    def windows(
        self,
        groove: Groove,
        *,
        hop_bars: int | None = None,
        short: str = "skip",
        tail: str = "skip",
    ) -> WindowCut:
        """The windows of a groove of any length, and what they leave out.

        Arguments as in `windows.cut_windows`.
        """
        return cut_windows(
            groove,
            self.num_bars,
            hop_bars=hop_bars,
            short=short,
            tail=tail,
            time_signature=self.time_signature,
            steps_per_quarter=self.steps_per_quarter,
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as JSON."""
        return {
            "num_bars": self.num_bars,
            "steps_per_quarter": self.steps_per_quarter,
            "time_signature": list(self.time_signature),
            "variant": self.variant,
            "drums": list(self.drums),
            "drum_map": self.drum_map,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "GrooveConverter":
        """A converter from `get_config()`.

        Raises:
            ConfigError: Unknown or impossible settings.
        """
        try:
            return cls(**config)
        except TypeError as error:
            raise ConfigError(f"not a converter's configuration: {error}") from None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GrooveConverter):
            return NotImplemented
        return self.get_config() == other.get_config()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        arguments = ", ".join(f"{k}={v!r}" for k, v in self.get_config().items())
        return f"GrooveConverter({arguments})"

    def _check(self, groove: Groove) -> None:
        if not same_time_signature(groove.time_signature, self.time_signature):
            raise GrooveError(
                "the model takes {}/{}, the groove is in {}/{}".format(
                    *self.time_signature, *groove.time_signature
                )
            )
        if groove.steps_per_quarter != self.steps_per_quarter:
            raise GrooveError(
                f"the model takes {self.steps_per_quarter} steps per quarter note, "
                f"the groove has {groove.steps_per_quarter}; read the file with "
                f"steps_per_quarter={self.steps_per_quarter}"
            )
        if groove.num_bars < self.num_bars:
            raise TooShortError(
                f"the model takes {self.num_bars} bars, the groove has "
                f'{groove.num_bars}; converter.windows(groove, short="loop") or '
                '"pad" makes it long enough'
            )
        if groove.num_bars > self.num_bars:
            raise GrooveError(
                f"the model takes {self.num_bars} bars, the groove has "
                f"{groove.num_bars}; choose some by groove.bars(start, stop), or cut "
                "them all by converter.windows(groove)"
            )


__all__ = ["NUM_FEATURES", "GrooveConverter", "frames_to_groove", "groove_to_frames"]
