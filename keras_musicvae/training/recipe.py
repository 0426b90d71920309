"""Recipes: a named set of architecture, objective and run.

`train` follows one, `RECIPES["groove"]` by default; `Recipe.changed` changes any of its
fields or of the model's arguments by name, as `train --set` does.
"""

import difflib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from keras_musicvae.errors import ConfigError
from keras_musicvae.grooves.conditions import find_condition
from keras_musicvae.grooves.tasks import find_task
from keras_musicvae.rules import (
    Checked,
    argument,
    choice,
    flag,
    integer,
    number,
    optional,
)


def _conditions(names: Any) -> tuple[str, ...]:
    if isinstance(names, str):
        raise TypeError
    return tuple(find_condition(name).name for name in names)


PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


@dataclass(frozen=True, kw_only=True)
class Recipe(Checked):
    """How to make a model. A resumed run must be given the same recipe.

    The fields say what they mean and what is allowed (`rules.argument`).

    Raises:
        ConfigError: A value is not allowed.
    """

    epochs: int = argument(20, integer(1), "Passes over the training windows.")
    batch_size: int = argument(64, integer(1), "Windows of a training step.")
    learning_rate: float = argument(
        2e-3, number(1e-9, 1.0, below=True), "Adam's, at its highest."
    )
    schedule: str = argument(
        "cosine",
        choice(("cosine", "exponential")),
        "The learning rate rises for the first 2 % of the steps and then falls to zero "
        "along a cosine; or it falls towards 1e-5 by 0.9999 a step, as the original's.",
    )
    precision: str = argument(
        "float32",
        choice(PRECISIONS),
        "bfloat16 is mixed precision, faster where the processor has it (AVX-512 "
        "bfloat16, AMX) and on a GPU.",
    )
    seed: int = argument(
        0,
        integer(0, 2**32 - 1),
        "Seed of the initial weights, the order of the batches and all noise.",
    )
    augment: bool = argument(
        True,
        flag(),
        "Whether the training windows are varied in dynamics, feel and first bar, see "
        "`augmentation.py`.",
    )
    calibrate: bool = argument(
        True,
        flag(),
        "Whether the trained model gets the `hit_threshold` that suits the validation "
        "windows best, see `finish.py`.",
    )
    task: str | None = argument(
        None,
        optional((lambda name: find_task(name).name, "a name of `tasks.TASKS`")),
        "What the model is given of a groove; None: that of the preset whose weights "
        "are trained on, else nothing.",
    )
    conditions: tuple[str, ...] = argument(
        (),
        (_conditions, "a list of names of `conditions.CONDITIONS`"),
        "Which conditions a new model reads, such as style and density.",
    )
    # Arguments of `MusicVAE` that differ from its defaults: its architecture and
    # objective. Bars, steps and preprocessor are those of the windows.
    model: Mapping[str, Any] = field(default_factory=dict)

    def changed(self, **values: Any) -> "Recipe":
        """The recipe with other values: of its fields, or arguments of `MusicVAE`.

        Raises:
            ConfigError: A value is out of range, or belongs to the data.

        Example:
            >>> recipe = RECIPES["groove"].changed(epochs=5, beta=0.2)
            >>> recipe.epochs, recipe.model["beta"]
            (5, 0.2)
        """
        run = {item.name for item in fields(self)} - {"model"}
        for name in set(values) & {"model", *FROM_DATA}:
            raise ConfigError(f"{name!r} cannot be set here: it follows from the data.")
        own = {name: value for name, value in values.items() if name in run}
        model = {name: value for name, value in values.items() if name not in run}
        return replace(self, **own, model={**self.model, **model})

    def to_json(self) -> dict[str, Any]:
        """The recipe as JSON."""
        return json.loads(json.dumps(asdict(self)))


FROM_DATA = (
    *("num_bars", "steps_per_bar", "condition_dim"),
    *("preprocessor", "dtype", "name"),
)
"""Arguments of `MusicVAE` that the data or the run decide."""

RECIPES = {
    "groove": Recipe(
        epochs=10,
        calibrate=False,
        conditions=(
            *("style", "fill", "tempo", "density", "loudness", "swing"),
            *("repetition", "phrase"),
        ),
        model={
            "encoder_units": [192],
            "hierarchical_encoder": True,
            "latent_dim": 64,
            "prior_units": 512,
            "conductor_units": None,
            "decoder_units": [448],
            "lookback": 3,
            "heads": "chained",
            "free_bits": 48.0,
            "beta": 0.5,
            "dropout": 0.1,
            "gradient_clip_norm": 50.0,
            # Chosen on the validation windows: how well a classifier tells samples.
            "hit_threshold": 0.35,
            "hit_temperature": 0.8,
            "velocity_temperature": 0.75,
        },
    ),
    "codec": Recipe(
        model={
            "encoder_units": [128],
            "hierarchical_encoder": True,
            "encoder_skip": True,
            "latent_dim": 256,
            "prior_units": 512,
            "plan_dim": 64,
            "conductor_units": [256],
            "decoder_units": [256],
            "heads": "histogram",
            "free_bits": 0.0,
            "beta": 0.1,
            "dropout": 0.1,
        }
    ),
    "magenta": Recipe(
        epochs=100,
        batch_size=512,
        learning_rate=1e-3,
        schedule="exponential",
        augment=False,
        calibrate=False,
        model={
            "encoder_units": [512],
            "latent_dim": 256,
            "conductor_units": None,
            "decoder_units": [256, 256],
            "heads": "squared_error",
            "free_bits": 48.0,
            "beta": 0.2,
            "dropout": 0.7,
        },
    ),
    "fine_tune": Recipe(epochs=10, batch_size=16, learning_rate=5e-4),
}
"""The recipes by name:

- `groove`: the preset `groove_4bar`, for samples, the default;
- `codec`: the preset `groove_4bar_codec`, for reconstructions;
- `magenta`: the original's `groovae_4bar`, a flat decoder with squared errors;
- `fine_tune`: a short run at a low learning rate, for the weights of a preset.
"""


def find_recipe(name: str) -> Recipe:
    """The recipe of this name.

    Raises:
        ConfigError: There is none.
    """
    if name not in RECIPES:
        close = difflib.get_close_matches(name, RECIPES, 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ConfigError(
            f"No recipe is called {name!r}; there are {', '.join(RECIPES)}.{hint}"
        )
    return RECIPES[name]
