"""Options that several commands share."""

import argparse
from math import isfinite
from typing import Any

from keras_musicvae.backends.choice import BACKENDS, choose_backend


def add_backend(parser: argparse.ArgumentParser) -> None:
    """Adds `--backend`."""
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        help="Keras backend (default: $KERAS_BACKEND, else the first installed of "
        f"{', '.join(BACKENDS)})",
    )


def start_keras(args: argparse.Namespace) -> str:
    """Chooses the backend, keeps its start-up quiet, and returns its name."""
    import os

    # TensorFlow greets on stderr from C++; only this variable stops it.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return choose_backend(args.backend)


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


def number_from(low: float, high: float = float("inf")) -> Any:
    """An argparse type: a finite number of at least `low`, at most `high`."""
    allowed = f"from {low:g} to {high:g}" if isfinite(high) else f"of at least {low:g}"

    def parse(text: str) -> float:
        number = float(text)
        if not low <= number <= high or not isfinite(number):
            raise argparse.ArgumentTypeError(
                f"must be a number {allowed}, not {text!r}"
            )
        return number

    parse.__name__ = "number"
    return parse


def integer_from(low: int) -> Any:
    """An argparse type: an integer of at least `low`."""

    def parse(text: str) -> int:
        number = int(text)
        if number < low:
            raise argparse.ArgumentTypeError(
                f"must be an integer of at least {low}, not {text!r}"
            )
        return number

    parse.__name__ = "integer"
    return parse
