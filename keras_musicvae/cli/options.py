"""Options that several commands share."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_musicvae.backends.choice import BACKENDS, choose_backend
from keras_musicvae.cli.interrupt import importing
from keras_musicvae.rules import Rule

if TYPE_CHECKING:
    from keras_musicvae.arguments import Argument


def add_argument(parser: argparse.ArgumentParser, argument: "Argument") -> None:
    """Adds the option of an argument of the verbs: its range, help and default."""
    name = f"--{argument.name.replace('_', '-')}"
    if argument.default is False:
        add_switch(parser, name, argument.text)
        return
    several = {"nargs": "+", "action": _OneOrSeveral} if argument.several else {}
    default = argument.when_open or argument.default
    text = f"{argument.text} ({argument.rule[1]}; default: {default})"
    add_option(
        parser, name, text, argument.rule, argument.default, metavar="N", **several
    )


class _OneOrSeveral(argparse.Action):
    """Keeps one value as itself and several as a tuple."""

    def __call__(self, _parser: Any, args: Any, values: Any, _: Any = None) -> None:
        setattr(args, self.dest, values[0] if len(values) == 1 else tuple(values))


def add_option(
    parser: Any,
    name: str,
    text: str,
    kind: Rule | Callable[[str], Any] | list[str] = str,
    default: Any = None,
    **settings: Any,
) -> None:
    """Adds an option to a parser or to a group of one.

    Args:
        parser: The parser.
        name: Such as `--seed`.
        text: The help; the default is added to it, unless it says so itself.
        kind: What is allowed: a rule, an argparse type, or a list of choices.
        default: The value if the option is not given.
        **settings: Of argparse: `metavar`, `nargs`, `required`...
    """
    if isinstance(kind, list):
        settings["choices"] = kind
    else:
        settings["type"] = allowed_by(kind) if isinstance(kind, tuple) else kind
    if default is not None and "default: " not in text:
        text = f"{text} (default: {default})"
    parser.add_argument(name, default=default, help=text, **settings)


def add_switch(parser: Any, name: str, text: str) -> None:
    """Adds an option without a value."""
    parser.add_argument(name, action="store_true", help=text)


def add_backend(parser: argparse.ArgumentParser) -> None:
    """Adds `--backend`."""
    text = "Keras backend (default: $KERAS_BACKEND, else the first installed of "
    add_option(parser, "--backend", f"{text}{', '.join(BACKENDS)})", list(BACKENDS))


def add_preset(parser: argparse.ArgumentParser) -> None:
    """Adds `--preset`."""
    text = "name, folder or address of a preset"
    add_option(parser, "--preset", text, name_or_path, "groove_4bar")


def open_model(args: argparse.Namespace) -> Any:
    """Starts Keras and loads the preset; a wrong name fails before that."""
    from keras_musicvae.presets.sources import find_preset

    find_preset(args.preset)
    start_keras(args)
    from keras_musicvae.grooves.converter import GrooveConverter
    from keras_musicvae.models.music_vae import MusicVAE

    model = MusicVAE.from_preset(args.preset)
    if model.preprocessor is None:  # Saved by someone who works with arrays.
        model.preprocessor = GrooveConverter(model.num_bars)
    return model


def start_keras(args: argparse.Namespace) -> str:
    """Chooses the backend, imports Keras quietly, and returns the backend's name."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    backend = choose_backend(args.backend)
    with importing(quiet=True):
        import keras_musicvae.models.music_vae  # noqa: F401
    return backend


def show_log_messages(*, quiet: bool = False) -> None:
    """Prints the package's log messages on stderr, as the command's own words.

    Args:
        quiet: Only warnings. Defaults to False.
    """
    import logging

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("keras_musicvae")
    # Replaced, not added: a second command in the same process prints once, to the
    # stderr of its own time.
    logger.handlers[:] = [handler]
    logger.setLevel(logging.WARNING if quiet else logging.INFO)


# --- Types --------------------------------------------------------------------


def path(text: str) -> Path:
    """An argparse type: a path, in which `~` is the home folder."""
    if "\0" in text:
        raise argparse.ArgumentTypeError("a path holds no NUL character")
    # Not `Path.expanduser`, which fails where there is no such user.
    return Path(os.path.expanduser(text))  # noqa: PTH111


def name_or_path(text: str) -> str:
    """An argparse type: a name, an address or a path, in which `~` is expanded."""
    expanded = path(text)
    return str(expanded) if text.startswith("~") else text


def allowed_by(rule: Rule) -> Callable[[str], Any]:
    """An argparse type: what a rule allows."""
    check, allowed = rule

    def parse(text: str) -> Any:
        try:
            return check(value(text))
        except (TypeError, ValueError, ArithmeticError):
            raise argparse.ArgumentTypeError(
                f"must be {allowed}, not {text!r}"
            ) from None

    return parse


def value(text: str) -> int | float | str:
    """An argparse type: a number, or else the text itself."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
