import json
import re
from dataclasses import replace

import numpy as np
import pytest
from evaluation.small import small_evaluation

from keras_musicvae.errors import EvaluationError, OutputError
from keras_musicvae.evaluation.charts import draw_charts
from keras_musicvae.evaluation.comparison import compare
from keras_musicvae.evaluation.distributions import hit_rates
from keras_musicvae.evaluation.report import as_json, write_report
from keras_musicvae.evaluation.tables import as_markdown


@pytest.fixture(scope="module")
def pair():
    return [small_evaluation("conductor"), small_evaluation("flat", flat=True)]


def test_json_holds_every_figure_and_no_nan(pair):
    unknown = replace(pair[0], figures={**pair[0].figures, "x": {"y": float("nan")}})
    text = json.dumps(as_json([unknown]), allow_nan=False)
    model = json.loads(text)["models"]["conductor"]
    assert model["figures"]["x"] == {"y": None}
    assert model["figures"]["free_running"] == pytest.approx(
        pair[0].figures["free_running"]
    )
    low, high = model["intervals"]["free_running"]["f1"]
    assert low <= model["figures"]["free_running"]["f1"] <= high
    assert np.shape(model["hit_rates"]["samples"]) == (32, 9)
    real_hits = sum(model["histograms"]["real_timing"])
    assert real_hits == model["about"]["data"]["hits"]


def test_markdown_has_a_column_per_model_and_the_figures(pair):
    text = as_markdown(pair)
    f1 = [one.figures["free_running"]["f1"] for one in pair]
    row = next(line for line in text.split("\n") if line.startswith("| hit F1"))
    assert [float(x) for x in re.findall(r"\| (\d\.\d+) \[", row)] == pytest.approx(
        f1, abs=5e-4
    )
    samples = text.split("## Samples of the prior")[1].split("##")[0]
    assert "|  | conductor | flat | train split |" in samples
    tables = [line for line in text.split("\n") if line.startswith("|")]
    for section in re.split(r"\n\n", text):
        widths = {line.count("|") for line in section.split("\n") if line in tables}
        assert len(widths) <= 1, section


def test_differences_are_paired_and_from_the_first_model(pair):
    difference = compare(pair)["flat"]["free_running"]
    f1 = [one.figures["free_running"]["f1"] for one in pair]
    assert difference.figures["f1"] == pytest.approx(f1[1] - f1[0])
    same = compare([pair[0], replace(pair[0], name="again")])["again"]
    assert same["free_running"].intervals["f1"] == (0.0, 0.0)
    assert "## Differences from conductor" in as_markdown(pair)
    assert "Differences" not in as_markdown(pair[:1])


def test_a_report_is_written_whole(tmp_path, pair):
    paths = write_report(tmp_path / "new" / "results", pair)
    assert [path.name for path in paths] == [
        "evaluation.json",
        "evaluation.md",
        "distributions.png",
        "hit_rates.png",
        "reconstruction.png",
    ]
    assert sorted(path.name for path in paths[0].parent.iterdir()) == sorted(
        path.name for path in paths
    )
    assert json.loads(paths[0].read_text()) == json.loads(json.dumps(as_json(pair)))
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in paths[2:])
    before = paths[0].read_bytes()
    assert write_report(paths[0].parent, pair, plots=False) == paths[:2]
    assert paths[0].read_bytes() == before


def test_charts_show_the_figures(pair):
    charts = draw_charts(pair)
    drums, steps = charts["hit_rates"].axes
    heights = [bar.get_height() for bar in drums.containers[1]]
    rates = hit_rates(pair[0].samples)
    assert heights == pytest.approx(16 * rates.mean(axis=0))
    assert steps.lines[1].get_ydata() == pytest.approx(
        hit_rates(pair[1].samples).sum(axis=1)
    )
    f1 = [bar.get_height() for bar in charts["reconstruction"].axes[0].containers[0]]
    assert f1 == pytest.approx([drum["f1"] for drum in pair[0].drums.values()])
    areas = [
        patch.get_data().values for patch in charts["distributions"].axes[0].patches
    ]
    assert len(areas) == 3 and all(area.sum() == pytest.approx(1) for area in areas)


def test_what_cannot_be_compared_is_refused(pair, tmp_path):
    other = replace(pair[1], about={**pair[1].about, "data": {"windows": 3}})
    for evaluations, words in (
        ([], "nothing to report"),
        ([pair[0], pair[0]], "names of their own"),
        ([pair[0], other], "other windows"),
    ):
        with pytest.raises(EvaluationError, match=words):
            write_report(tmp_path, evaluations)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_report(tmp_path / "file", pair)
