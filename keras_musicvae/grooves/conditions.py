"""Conditions: named values that a player can wish for, such as a style or a density.

A model reads them as one vector per window. Each condition has a vocabulary, fitted on
the training windows and saved with the preset; a value may be left open, which has a
code of its own. A new condition is a new entry of `CONDITIONS`.
"""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_musicvae.errors import ConfigError
from keras_musicvae.grooves.examples import Examples
from keras_musicvae.grooves.frames import HITS, OFFSETS, VELOCITIES

MAX_CHOICES = 256
NUM_RANKS = 33
# Deviations by which a number can be moved.
MAX_MOVE = 10
# The least difference between the values of neighbouring ranks.
_APART = 1e-9
Arrays = NDArray[np.float32]
# The value of each window, None where it is open.
Values = Sequence[Any]


class Unasked(Enum):
    """What the conditions are that nobody asks for."""

    READ = "read from the windows"
    DEFAULT = "their defaults, mostly open"
    DRAWN = "their defaults, or random where new grooves should differ"


@dataclass(frozen=True)
class Condition(ABC):
    """A named value of each window.

    Attributes:
        name: The name, as presets, verbs and commands have it.
        text: One sentence that explains it, with its unit.
        read: The value of each of some windows, None where it cannot be told; an empty
            sequence if it can be told of none.
        default: The value of new grooves for which none is asked; None: open.
        drawn: Whether new grooves for which none is asked get a random value.
    """

    name: str
    text: str
    read: Callable[[Examples], Values]
    default: Any = None
    drawn: bool = False

    def values(self, examples: Examples) -> Values:
        """The value of each window, None where it is open."""
        return list(self.read(examples)) or [None] * len(examples)

    @abstractmethod
    def fit(self, values: Values) -> Any:
        """The vocabulary of values, as JSON."""

    @abstractmethod
    def check_vocabulary(self, vocabulary: Any) -> Any:
        """A stranger's vocabulary, in plain types.

        Raises:
            ValueError: It is none.
        """

    @abstractmethod
    def check_value(self, value: Any, vocabulary: Any) -> Any:
        """A value that someone wishes for.

        Raises:
            ConfigError: It is not allowed.
        """

    @abstractmethod
    def width(self, vocabulary: Any) -> int:
        """Numbers of the code of a value."""

    @abstractmethod
    def encode(self, values: Values, vocabulary: Any) -> Arrays:
        """The codes of values, (number, width); zeros where a value is open."""

    def draw(self, chance: NDArray[Any], vocabulary: Any) -> Values:
        """Random values, as often as in the training windows.

        Args:
            chance: (number,), uniform in (0, 1).
            vocabulary: See `fit`.
        """
        raise NotImplementedError  # Only of conditions that are `drawn`.

    def moved(self, codes: Arrays, amount: Any, vocabulary: Any) -> Arrays:
        """Codes after a change: of a number by so many deviations, else to a value."""
        value = self.check_value(amount, vocabulary)
        return self.encode([value] * len(codes), vocabulary)


class NumberCondition(Condition):
    """A number; its code is how far it lies from the mean, and 1."""

    def fit(self, values: Values) -> dict[str, float]:
        """Mean and standard deviation."""
        known = np.array([value for value in values if value is not None], np.float64)
        if not len(known):
            raise ConfigError(f"No window has a {self.name}; leave it out.")
        return {"mean": float(known.mean()), "stddev": float(known.std()) or 1.0}

    def check_vocabulary(self, vocabulary: Any) -> dict[str, float]:
        """A mean, and a standard deviation above 0."""
        mean, stddev = float(vocabulary["mean"]), float(vocabulary["stddev"])
        if len(vocabulary) != 2 or not np.isfinite([mean, stddev]).all() or stddev <= 0:
            raise ValueError
        return {"mean": mean, "stddev": stddev}

    def check_value(self, value: Any, vocabulary: Any) -> float:
        """A finite number."""
        number = isinstance(value, Real) and not isinstance(value, bool)
        if not number or not abs(value) < 1e9:
            raise ConfigError(
                f"The condition `{self.name}` must be a number. {self.text} "
                f"Received: {value!r}"
            )
        return float(value)

    def width(self, vocabulary: Any) -> int:
        """The value, and whether there is one."""
        return 2

    def encode(self, values: Values, vocabulary: Any) -> Arrays:
        """(number, 2)."""
        known = np.array([value is not None for value in values])
        numbers = np.array([0.0 if value is None else value for value in values])
        scaled = (numbers - vocabulary["mean"]) / vocabulary["stddev"]
        return np.stack([known * scaled, known], axis=1).astype(np.float32)

    def moved(self, codes: Arrays, amount: Any, vocabulary: Any) -> Arrays:
        """Plus `amount`; what is not known stays open."""
        shift = np.array([_amount(self, amount), 0.0], np.float32)
        return codes + codes[:, 1:] * shift


