"""The configuration of a model: every argument once, with its range and its meaning.

The constructor of `MusicVAE`, `get_config`, presets, the model card, `train --set` and
the help texts derive from the fields of `Architecture` and `Objective`. A new argument
is a new field here. Configurations also come from strangers' presets: the ranges keep
one from asking for absurd amounts of memory.

Keras is not imported here.
"""

import difflib
import inspect
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from keras_musicvae.errors import ConfigError
from keras_musicvae.models.heads import HEADS
from keras_musicvae.models.known import KNOWN_PATHS
from keras_musicvae.rules import (
    Checked,
    Rule,
    argument,
    choice,
    flag,
    integer,
    number,
    optional,
)

MAX_UNITS = 8192
MAX_LAYERS = 8
MAX_STEPS = 4096


def units() -> Rule:
    """The widths of stacked layers."""
    width, _ = integer(1, MAX_UNITS)

    def check(value: Any) -> tuple[int, ...]:
        if isinstance(value, str | bytes) or not 1 <= len(value) <= MAX_LAYERS:
            raise ValueError
        return tuple(width(item) for item in value)

    text = f"a list of 1 to {MAX_LAYERS} integers from 1 to {MAX_UNITS}, one per layer"
    return check, text


@dataclass(frozen=True, kw_only=True)
class Architecture(Checked):
    """What a model is made of. The defaults are the original's `groovae_4bar`, with
    the paper's conductor.
    """

    num_bars: int = argument(4, integer(1, 64), "Bars of a groove.")
    steps_per_bar: int = argument(
        16, integer(1, 768), "Steps of a bar; 16 for 4/4 in sixteenths."
    )
    encoder_units: tuple[int, ...] = argument(
        (512,), units(), "Units of each direction of the encoder, one per layer."
    )
    hierarchical_encoder: bool = argument(
        False, flag(), "Whether bars are encoded first, then their sequence."
    )
    encoder_skip: bool = argument(
        False,
        flag(),
        "Whether the latent also reads the groove itself: a linear path beside the "
        "LSTMs.",
    )
    latent_dim: int = argument(256, integer(1, 4096), "Dimensions of z.")
    prior_units: int = argument(
        0,
        integer(0, MAX_UNITS),
        "Width of the flow that samples are drawn from, see `prior.py`; 0: samples are "
        "drawn from N(0, I).",
    )
    conductor_units: tuple[int, ...] | None = argument(
        (256, 256),
        optional(units()),
        "Units of the conductor, one per layer; None: a flat decoder.",
    )
    conductor_autoregressive: bool = argument(
        False, flag(), "Whether the conductor reads the bar before."
    )
    decoder_units: tuple[int, ...] = argument(
        (256, 256), units(), "Units of the note decoder, one per layer."
    )
    plan_dim: int = argument(
        0,
        integer(0, 1024),
        "Numbers that the note decoder reads at each step from z, by a linear map, "
        "besides the state that z seeds; 0: none.",
    )
    lookback: int = argument(
        0,
        integer(0, 64),
        "Bars ago up to which the note decoder reads the frame at the same place, "
        "besides the place itself; at most those that a groove has; 0: only the frame "
        "before.",
    )
    known: str = argument(
        "nowhere",
        choice(tuple(KNOWN_PATHS)),
        "Where the known part of a groove enters, see `known.py`. With a preprocessor "
        "whose task knows something the default is 'everywhere'.",
    )
    condition_dim: int = argument(
        0,
        integer(0, 4096),
        "Width of the vector of conditions that encoder and decoder read beside z. "
        "With a preprocessor the default is that of its conditions.",
    )
    heads: str = argument(
        "squared_error",
        choice(tuple(HEADS)),
        "How the outputs are read, see `heads/`: the original's squared errors, or "
        "distributions of velocity and offset.",
    )
    hit_threshold: float = argument(
        0.5,
        number(0.01, 0.99),
        "At temperature 0 a hit is played where its probability exceeds this.",
    )
    hit_temperature: float = argument(
        1.0, number(0.1, 2.0), "What the temperature is multiplied by for hits."
    )
    velocity_temperature: float = argument(
        1.0, number(0.1, 2.0), "What the temperature is multiplied by for velocities."
    )
    timing_temperature: float = argument(
        1.0, number(0.1, 2.0), "What the temperature is multiplied by for offsets."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_steps > MAX_STEPS:
            raise ConfigError(
                f"`num_bars * steps_per_bar` must be at most {MAX_STEPS}. Received: "
                f"{self.num_bars} * {self.steps_per_bar}"
            )
        if self.conductor_autoregressive and self.conductor_units is None:
            raise ConfigError(
                "`conductor_autoregressive` needs a conductor. "
                "Received: conductor_units=None"
            )

    @property
    def num_steps(self) -> int:
        """Steps of a groove."""
        return self.num_bars * self.steps_per_bar

    @property
    def bars_back(self) -> int:
        """How many bars the note decoder looks back in a groove."""
        return min(self.lookback, self.num_bars - 1)


@dataclass(frozen=True, kw_only=True)
class Objective(Checked):
    """What a model is trained for."""

    free_bits: float = argument(
        48.0, number(0.0, 1e6), "Bits of KL per groove that cost nothing."
    )
    beta: float = argument(
        0.2, number(0.0, 1e3), "Weight of the KL above the free bits."
    )
    beta_rate: float = argument(
        0.0,
        number(0.0, 1.0, below=True),
        "Annealing of the KL, `beta * (1 - beta_rate ** step)`; 0: none.",
    )
    dropout: float = argument(
        0.0,
        number(0.0, 1.0, below=True),
        "Share of the inputs of every LSTM layer that is dropped in training. The "
        "original's keep probability of 0.3 is a dropout of 0.7.",
    )
    gradient_clip_norm: float | None = argument(
        1.0,
        optional(number(1e-6, 1e9)),
        "Global norm to which gradients are clipped; None: never.",
    )
    gradient_skip_norm: float | None = argument(
        1e4,
        optional(number(1e-6, 1e30)),
        "Global norm from which a step is skipped; None: never.",
    )
    seed: int = argument(
        0,
        integer(0, 2**32 - 1),
        "Seed of the initial weights and of all noise in training.",
    )


PARTS: tuple[type[Architecture], type[Objective]] = (Architecture, Objective)
ARGUMENTS = {item.name: item for part in PARTS for item in fields(part)}


def configure(arguments: Mapping[str, Any]) -> tuple[Architecture, Objective]:
    """The two parts of a configuration; what is not given has its default.

    Args:
        arguments: Arguments of `MusicVAE` by name.

    Raises:
        ConfigError: An argument is unknown, of the wrong type or out of range.

    Example:
        >>> architecture, objective = configure({"latent_dim": 8, "beta": 0.1})
        >>> architecture.latent_dim, objective.beta
        (8, 0.1)
    """
    for name in arguments:
        if name not in ARGUMENTS:
            close = difflib.get_close_matches(name, ARGUMENTS, n=1)
            hint = f"Did you mean {close[0]!r}? " if close else ""
            raise ConfigError(
                f"Unknown model argument: {name!r}. {hint}"
                f"Allowed: {', '.join(ARGUMENTS)}"
            )
    return (
        Architecture(**part_of(Architecture, arguments)),
        Objective(**part_of(Objective, arguments)),
    )


def to_json(*parts: Architecture | Objective) -> dict[str, Any]:
    """All arguments as JSON holds them; `configure` reads them."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for part in parts
        for name, value in asdict(part).items()
    }


def describe(part: type[Architecture] | type[Objective]) -> dict[str, str]:
    """One line for each argument: its meaning, what is allowed, its default."""
    return {
        item.name: f"{item.metadata['text']} Allowed: {item.metadata['rule'][1]}. "
        f"Defaults to {item.default!r}."
        for item in fields(part)
    }


def documented(cls: type) -> type:
    """Gives a model class the signature and the list of its arguments, for `help`."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    arguments = [
        inspect.Parameter(
            item.name, keyword, default=item.default, annotation=item.type
        )
        for item in ARGUMENTS.values()
    ]
    own = list(inspect.signature(cls).parameters.values())
    named = [item for item in own if item.kind is keyword]
    cls.__signature__ = inspect.Signature([*arguments, *named])  # type: ignore[attr-defined]
    lines = [
        f"    {name}: {text}" for part in PARTS for name, text in describe(part).items()
    ]
    own_text = inspect.cleandoc(cls.__doc__ or "")
    cls.__doc__ = "\n".join([own_text, "", "Arguments:", *lines])
    return cls


def part_of(cls: type, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the arguments that are fields of `Architecture` or `Objective`."""
    names = {item.name for item in fields(cls)}
    return {name: value for name, value in arguments.items() if name in names}
