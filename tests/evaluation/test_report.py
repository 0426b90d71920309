import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation.small import SETTINGS, small_measures, small_reference
from evaluation.synthetic import drummers

from keras_musicvae.errors import EvaluationError, OutputError
from keras_musicvae.evaluation.evaluate import TEMPERATURES, evaluate
from keras_musicvae.evaluation.features import measure_features
from keras_musicvae.evaluation.report import (
    as_json,
    as_markdown,
    feature_table,
    headline_figures,
    headline_table,
    write_report,
)
from keras_musicvae.evaluation.sets import GrooveSet
from keras_musicvae.models.verbs import DEFAULT_TEMPERATURE

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def evaluation():
    from keras_musicvae.evaluation import classifier
    from keras_musicvae.evaluation import evaluate as module

    reference = small_reference()
    copied = GrooveSet("copied", reference.training.grooves[:60])
    other = replace(drummers(24, seed=2), name="other")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classifier, "_BOOSTING", {"max_iter": 10, "max_leaf_nodes": 6})
        patch.setattr(module, "TESTED_HALVES", 1)
        return evaluate(
            [copied, other],
            reference,
            settings=SETTINGS,
            models={"small": small_measures()},
        )


def test_drummers_stand_beside_the_systems(evaluation):
    assert [one.name for one in evaluation.columns] == [
        *("drummers 1", "copied", "other")
    ]
    real, copied, other = evaluation.columns
    assert copied.figures["copies"]["within_0"] == 1.0
    assert ("copies", "within_0") in copied.outside
    assert real.figures["copies"]["within_0"] < 0.1  # sought in other files
    assert other.figures["copies"]["within_0"] < 0.1
    first = copied.most_copied[0]
    assert re.fullmatch(r"\d+\.mid", first["file"]) and first["cells"] == 0


def test_json_holds_every_figure_and_no_nan(evaluation):
    content = json.loads(json.dumps(as_json(evaluation), allow_nan=False))
    system = content["systems"]["other"]
    column = evaluation.columns[2]
    assert system["figures"]["told_apart"] == column.figures["told_apart"]
    assert system["figures"]["playing"]["velocity_of_toms"] is None or np.isfinite(
        system["figures"]["playing"]["velocity_of_toms"]
    )
    low, high = system["intervals"]["told_apart"]["all"]
    assert low <= system["figures"]["told_apart"]["all"] <= high
    assert np.shape(system["bar_similarity"]) == (4, 4)
    assert content["models"]["small"]["figures"]["variation"]["changed_1"] >= 0
    assert set(content["real_halves"]) == {
        *("told_apart", "distance", "overlap", "copies", "playing")
    }


def test_markdown_has_a_column_per_system_and_bold_figures(evaluation):
    text = as_markdown(evaluation)
    assert "|  | test | real halves | drummers 1 | copied | other |" in text
    row = next(line for line in text.split("\n") if line.startswith("| copies of a"))
    assert "**100.0**" in row
    tables = [part for part in text.strip().split("\n\n") if part.startswith("|")]
    assert len(tables) > 10
    for table in tables:
        lines = table.split("\n")
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1, table


def test_the_headline_is_what_readme_and_card_show(evaluation):
    content = as_json(evaluation)
    content["systems"]["small T=1"] = content["systems"]["copied"]
    sets, models = headline_table(content).split("\n\n")
    figures = headline_figures(content, "small")
    for table, where in ((sets, "test, samples at T=1"), (models, "test")):
        for line in table.split("\n")[2:]:
            label, value = line.split(" | ")[0].lstrip("| "), line.split(" | ")[-1]
            assert figures[f"{where}: {label}"].split(" ")[0] in value.strip("*| ")
    assert len(figures) == sets.count("\n") - 1 + models.count("\n") - 1


def test_a_report_is_written_with_pictures(evaluation, tmp_path):
    paths = write_report(tmp_path / "out", evaluation)
    assert {path.name for path in paths} == {
        *("evaluation.json", "evaluation.md"),
        *("differences.png", "distributions.png", "bars.png"),
    }
    for path in paths[2:]:
        assert path.read_bytes().startswith(b"\x89PNG")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_report(tmp_path / "file", evaluation)


def test_systems_need_names_and_lengths():
    reference = small_reference()
    with pytest.raises(EvaluationError, match="names of their own"):
        evaluate([reference.training] * 2, reference, settings=SETTINGS)


def test_the_table_defines_every_feature():
    features, _ = measure_features(drummers(1, seed=0))
    table = feature_table(features)
    for feature in features:
        assert f"| `{feature.name}` |" in table and feature.definition in table


def test_the_examples_are_made_as_the_figures_are():
    """At the default temperature, which is in one place; no document has another."""
    pattern = re.compile(r"temperature[= ](0\.\d+)")
    documents = [ROOT / "README.md", *(ROOT / "examples").glob("*.ipynb")]
    found = {
        float(value)
        for path in documents
        for value in pattern.findall(path.read_text(encoding="utf-8"))
    }
    assert TEMPERATURES == (DEFAULT_TEMPERATURE,) and not found