class RankedCondition(Condition):
    """A number that is asked for by its rank among the training windows, 0 to 1.

    0 is the least that a drummer played, 0.5 the middle, 1 the most. The vocabulary
    holds the values of evenly spaced ranks; the code is the rank, scaled to the
    deviation 1, and 1.
    """

    def fit(self, values: Values) -> list[float]:
        """The values of `NUM_RANKS` ranks."""
        known = np.array([value for value in values if value is not None], np.float64)
        if not len(known):
            raise ConfigError(f"No window has a {self.name}; leave it out.")
        ranks = np.quantile(known, np.linspace(0, 1, NUM_RANKS))
        # Where many windows have one value, ranks still differ.
        apart: list[float] = (ranks + _APART * np.arange(NUM_RANKS)).tolist()
        return apart

    def check_vocabulary(self, vocabulary: Any) -> list[float]:
        """Increasing numbers."""
        ranks = np.array(vocabulary, np.float64)
        if (
            ranks.shape != (NUM_RANKS,)
            or not np.isfinite(ranks).all()
            or not (np.diff(ranks) > 0).all()
        ):
            raise ValueError
        return [float(value) for value in ranks]

    def check_value(self, value: Any, vocabulary: Any) -> float:
        """A number from 0 to 1; returns the value of this rank."""
        number = isinstance(value, Real) and not isinstance(value, bool)
        if not number or not 0 <= value <= 1:
            raise ConfigError(
                f"The condition `{self.name}` must be a number from 0 to 1. "
                f"{self.text} Received: {value!r}"
            )
        return self.draw(np.array([value]), vocabulary)[0]

    def draw(self, chance: NDArray[Any], vocabulary: Any) -> list[float]:
        """The values of ranks."""
        ranks = np.linspace(0, 1, NUM_RANKS)
        # Of a value that many windows have, the code is that of its lowest rank.
        values = np.interp(chance, ranks, vocabulary) - NUM_RANKS * _APART
        found: list[float] = values.tolist()
        return found

    def width(self, vocabulary: Any) -> int:
        """The rank, and whether there is one."""
        return 2

    def encode(self, values: Values, vocabulary: Any) -> Arrays:
        """(number, 2)."""
        known = np.array([value is not None for value in values])
        numbers = np.array([0.0 if value is None else value for value in values])
        ranks = np.interp(numbers, vocabulary, np.linspace(0, 1, NUM_RANKS))
        scaled = (ranks - 0.5) * 12**0.5
        return np.stack([known * scaled, known], axis=1).astype(np.float32)

    def moved(self, codes: Arrays, amount: Any, vocabulary: Any) -> Arrays:
        """Plus `amount`, at most to the ends; what is not known stays open."""
        shift = np.array([_amount(self, amount), 0.0], np.float32)
        moved = codes + codes[:, 1:] * shift
        return np.clip(moved, -(3**0.5), 3**0.5)


class ChoiceCondition(Condition):
    """One of some names; its code has a 1 at the place of the name."""

    def fit(self, values: Values) -> list[str]:
        """The names, in the order of the alphabet."""
        names = sorted({value for value in values if value is not None})
        if not 1 <= len(names) <= MAX_CHOICES:
            raise ConfigError(
                f"The windows must have 1 to {MAX_CHOICES} values of {self.name}. "
                f"Received: {len(names)}"
            )
        return names

    def check_vocabulary(self, vocabulary: Any) -> list[str]:
        """Distinct names."""
        names = list(vocabulary)
        if (
            not isinstance(vocabulary, list | tuple)
            or not all(isinstance(name, str) and len(name) <= 64 for name in names)
            or not 1 <= len(set(names)) == len(names) <= MAX_CHOICES
        ):
            raise ValueError
        return names

    def check_value(self, value: Any, vocabulary: Any) -> str:
        """A name of the vocabulary."""
        if value not in vocabulary:
            raise ConfigError(
                f"The condition `{self.name}` must be one of "
                f"{', '.join(vocabulary)}. Received: {value!r}"
            )
        return str(value)

    def width(self, vocabulary: Any) -> int:
        """One number for each name."""
        return len(vocabulary)

    def encode(self, values: Values, vocabulary: Any) -> Arrays:
        """(number, names); a name that is not in the vocabulary is open."""
        names = np.array(vocabulary, object)
        return (np.array(list(values), object)[:, None] == names).astype(np.float32)


