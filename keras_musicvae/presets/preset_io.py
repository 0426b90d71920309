"""Loads a model from a preset and saves one as a preset.

A preset is data: a model is built by our own class from checked arguments, and its
weights are checked against it before they are read. Nothing that a file names is
imported, and `keras.saving.load_model` is never called.
"""

import json
import os
import re
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar

import keras

from keras_musicvae import __version__
from keras_musicvae.errors import (
    ForeignPresetError,
    MusicVAEError,
    PresetFormatError,
)
from keras_musicvae.files import replacing_folder, sha256_of, user_path
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.models.config import Architecture, part_of
from keras_musicvae.models.initial_weights import no_initial_weights
from keras_musicvae.models.parameters import count_parameters
from keras_musicvae.presets.card import render_card
from keras_musicvae.presets.checks import shorten, shown
from keras_musicvae.presets.folder import (
    CARD,
    CONFIG,
    MAX_JSON_BYTES,
    METADATA,
    PREPROCESSOR,
    PRESET_FILES,
    WEIGHTS,
    PresetFolder,
    check_replaceable,
)
from keras_musicvae.presets.model_config import check_model_config
from keras_musicvae.presets.parents import parents_of
from keras_musicvae.presets.schema import (
    FORMAT_VERSION,
    PREPROCESSOR_TYPE,
    check_object,
)
from keras_musicvae.presets.sources import find_preset
from keras_musicvae.presets.weights import check_weights, save_weights
from keras_musicvae.presets.weights import load_weights as read_weights

Model = TypeVar("Model", bound=keras.Model)


def load_preset(
    cls: type[Model],
    preset: str | os.PathLike[str],
    load_weights: bool = True,
    **kwargs: Any,
) -> Model:
    """Builds a model from a preset.

    Args:
        cls: The model class that is called, `MusicVAE` or a registered subclass.
        preset: A name, a folder or an address, see `sources`.
        load_weights: `False` gives the architecture with new weights.
        **kwargs: Arguments of the constructor that replace the saved ones. Without a
            `dtype`, the current default policy of Keras is used.

    Returns:
        The model, with `preprocessor` set, compiled if its constructor compiles.

    Raises:
        UnknownPresetError: Nothing has this name.
        PresetFileError: The folder or one of its files is missing.
        ForeignPresetError: It is no preset of this package.
        FuturePresetError: A later version saved it.
        TruncatedPresetError: A file is cut off.
        ChecksumError: A file is not the published one.
        PresetFormatError: A file is not valid, or the weights are not the model's.
        DownloadError: It lies elsewhere and cannot be fetched.
        ConfigError: One of `kwargs` is not allowed.
    """
    folder = find_preset(preset, weights=load_weights, caller=cls.__name__)
    document = _read_config(folder)
    preset_class = _preset_class(cls, document, folder)
    where = folder.where(CONFIG)
    config = check_model_config(document["config"], where)
    config["dtype"] = keras.config.dtype_policy()
    if "preprocessor" not in kwargs:
        kwargs["preprocessor"] = _read_preprocessor(folder, config)
    weights = folder.verified(WEIGHTS) if load_weights else None
    # Weights that are replaced at once need not be drawn.
    drawn = nullcontext() if weights is None else no_initial_weights()
    with drawn:
        model = preset_class.from_config({**config, **kwargs})
    if weights is not None:
        _load_weights(model, weights, folder.where(WEIGHTS), kwargs)
        model.parents = parents_of(folder)
    return model


