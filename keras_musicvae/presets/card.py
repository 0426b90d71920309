"""Writes a preset's model card, the `README.md` that the hubs show."""

import json
from collections.abc import Mapping
from typing import Any

from keras_musicvae.grooves.drum_maps import NUM_DRUMS
from keras_musicvae.models.config import ARGUMENTS, Architecture, part_of
from keras_musicvae.models.parameters import count_parameters

_DATASET = (
    "The Groove MIDI Dataset (Gillick, Roberts, Engel, Eck, Bamman: Learning to Groove "
    "with Inverse Sequence Transformations, ICML 2019) is licensed by Google LLC under "
    "CC BY 4.0."
)


def render_card(name: str, config: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    """The model card as Markdown, with the metadata that Hugging Face reads on top.

    Args:
        name: The preset's name.
        config: The arguments of the model.
        about: `description`, `license` (may be empty), `training` and `evaluation`
            (name to value; may be empty), and `parents` (see `parents.py`).

    Returns:
        The text; the same for the same arguments.
    """
    training, evaluation = about["training"], about["evaluation"]
    sections = [
        _front_matter(about),
        f"# {name}",
        about["description"] or "A MusicVAE of expressive drum grooves.",
        "## Use",
        _usage(name),
        "## Model",
        _arguments(config),
    ]
    if training:
        sections += ["## Training", _table("What", "Value", training)]
    if evaluation:
        sections += ["## Evaluation", _table("Figure", "Value", evaluation)]
    sections += [
        "## Limits",
        f"It knows {config['num_bars']} bars of {config['steps_per_bar']} steps and "
        f"{NUM_DRUMS} drum classes; what the training data lack (other "
        "time signatures, other percussion) it cannot play.",
    ]
    if licence := _licence(about):
        sections += ["## Licence", licence]
    return "\n\n".join(sections) + "\n"


def _front_matter(about: Mapping[str, Any]) -> str:
    lines = ["---", "library_name: keras"]
    if about["license"]:
        lines.append(f"license: {json.dumps(about['license'].lower())}")
    lines += ["tags:", "- keras-musicvae", "- drums", "- midi", "- music", "---"]
    return "\n".join(lines)


def _usage(name: str) -> str:
    return (
        "```python\n"
        "from keras_musicvae import MusicVAE\n"
        "\n"
        f'model = MusicVAE.from_preset("{name}")  # or a path\n'
        "```"
    )


def _arguments(config: Mapping[str, Any]) -> str:
    """Every argument with its value and its meaning, and what they amount to."""
    parameters = count_parameters(Architecture(**part_of(Architecture, config)))
    lines = ["| Argument | Value | Meaning |", "| --- | --- | --- |"]
    lines += [
        f"| `{name}` | {_cell(config[name])} | {item.metadata['text']} |"
        for name, item in ARGUMENTS.items()
    ]
    return "\n".join(lines) + f"\n\nThese are {parameters:,} parameters."


def _licence(about: Mapping[str, Any]) -> str:
    """The licence of the weights, and of whatever they were made from."""
    lines = [f"Weights: {about['license']}."] if about["license"] else []
    datasets = [str(about["training"].get("dataset", ""))]
    for parent in about["parents"]:
        datasets.append(parent["dataset"])
        terms = parent["license"] or "no licence stated"
        data = f", trained on {_cell(datasets[-1])}" if datasets[-1] else ""
        lines.append(f"Made from `{_cell(parent['name'])}` ({_cell(terms)}){data}.")
    if any("groove" in dataset.lower() for dataset in datasets):
        lines.append(f"Trained on data that must be credited: {_DATASET}")
    return "\n\n".join(lines)


def _table(left: str, right: str, rows: Mapping[str, Any]) -> str:
    lines = [f"| {left} | {right} |", "| --- | --- |"]
    lines += [f"| {_cell(key)} | {_cell(value)} |" for key, value in rows.items()]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        value = f"{value:.6g}"
    elif isinstance(value, list | dict):
        value = json.dumps(value)
    return " ".join(str(value).split()).replace("|", "\\|")