class FlagCondition(Condition):
    """Yes or no; its code is 1 or -1, and 1."""

    def fit(self, values: Values) -> bool:
        """Whether both occur; without that nothing can be learned."""
        found = {value for value in values if value is not None}
        if len(found) < 2:
            raise ConfigError(
                f"The windows must have both values of {self.name}. "
                f"Received: {found or 'none'}"
            )
        return True

    def check_vocabulary(self, vocabulary: Any) -> bool:
        """True."""
        if vocabulary is not True:
            raise ValueError
        return True

    def check_value(self, value: Any, vocabulary: Any) -> bool:
        """True or False."""
        if not isinstance(value, bool):
            raise ConfigError(
                f"The condition `{self.name}` must be True or False. {self.text} "
                f"Received: {value!r}"
            )
        return value

    def width(self, vocabulary: Any) -> int:
        """The answer, and whether there is one."""
        return 2

    def encode(self, values: Values, vocabulary: Any) -> Arrays:
        """(number, 2)."""
        answers = [0 if value is None else 1 if value else -1 for value in values]
        return np.array([[a, abs(a)] for a in answers], np.float32).reshape(-1, 2)


# --- The conditions of some windows -------------------------------------------


def fit_conditions(names: Sequence[str], examples: Examples) -> dict[str, Any]:
    """The vocabularies of conditions, as a `GrooveConverter` takes them.

    Args:
        names: Names in `CONDITIONS`.
        examples: The training windows.

    Raises:
        ConfigError: An unknown name, or a condition that no window tells.

    Example:
        >>> import numpy as np
        >>> grooves = np.zeros((2, 32, 27), np.float32)
        >>> fit_conditions(["style"], Examples(grooves, 2, style=["rock", "funk"]))
        {'style': ['funk', 'rock']}
    """
    found = {name: find_condition(name) for name in names}
    return {name: one.fit(one.values(examples)) for name, one in found.items()}


def find_condition(name: object) -> Condition:
    """The condition of this name.

    Raises:
        ConfigError: There is none.
    """
    if not isinstance(name, str) or name not in CONDITIONS:
        raise ConfigError(
            f"A condition is one of {', '.join(CONDITIONS)}. Received: {name!r}"
        )
    return CONDITIONS[name]


def check_vocabularies(conditions: object) -> dict[str, Any]:
    """The vocabulary of each condition by its name, in plain types.

    Raises:
        ConfigError: An unknown condition, or no vocabulary of it.
    """
    if not isinstance(conditions, Mapping):
        raise ConfigError(
            "`conditions` must be vocabularies by the names of conditions, as "
            f"`fit_conditions` gives them. Received: {conditions!r}"
        )
    checked = {}
    for name, vocabulary in conditions.items():
        condition = find_condition(name)
        try:
            checked[name] = condition.check_vocabulary(vocabulary)
        except (KeyError, TypeError, ValueError, ArithmeticError):
            raise ConfigError(
                f"Not a vocabulary of the condition {name!r}: {vocabulary!r:.200}"
            ) from None
    return checked


def conditions_width(vocabularies: Mapping[str, Any]) -> int:
    """Numbers of the vector that a model reads."""
    return sum(CONDITIONS[name].width(v) for name, v in vocabularies.items())


def encode_conditions(
    vocabularies: Mapping[str, Any], values: Mapping[str, Values]
) -> Arrays:
    """The vectors of windows, (number, `conditions_width`).

    Args:
        vocabularies: Vocabularies by name; their order is that of the codes.
        values: The value of each window, for every condition.
    """
    codes = [CONDITIONS[n].encode(values[n], v) for n, v in vocabularies.items()]
    return np.concatenate(codes, axis=1)


def move_conditions(
    vocabularies: Mapping[str, Any], codes: Arrays, moves: Mapping[str, Any]
) -> Arrays:
    """The vectors of windows after some conditions have changed.

    Args:
        vocabularies: As in `encode_conditions`.
        codes: (number, `conditions_width`).
        moves: Deviations by the names of numbers, new values by those of others.

    Raises:
        ConfigError: There is no such condition, or it does not allow a value.
    """
    for name in moves:
        if name not in vocabularies:
            known = ", ".join(vocabularies) or "none"
            raise ConfigError(
                f"The model has no condition {name!r}; its conditions: {known}."
            )
    codes = codes.astype(np.float32)  # a copy
    for name, columns in _columns(vocabularies).items():
        if name in moves:
            own, vocabulary = codes[:, columns], vocabularies[name]
            codes[:, columns] = CONDITIONS[name].moved(own, moves[name], vocabulary)
    return codes


def open_conditions(
    vocabularies: Mapping[str, Any],
    codes: Arrays,
    windows: Mapping[str, NDArray[np.bool_]],
) -> Arrays:
    """The vectors of windows after some conditions are left open.

    Args:
        vocabularies: As in `encode_conditions`.
        codes: (number, `conditions_width`).
        windows: (number,) by the names of conditions, where they are left open; those
            that the model lacks do not count.
    """
    codes = codes.copy()
    for name, columns in _columns(vocabularies).items():
        if name in windows:
            codes[windows[name], columns] = 0.0
    return codes


