"""Tasks: which part of a groove a model is given, and makes the rest of.

A task looks at grooves and says which of their values are known. The model reads them
as one array `known` (..., steps, 54): 27 values where they are known and zeros
elsewhere, then 27 numbers that are 1 where a value is known, columns as in `frames.py`.
A new task is a new entry of `TASKS`.

`humanize`, `tap2drum` and `add_...` are those of Gillick et al., "Learning to Groove
with Inverse Sequence Transformations" (ICML 2019).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keras_musicvae.errors import ConfigError
from keras_musicvae.grooves.drum_maps import DRUMS, NUM_DRUMS
from keras_musicvae.grooves.examples import Examples
from keras_musicvae.grooves.frames import (
    HITS,
    NUM_FEATURES,
    OFFSETS,
    VELOCITIES,
    Frames,
)

KNOWN_DIM = 2 * NUM_FEATURES
TAP_DRUM = DRUMS.index("open_hihat")

# Grooves and a source of chance -> values and whether they are known, each
# (number, steps, 27).
Look = Callable[[Examples, np.random.Generator], tuple[Frames, NDArray[np.bool_]]]


@dataclass(frozen=True)
class Task:
    """What a model is given of a groove.

    Attributes:
        name: The name, as presets and commands have it.
        text: One sentence that explains it.
        look: Says what is known of grooves; None: nothing.
        kept: Whether what is known is in the result, bit for bit.
    """

    name: str
    text: str
    look: Look | None = None
    kept: bool = True

    @property
    def knows(self) -> bool:
        """Whether anything is known."""
        return self.look is not None

    def known(
        self, examples: Examples, generator: np.random.Generator | None = None
    ) -> Frames:
        """What is known of grooves: (number, steps, 54) float32.

        Args:
            examples: The grooves.
            generator: Decides where a task leaves something to chance. Defaults to one
                that always decides alike.
        """
        if self.look is None:
            raise ConfigError(f"The task {self.name!r} knows nothing of a groove.")
        values, mask = self.look(examples, generator or np.random.default_rng(0))
        values = np.where(mask, values, 0)
        return np.concatenate([values, mask], axis=-1).astype(np.float32)


def find_task(name: object) -> Task:
    """The task of this name.

    Raises:
        ConfigError: There is none.
    """
    if not isinstance(name, str) or name not in TASKS:
        raise ConfigError(
            f"`task` must be one of {', '.join(TASKS)}. Received: {name!r}"
        )
    return TASKS[name]


def register_task(task: Task) -> Task:
    """Makes a task known by its name; returns it."""
    TASKS[task.name] = task
    return task


# --- What is known ------------------------------------------------------------


def hits(
    examples: Examples, generator: np.random.Generator
) -> tuple[Frames, NDArray[np.bool_]]:
    """Where hits are and where not, without their feel."""
    mask = np.zeros(examples.grooves.shape, bool)
    mask[..., HITS] = True
    return examples.grooves, mask


def tapped_rhythm(
    examples: Examples, generator: np.random.Generator
) -> tuple[Frames, NDArray[np.bool_]]:
    """One rhythm: in each step the timing of the loudest hit, on the open hi-hat.

    On a tie the first drum in the order of `DRUMS` is taken.
    """
    grooves = examples.grooves
    loudest = grooves[..., VELOCITIES].argmax(-1)[..., None]
    values, mask = np.zeros_like(grooves), np.zeros(grooves.shape, bool)
    for columns in (HITS, OFFSETS):
        tapped = np.take_along_axis(grooves[..., columns], loudest, -1)[..., 0]
        values[..., columns.start + TAP_DRUM] = tapped
        mask[..., columns.start + TAP_DRUM] = True
    return values, mask


def all_but(*drums: str) -> Look:
    """Everything but some drums."""
    columns = [DRUMS.index(drum) for drum in drums]

    def look(
        examples: Examples, generator: np.random.Generator
    ) -> tuple[Frames, NDArray[np.bool_]]:
        mask = np.ones(examples.grooves.shape, bool)
        for column in columns:
            mask[..., column::NUM_DRUMS] = False
        return examples.grooves, mask

    return look


def some_parts(
    examples: Examples, generator: np.random.Generator
) -> tuple[Frames, NDArray[np.bool_]]:
    """All but some drums, some bars or a run of steps, which chance decides."""
    number, steps, _ = examples.grooves.shape
    unknown = np.zeros((number, steps, NUM_DRUMS), bool)
    kinds = np.asarray(generator.integers(3, size=number))
    for index, kind in enumerate(kinds):
        row = unknown[index]
        if kind == 0:
            row[:, _some(NUM_DRUMS, generator)] = True
        elif kind == 1:
            bars = row.reshape(examples.num_bars, -1, NUM_DRUMS)
            bars[_some(examples.num_bars, generator)] = True
        else:
            first, last = np.sort(generator.integers(steps, size=2))
            row[first : last + 1] = True
    return examples.grooves, np.tile(~unknown, 3)


def first_bars(
    examples: Examples, generator: np.random.Generator
) -> tuple[Frames, NDArray[np.bool_]]:
    """The first bars, at least one and not all; of a single bar its first half."""
    number, steps, width = examples.grooves.shape
    parts = max(examples.num_bars, 2)
    ends = generator.integers(1, parts, size=number) * steps // parts
    known = np.arange(steps) < ends[:, None]
    return examples.grooves, np.repeat(known[..., None], width, axis=-1)


def _some(number: int, generator: np.random.Generator) -> NDArray[np.intp]:
    """At least one of `number` things."""
    return generator.permutation(number)[: generator.integers(1, number + 1)]


TASKS: dict[str, Task] = {}
for _task in (
    Task("generate", "Nothing is known: new grooves."),
    Task("humanize", "The hits are known, velocity and timing are made.", hits),
    Task(
        "tap2drum",
        "One tapped rhythm is known: drums to it.",
        tapped_rhythm,
        kept=False,
    ),
    Task("infill", "All but some drums, bars or steps are known.", some_parts),
    Task("continue", "The first bars are known, the next are made.", first_bars),
    *(
        Task(f"add_{drum}", f"All but one drum is known: {drum}.", all_but(drum))
        for drum in DRUMS
    ),
):
    register_task(_task)
