"""The `GrooveConverter`: the preprocessor that belongs to a model.

It holds all settings by which the model's music is read (length, time signature,
grid, drum map), what the model is given of it (the task) and which conditions it
reads; it turns grooves into arrays and back, and examples into batches.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from keras_musicvae.errors import (
    ConfigError,
    DrumMapError,
    GrooveError,
    TooShortError,
    shown,
)
from keras_musicvae.grooves.conditions import (
    Unasked,
    check_vocabularies,
    conditions_width,
    encode_conditions,
    find_condition,
)
from keras_musicvae.grooves.drum_maps import DRUM_MAPS, DrumMap, get_drum_map
from keras_musicvae.grooves.examples import Examples
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
    check_groove,
    check_time_signature,
    same_time_signature,
)
from keras_musicvae.grooves.midi import MidiSource, read_midi_parts
from keras_musicvae.grooves.midi_load import source_path
from keras_musicvae.grooves.pieces import Piece
from keras_musicvae.grooves.read_report import ReadReport
from keras_musicvae.grooves.tasks import find_task
from keras_musicvae.grooves.windows import WindowCut, check_bars, cut_windows


class GrooveConverter:
    """Converts grooves of `num_bars` bars to arrays `(num_steps, 27)` and back.

    The columns are hits (0 or 1), velocities (0 to 1) and doubled offsets (-1 to 1,
    positive = early) of the nine drums.

    Args:
        num_bars: Bars of a window, 1 to 1,024. Defaults to 4.
        steps_per_quarter: The grid. Defaults to 4, 16th notes.
        time_signature: The only time signature that is taken (2/2 and 8/8 count as
            4/4). Defaults to `(4, 4)`.
        task: What the model is given of a groove, a name of `tasks.TASKS`. Defaults to
            `"generate"`: nothing.
        conditions: The vocabularies of the conditions that the model reads, by name,
            as `conditions.fit_conditions` gives them. Defaults to none.
        drum_map: The kit of the model's music: a name of `DRUM_MAPS`, a `DrumMap` or
            the path of a JSON file. `read` takes it where it fits a file, and grooves
            of the model are written in its pitches. Defaults to `"roland_td11"`.

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
        task: str = "generate",
        conditions: Mapping[str, Any] | None = None,
        drum_map: str | PathLike[str] | DrumMap = "roland_td11",
    ):
        check_bars("num_bars", num_bars)
        try:
            self.drum_map = get_drum_map(drum_map)
            self.time_signature = check_time_signature(time_signature)
            self.steps_per_bar = bar_steps(self.time_signature, steps_per_quarter)
        except (DrumMapError, GrooveError) as error:
            raise ConfigError(str(error)) from None
        self.num_bars = int(num_bars)
        self.steps_per_quarter = steps_per_quarter
        self.task = find_task(task)
        self.conditions = check_vocabularies(conditions or {})

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

    def read(self, source: MidiSource, **options: Any) -> list[Groove]:
        """The parts of a MIDI file that the model takes, of any length.

        Args:
            source: A path, the bytes of a file, an open file or a
                `miditoolkit.MidiFile`.
            **options: How this file is read: `drum_map`, `channel`, `track`, `limits`
                and the others of `read_midi`, the grid apart.

        Returns:
            A groove for each part in the time signature of the model, one for most
            files. The `report` of the first says what the other parts were.

        Raises:
            GrooveError: No part is in the time signature of the model.
            MidiError: As `read_midi`.
            OSError: The file cannot be opened.
        """
        parts = read_midi_parts(
            source,
            steps_per_quarter=self.steps_per_quarter,
            own_map=self.drum_map,
            **options,
        )
        taken, others = [], Counter[str]()
        for part in parts:
            if same_time_signature(part.time_signature, self.time_signature):
                taken.append(part)
            else:
                others["{}/{}".format(*part.time_signature)] += part.num_bars
        if not taken:
            path = source_path(source)
            self.check_kind(parts[0], f"{path}" if path else "")
        if others:
            bars = ", ".join(f"{count} in {name}" for name, count in others.items())
            remark = "bars left out, as the model takes {}/{}: ".format(
                *self.time_signature
            )
            report = taken[0].report or ReadReport()
            remarks = (*report.remarks, remark + bars)
            taken[0] = replace(taken[0], report=replace(report, remarks=remarks))
        return taken

    def to_array(self, groove: Groove) -> Frames:
        """The performance as an array, `(num_steps, 27)` float32.

        Raises:
            TooShortError: Fewer bars than `num_bars`; `windows` pads or loops.
            GrooveError: More bars, another time signature or another grid.
        """
        self._check(groove)
        return groove_to_frames(groove)

    @property
    def condition_dim(self) -> int:
        """Width of the vector of conditions that the model reads."""
        return conditions_width(self.conditions)

    def to_batch(
        self,
        examples: Examples,
        *,
        condition: Mapping[str, Any] | None = None,
        unasked: Unasked = Unasked.READ,
        generator: np.random.Generator | None = None,
        leave_open: bool = False,
    ) -> dict[str, Frames]:
        """What a model is trained on and reads: the batch of some windows.

        Args:
            examples: The windows.
            condition: Values by the names of conditions, for all windows; None leaves
                one open.
            unasked: What the other conditions are. By default they are read from the
                windows.
            generator: Decides what is left to chance. Defaults to one that always
                decides alike.
            leave_open: Whether conditions are left open at random, so that a model
                learns to do without them: of each window another share, from none to
                all. Defaults to False.

        Returns:
            `grooves` (number, num_steps, 27); `known` (number, num_steps, 54), if the
            task knows anything; `condition` (number, condition_dim), if there are
            conditions.

        Raises:
            ConfigError: There is no such condition, or it does not allow a value.
        """
        generator = generator or np.random.default_rng(0)
        batch = {"grooves": examples.grooves}
        if self.task.knows:
            batch["known"] = self.task.known(examples, generator)
        wishes = self._checked_wishes(condition or {})
        if not self.conditions:
            return batch
        number = len(examples)
        values: dict[str, Any] = {}
        shares = generator.random(number) if leave_open else np.zeros(number)
        for name, vocabulary in self.conditions.items():
            one = find_condition(name)
            if name in wishes:
                values[name] = [wishes[name]] * number
            elif unasked is Unasked.READ:
                values[name] = one.values(examples)
            elif unasked is Unasked.DRAWN and one.drawn:
                values[name] = one.draw(generator.random(number), vocabulary)
            else:
                values[name] = [one.default] * number
            if leave_open:
                left_open = generator.random(number) < shares
                pairs = zip(values[name], left_open, strict=True)
                values[name] = [None if is_open else value for value, is_open in pairs]
        batch["condition"] = encode_conditions(self.conditions, values)
        return batch

    def _checked_wishes(self, condition: Mapping[str, Any]) -> dict[str, Any]:
        checked = {}
        for name, value in condition.items():
            if name not in self.conditions:
                names = ", ".join(self.conditions) or "none"
                raise ConfigError(
                    f"The model has no condition {name!r}; its conditions: {names}."
                )
            one = find_condition(name)
            vocabulary = self.conditions[name]
            checked[name] = (
                None if value is None else one.check_value(value, vocabulary)
            )
        return checked

    def pieces(self, music: object, **reading: Any) -> list[Piece]:
        """Music of any kind as pieces of the converter's windows.

        Arguments as in `inputs.read_pieces`.
        """
        from keras_musicvae.grooves.inputs import read_pieces

        return read_pieces(music, self, **reading)

    def changed(self, **settings: Any) -> "GrooveConverter":
        """The same converter with other settings."""
        return self.from_config({**self.get_config(), **settings})

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
            drum_map=self.drum_map,
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
        """The arguments of the constructor, as JSON; a drum map of users in full."""
        built_in = DRUM_MAPS.get(self.drum_map.name)
        # The order of pitches counts, which `==` of mappings does not see.
        known = built_in is not None and built_in.to_json() == self.drum_map.to_json()
        return {
            "num_bars": self.num_bars,
            "steps_per_quarter": self.steps_per_quarter,
            "time_signature": list(self.time_signature),
            "task": self.task.name,
            "conditions": self.conditions,
            "drum_map": self.drum_map.name if known else self.drum_map.to_config(),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "GrooveConverter":
        """A converter from `get_config()`.

        Raises:
            ConfigError: Unknown or impossible settings.
        """
        if not isinstance(config, Mapping):
            raise ConfigError(
                "a converter's configuration is a mapping. "
                f"Received: {type(config).__name__}"
            )
        arguments = dict(config)
        drum_map = arguments.get("drum_map")
        try:
            if isinstance(drum_map, Mapping):
                arguments["drum_map"] = DrumMap.from_config(drum_map)
            elif "drum_map" in arguments and not (
                isinstance(drum_map, str) and drum_map in DRUM_MAPS
            ):
                # A configuration comes from a stranger: it must not name a file.
                raise ConfigError(
                    f"drum_map must be one of {', '.join(DRUM_MAPS)}, or a map in "
                    f"full. Received: {shown(drum_map)}"
                )
            return cls(**arguments)
        except DrumMapError as error:
            raise ConfigError(str(error)) from None
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

    def check_kind(self, groove: Groove, where: str = "") -> None:
        """Raises `GrooveError` for another time signature or grid than the model's.

        Args:
            groove: A groove of any length.
            where: What it is, for the message.
        """
        check_groove(groove)
        where = f"{where}: " if where else ""
        if not same_time_signature(groove.time_signature, self.time_signature):
            raise GrooveError(
                where
                + "the model takes {}/{}, the groove is in {}/{}".format(
                    *self.time_signature, *groove.time_signature
                )
            )
        if groove.steps_per_quarter != self.steps_per_quarter:
            raise GrooveError(
                f"{where}the model takes {self.steps_per_quarter} steps per quarter "
                f"note, the groove has {groove.steps_per_quarter}; read the file with "
                f"steps_per_quarter={self.steps_per_quarter}"
            )

    def _check(self, groove: Groove) -> None:
        self.check_kind(groove)
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