def conditions_of(
    vocabularies: Mapping[str, Any],
    codes: Arrays,
    others: Arrays,
    names: Collection[str],
) -> Arrays:
    """The vectors of windows, of which some conditions are those of other windows."""
    codes = codes.copy()
    for name, columns in _columns(vocabularies).items():
        if name in names:
            codes[:, columns] = others[:, columns]
    return codes


def _columns(vocabularies: Mapping[str, Any]) -> dict[str, slice]:
    """Where the code of each condition is in the vectors."""
    columns, start = {}, 0
    for name, vocabulary in vocabularies.items():
        end = start + CONDITIONS[name].width(vocabulary)
        columns[name], start = slice(start, end), end
    return columns


def _amount(condition: Condition, amount: Any) -> float:
    number = isinstance(amount, Real) and not isinstance(amount, bool)
    if not number or not abs(amount) <= MAX_MOVE:
        raise ConfigError(
            f"The condition `{condition.name}` is moved by a number of deviations from "
            f"-{MAX_MOVE} to {MAX_MOVE}. Received: {amount!r}"
        )
    return float(amount)


def register_condition(condition: Condition) -> Condition:
    """Makes a condition known by its name; returns it."""
    CONDITIONS[condition.name] = condition
    return condition


# --- What can be told of a window ---------------------------------------------


def _fill(examples: Examples) -> Values:
    return [None if kind is None else kind == "fill" for kind in examples.kind]


def _phrase(examples: Examples) -> Values:
    """Which bar of a phrase, as long as a window, is the first; "1" where it starts."""
    bars = examples.num_bars
    return [None if n is None else str(n % bars + 1) for n in examples.start_bar]


def _density(examples: Examples) -> Values:
    return examples.grooves[..., HITS].sum(axis=(1, 2)) / examples.num_bars


def _loudness(examples: Examples) -> Values:
    return _mean_of_hits(examples.grooves, VELOCITIES, slice(None))


def _swing(examples: Examples) -> Values:
    """How much later the second and fourth sixteenth of a beat are than the others."""
    even, odd = (
        _mean_of_hits(examples.grooves, OFFSETS, slice(start, None, 2))
        for start in (0, 1)
    )
    # Offsets are doubled and positive where early.
    return [
        None if a is None or b is None else 0.5 * (a - b)
        for a, b in zip(even, odd, strict=True)
    ]


def _repetition(examples: Examples) -> Values:
    """The mean Jaccard index of the hits of two bars; None for one bar or no hits."""
    bars = examples.num_bars
    hits = examples.grooves[..., HITS].reshape(len(examples), bars, -1) > 0.5
    pairs = list(itertools.combinations(range(bars), 2))
    values: list[float | None] = []
    for groove in hits:
        both = np.array([(groove[a] & groove[b]).sum() for a, b in pairs])
        either = np.array([(groove[a] | groove[b]).sum() for a, b in pairs])
        known = either > 0
        alike = both[known] / either[known]
        values.append(float(alike.mean()) if len(alike) else None)
    return values


def _mean_of_hits(grooves: Arrays, columns: slice, steps: slice) -> list[float | None]:
    """The mean of a value over the hits of each window; None where there is none."""
    hits = grooves[:, steps, HITS]
    sums = (hits * grooves[:, steps, columns]).sum(axis=(1, 2))
    counts = hits.sum(axis=(1, 2))
    return [
        float(total / count) if count else None
        for total, count in zip(sums, counts, strict=True)
    ]


CONDITIONS: dict[str, Condition] = {}
for _condition in (
    ChoiceCondition("style", "The style, as the dataset names it.", lambda e: e.style),
    FlagCondition("fill", "Whether a fill ends the phrase.", _fill, default=False),
    NumberCondition("tempo", "Quarter notes per minute.", lambda e: e.tempo),
    RankedCondition(
        "density",
        "Hits per bar: 0 is the sparsest that drummers play, 0.5 the middle, 1 the "
        "densest.",
        _density,
    ),
    RankedCondition(
        "loudness",
        "Mean velocity: 0 is the softest that drummers play, 0.5 the middle, 1 the "
        "loudest.",
        _loudness,
    ),
    RankedCondition(
        "swing",
        "How late off-beat sixteenths are: 0 is the straightest that drummers play, "
        "0.5 the middle, 1 the most swung.",
        _swing,
    ),
    RankedCondition(
        "repetition",
        "How alike the bars are: 0 is the least that drummers repeat, 0.5 the middle, "
        "1 the most, equal bars.",
        _repetition,
        drawn=True,
    ),
    ChoiceCondition(
        "phrase",
        "The bar of a phrase with which a groove begins; 1 is where phrases begin.",
        _phrase,
        default="1",
    ),
):
    register_condition(_condition)