def save_preset(
    model: keras.Model,
    folder: str | os.PathLike[str],
    *,
    name: str | None = None,
    description: str = "",
    training: Mapping[str, Any] | None = None,
    evaluation: Mapping[str, Any] | None = None,
    license: str = "",
    max_shard_size: float = 10,
) -> Path:
    """Saves a model as a preset, which `load_preset` and `from_preset` read.

    The folder appears complete or not at all; a preset that is there already is
    replaced. The same model gives the same bytes, except for the date, which
    `SOURCE_DATE_EPOCH` sets.

    Args:
        model: The model; its optimizer, metrics and random state are not saved.
        folder: Where to; `~` is the home folder. Its parent folders are created.
        name: What the card calls the model. Defaults to the folder's name.
        description: One sentence for the card: what the model is for.
        training: How it came about, for the card and the metadata: `dataset`,
            `steps`, `seed`, `command`... Values that JSON can hold.
        evaluation: Figures for the card: name to value.
        license: The licence of the weights, an SPDX identifier such as
            `"Apache-2.0"`. Defaults to that of the preset which the model comes from,
            else to none stated. The card also names the licences and data of all
            presets that it comes from.
        max_shard_size: Gigabytes that the weights may take; as in KerasHub, but a
            model that is larger is refused, not split.

    Returns:
        The folder.

    Raises:
        PresetFormatError: `from_preset` would refuse it: its configuration is beyond
            the limits of presets, it is quantized, or a weight is not finite.
        OutputError: The folder cannot be written, or holds files that are no preset.
    """
    target = user_path(folder)
    document, preprocessor = _serialized(model)
    check_object(document, CONFIG)
    config = check_model_config(document["config"], CONFIG)
    size = 4 * model.count_params() / 1e9
    if not isinstance(max_shard_size, int | float) or size > max_shard_size:
        raise PresetFormatError(
            f"The weights take {size:.2f} GB, more than max_shard_size="
            f"{max_shard_size}; presets of keras_musicvae are one file."
        )
    texts = {"name": name, "description": description, "license": license}
    for argument, text in texts.items():
        _check_text(argument, text)
    parents = getattr(model, "parents", ())
    about = {
        "description": description,
        "license": license or (parents[0]["license"] if parents else ""),
        "parents": list(parents),
        "training": dict(training or {}),
        "evaluation": dict(evaluation or {}),
    }
    check_replaceable(target)
    with replacing_folder(target) as temporary:
        _write_json(temporary / CONFIG, document)
        if preprocessor is not None:
            _write_json(temporary / PREPROCESSOR, preprocessor)
        save_weights(model, temporary / WEIGHTS)
        architecture = Architecture(**part_of(Architecture, config))
        if model.count_params() != count_parameters(architecture):
            _check_rebuilt(model, config, temporary / WEIGHTS)
        card = render_card(name or target.resolve().name, config, about)
        (temporary / CARD).write_text(card, encoding="utf-8")
        metadata = _metadata(model, temporary, about)
        _write_json(temporary / METADATA, metadata)
    return target


# --- Loading ------------------------------------------------------------------


def _read_config(folder: PresetFolder) -> dict[str, Any]:
    """`config.json`, its frame checked; presets of others are refused first."""
    if not folder.has(METADATA) and folder.has(CONFIG):
        # Without our metadata nothing can be verified, only named.
        check_object(folder.read_json(CONFIG, verify=False), folder.where(CONFIG))
    document = folder.read_json(CONFIG)
    check_object(document, folder.where(CONFIG))
    return document


def _preset_class(
    cls: type[Model], document: Mapping[str, Any], folder: PresetFolder
) -> type[Model]:
    """The class that a preset was saved from: `cls`, or a registered subclass."""
    name = document["registered_name"]
    if keras.saving.get_registered_name(cls) == name:
        return cls
    found = keras.saving.get_registered_object(name)  # Looks it up, imports nothing.
    if found is None:
        raise ForeignPresetError(
            f"{folder.where(CONFIG)} has the type {shown(name)}, which is unknown "
            "here. Make sure to register any custom classes with "
            "`register_keras_serializable()`, and to import their module first."
        )
    if not isinstance(found, type) or not issubclass(found, cls):
        raise ForeignPresetError(
            f"Saved preset has type `{shown(name)}` which is not a subclass of "
            f"calling class `{cls.__name__}`. Call `from_preset` directly on the saved "
            f"type instead. Received: preset={folder.label!r}"
        )
    return found


def _read_preprocessor(
    folder: PresetFolder, config: Mapping[str, Any]
) -> GrooveConverter | None:
    """The `GrooveConverter` of a preset; `None` if it was saved without one."""
    if not folder.has(PREPROCESSOR) and PREPROCESSOR not in folder.digests:
        return None
    where = folder.where(PREPROCESSOR)
    document = folder.read_json(PREPROCESSOR)
    check_object(document, where)
    if document["registered_name"] != PREPROCESSOR_TYPE:
        raise ForeignPresetError(
            f"{where} must hold a {PREPROCESSOR_TYPE!r}. "
            f"Received: {shown(document['registered_name'])}."
        )
    try:
        converter = GrooveConverter.from_config(document["config"])
    except (MusicVAEError, TypeError, ValueError, ArithmeticError) as error:
        raise PresetFormatError(f"{where} is not allowed: {shorten(error)}") from None
    for name in ("num_bars", "steps_per_bar"):
        if getattr(converter, name) != config[name]:
            raise PresetFormatError(
                f"{where} is for another model: its `{name}` is "
                f"{getattr(converter, name)}, that of config.json {config[name]}."
            )
    return converter


