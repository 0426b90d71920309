"""Writes a preset's model card, the `README.md` that the hubs show."""

import json
from collections.abc import Mapping
from typing import Any

from keras_musicvae.presets.model_config import count_parameters

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
            (name to value; may be empty).

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
        _table("Property", "Value", _architecture(config)),
    ]
    if training:
        sections += ["## Training", _table("What", "Value", training)]
    if evaluation:
        sections += ["## Evaluation", _table("Figure", "Value", evaluation)]
    sections += [
        "## Limits",
        f"It knows {config['num_bars']} bars of {config['steps_per_bar']} steps and "
        f"{config['num_drums']} drum classes; what the training data lack (other "
        "time signatures, other percussion) it cannot play.",
    ]
    if about["license"] or "groove" in str(training.get("dataset", "")).lower():
        sections += ["## Licence", _licence(about)]
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


def _architecture(config: Mapping[str, Any]) -> dict[str, str]:
    levels = "bars, then their sequence" if config["hierarchical_encoder"] else "flat"
    conductor = "none (flat decoder)"
    if config["conductor_units"] is not None:
        conductor = _units(config["conductor_units"])
        if config["conductor_autoregressive"]:
            conductor += ", hears the bar before"
    prior = "N(0, I)"
    if config["prior_components"]:
        prior = f"around {config['prior_components']} training grooves"
    return {
        "Bars, steps per bar": f"{config['num_bars']}, {config['steps_per_bar']}",
        "Encoder": f"bidirectional LSTM {_units(config['encoder_units'])}, {levels}",
        "Linear path into z": "yes" if config["encoder_skip"] else "no",
        "Latent dimensions": str(config["latent_dim"]),
        "Prior": prior,
        "Plan": f"{config['plan_dim']} a step" if config["plan_dim"] else "none",
        "Conductor": conductor,
        "Note decoder": f"LSTM {_units(config['decoder_units'])}",
        "Heads": config["heads"],
        "A hit at temperature 0": f"probability above {config['hit_threshold']:g}",
        "Controls": str(config["control_dim"] or "none"),
        "Free bits, beta": f"{config['free_bits']:g}, {config['beta']:g}",
        "Parameters": f"{count_parameters(config):,}",
    }


def _units(units: list[int]) -> str:
    return " + ".join(map(str, units))


def _licence(about: Mapping[str, Any]) -> str:
    text = f"Weights: {about['license']}. " if about["license"] else ""
    if "groove" in str(about["training"].get("dataset", "")).lower():
        text += f"Trained on data that must be credited: {_DATASET}"
    return text.strip()


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
