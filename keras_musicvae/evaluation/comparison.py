"""Sets evaluations of the same windows side by side."""

from collections.abc import Sequence

from keras_musicvae.errors import EvaluationError
from keras_musicvae.evaluation.evaluate import Evaluation
from keras_musicvae.evaluation.measure import (
    Bootstrap,
    Measurement,
    measure_difference,
)


def compare(evaluations: Sequence[Evaluation]) -> dict[str, dict[str, Measurement]]:
    """How each further model differs from the first: model -> section -> figures.

    Sections are the reconstructions; the bootstrap is paired, see `measure_difference`.
    """
    check_comparable(evaluations)
    first, *others = evaluations
    settings = first.about["settings"]
    bootstrap = Bootstrap(settings["repeats"], settings["level"], settings["seed"])
    return {
        other.name: {
            section: measure_difference(
                other.counts[section], first.counts[section], first.files, bootstrap
            )
            for section in first.counts
        }
        for other in others
    }


def check_comparable(evaluations: Sequence[Evaluation]) -> None:
    """Raises `EvaluationError` unless all are of the same windows, by other names."""
    if not evaluations:
        raise EvaluationError("There is nothing to report: no model was evaluated")
    names = [one.name for one in evaluations]
    if len(set(names)) < len(names):
        raise EvaluationError(f"Models need names of their own. Received: {names}")
    first = evaluations[0].about
    for one in evaluations[1:]:
        if (
            one.about["data"] != first["data"]
            or one.about["settings"] != first["settings"]
        ):
            raise EvaluationError(
                f"{one.name} was evaluated on other windows or with other settings "
                f"than {names[0]}; evaluate both in one go"
            )