def _load_weights(
    model: keras.Model, path: Path, where: str, replaced: Mapping[str, Any]
) -> None:
    try:
        read_weights(model, path, where)
    except PresetFormatError as error:
        names = [name for name in replaced if name not in ("preprocessor", "dtype")]
        if names:
            raise PresetFormatError(
                f"{error} The call replaced {', '.join(names)}: with "
                "`load_weights=False` the model may differ from the saved one."
            ) from None
        raise


# --- Saving -------------------------------------------------------------------


def _serialized(model: keras.Model) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The model and its preprocessor as the objects that the two files hold."""
    document = _without_state(keras.saving.serialize_keras_object(model))
    config = document["config"]
    config.pop("preprocessor", None)
    # Keras counts the models of a process; the file should not depend on that.
    config["name"] = re.sub(r"^(music_vae)_\d+$", r"\1", config["name"])
    converter = getattr(model, "preprocessor", None)
    if converter is None:
        return document, None
    return document, {
        "module": type(converter).__module__,
        "class_name": type(converter).__name__,
        "config": converter.get_config(),
        "registered_name": PREPROCESSOR_TYPE,
    }


def _check_text(name: str, value: object) -> None:
    """Checks that a card can hold an argument; None is one that was left open."""
    if value is None:
        return
    try:
        if not isinstance(value, str):
            raise ValueError
        value.encode()
    except ValueError:
        raise PresetFormatError(
            f"`{name}` must be text that UTF-8 can hold. Received: {shown(value)}"
        ) from None


def _check_rebuilt(model: keras.Model, config: dict[str, Any], path: Path) -> None:
    """Checks that a model which has other weights than a `MusicVAE` can be loaded."""
    with no_initial_weights():
        rebuilt = type(model).from_config({**config, "preprocessor": None})
    try:
        check_weights(rebuilt, path, "the model to be saved")
    except PresetFormatError as error:
        raise PresetFormatError(
            "The model cannot be saved as a preset, because its configuration builds "
            f"another one: {error} Was it quantized or changed after it was built? "
            "`model.save_weights(file)` saves the weights alone."
        ) from None


def _without_state(item: Any) -> Any:
    """Drops how a model was compiled and built, as KerasHub does."""
    if isinstance(item, dict):
        return {
            key: _without_state(value)
            for key, value in item.items()
            if key not in ("compile_config", "build_config")
        }
    return item


def _metadata(
    model: keras.Model, folder: Path, about: Mapping[str, Any]
) -> dict[str, Any]:
    files = sorted(path for path in folder.iterdir() if path.name in PRESET_FILES)
    return {
        "keras_version": keras.__version__,
        "keras_musicvae_version": __version__,
        "parameter_count": model.count_params(),
        "date_saved": _date(),
        "tasks": [],
        "format_version": FORMAT_VERSION,
        **about,
        "sha256": {path.name: sha256_of(path) for path in files},
        "size": {path.name: path.stat().st_size for path in files},
    }


def _date() -> str:
    """Now, or what reproducible builds set, in KerasHub's form; UTC."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    seconds = int(epoch) if epoch.isdigit() else time.time()
    return time.strftime("%Y-%m-%d@%H:%M:%S", time.gmtime(seconds))


def _write_json(path: Path, document: Mapping[str, Any]) -> None:
    try:
        text = json.dumps(document, indent=4, allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise PresetFormatError(
            f"`{path.name}` cannot be written: {error}. `training` and `evaluation` "
            "may hold finite numbers, strings, lists and dictionaries."
        ) from None
    if len(text) >= MAX_JSON_BYTES:
        raise PresetFormatError(
            f"`{path.name}` would have {len(text)} bytes; fewer than {MAX_JSON_BYTES} "
            "are read. Shorten `training` or `evaluation`."
        )
    path.write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """NumPy's scalars and arrays as JSON."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not a value of JSON")
