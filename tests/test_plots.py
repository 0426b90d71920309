"""Pictures: what is drawn where, that files are whole, that no display is needed."""

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from keras_musicvae import Groove, errors
from keras_musicvae.plots import (
    plot_groove,
    plot_grooves,
    plot_latent,
    principal_plane,
    save_plot,
)
from keras_musicvae.plots.grid import ROWS, VELOCITY_COLOURS
from keras_musicvae.plots.latent import LABEL_COLOURS


def groove_of(*hits, bars=1, **options):
    """A groove from (step, drum, velocity, offset) tuples."""
    time_signature = options.get("time_signature", (4, 4))
    steps = bars * time_signature[0] * 16 // time_signature[1]
    cells = np.zeros((3, steps, 9), np.float32)
    for step, drum, velocity, offset in hits:
        cells[:, step, drum] = 1, velocity, offset
    return Groove(*cells, **options)


def discs(ax):
    """The scatter of the hits."""
    from matplotlib.collections import PathCollection

    (scatter,) = (c for c in ax.collections if isinstance(c, PathCollection))
    return scatter


def luminance(colour):
    """Relative luminance (WCAG) of an (r, g, b) in 0..1 or a hexadecimal colour."""
    if isinstance(colour, str):
        colour = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour
    ]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def pixels(path):
    from matplotlib.image import imread

    return imread(path)


# --- Drum grid ----------------------------------------------------------------


def test_hits_are_drawn_where_and_as_loud_as_they_were_played():
    groove = groove_of((4, 1, 0.9, 0.25), (8, 0, 0.2, -0.5), (0, 8, 0.5, 0.0))
    scatter = discs(plot_groove(groove))
    places = {tuple(place) for place in np.asarray(scatter.get_offsets()).tolist()}
    assert places == {(3.75, 1.0), (8.5, 0.0), (0.0, 8.0)}  # early is to the left
    by_step = {place[0]: i for i, place in enumerate(scatter.get_offsets().tolist())}
    values, sizes = scatter.get_array(), scatter.get_sizes()
    assert values[by_step[3.75]] == pytest.approx(0.9)
    assert sizes[by_step[3.75]] > sizes[by_step[0.0]] > sizes[by_step[8.5]]
    assert scatter.get_clim() == (0, 1)  # colours compare between grooves


def test_rows_rise_from_the_kick_to_the_ride():
    ax = plot_groove(groove_of())
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == list(ROWS)
    assert labels[0] == "kick"
    assert labels[8] == "ride"
    assert ax.get_ylim()[0] < 0 < 8 < ax.get_ylim()[1]


def test_every_hit_and_the_last_bar_line_are_inside():
    early = groove_of((0, 0, 1.0, 0.5), (31, 8, 1.0, -0.5), bars=2)
    ax = plot_groove(early)
    left, right = ax.get_xlim()
    assert left < -0.5
    assert right > 32


@pytest.mark.parametrize(
    ("time_signature", "expected"),
    [
        ((4, 4), ["1", "1.2", "1.3", "1.4", "2", "2.2", "2.3", "2.4"]),
        ((3, 4), ["1", "1.2", "1.3", "2", "2.2", "2.3"]),
        ((5, 8), ["1", "1.2", "1.3", "1.4", "1.5"] + [f"2.{i}" for i in range(1, 6)]),
    ],
)
def test_beats_are_numbered_in_any_time_signature(time_signature, expected):
    ax = plot_groove(groove_of(bars=2, time_signature=time_signature))
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels == [label.removesuffix(".1") for label in expected]


def test_the_title_tells_name_length_and_tempo():
    ax = plot_groove(groove_of(bars=2, name="verse", tempo=92.5))
    assert ax.get_title(loc="left") == "verse"
    assert ax.get_title(loc="right") == "2 bars of 4/4 at 92.5 bpm"


def test_names_are_text_not_formulas(tmp_path):
    # matplotlib reads $...$ as mathematics, and fails where it is none.
    groove = groove_of((0, 0, 1.0, 0.0), name=r"5$ \beat{ $ 100%_")
    save_plot(groove, tmp_path / "name.png")
    axes = plot_grooves([groove], titles=[r"$\nothing{$"])
    save_plot(axes[0], tmp_path / "title.png")
    ax = plot_latent(np.eye(3), labels=[r"$\x{$", "_hidden", "a"])
    assert [t.get_text() for t in ax.get_legend().get_texts()][1].startswith("_hidden")
    save_plot(ax, tmp_path / "labels.png")


def test_titles_are_one_short_line():
    ax = plot_groove(groove_of(name="a\nb " + "long " * 100))
    title = ax.get_title(loc="left")
    assert title.startswith("a b long")
    assert len(title) == 60
    assert title.endswith("…")


def test_velocity_colours_darken_steadily_for_print():
    light = [luminance(colour) for colour in VELOCITY_COLOURS]
    assert np.all(np.diff(light) < -0.02)
    assert light[0] < 0.75  # still visible on white


def test_drawing_into_given_axes_adds_no_figure():
    from matplotlib.figure import Figure

    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert plot_groove(groove_of((0, 0, 1.0, 0.0)), left, colourbar=False) is left
    assert plot_latent(np.eye(4), ax=right) is right
    assert figure.axes == [left, right]


def test_small_multiples_share_one_scale():
    long, short = groove_of(bars=4, name="a"), groove_of(bars=2, name="b")
    axes = plot_grooves([long, short, long], titles=["x", "y", "z"])
    assert [ax.get_title(loc="left") for ax in axes] == ["x", "y", "z"]
    assert len({ax.get_xlim() for ax in axes}) == 1
    assert len({id(ax.figure) for ax in axes}) == 1
    assert len(axes[0].figure.axes) == 3  # empty places are removed
    assert plot_grooves([long])[0].get_title(loc="left") == "a"


def test_what_cannot_be_plotted():
    with pytest.raises(errors.PlotError, match="at least one"):
        plot_grooves([])
    with pytest.raises(errors.PlotError, match="1 titles for 2"):
        plot_grooves([groove_of(), groove_of()], titles=["one"])
    with pytest.raises(errors.PlotError, match="columns"):
        plot_grooves([groove_of()], columns=0)


# --- Latent plane -------------------------------------------------------------


def test_the_plane_of_greatest_variance_is_found():
    generator = np.random.default_rng(0)
    directions, _ = np.linalg.qr(generator.normal(size=(16, 2)))
    truth = generator.normal(size=(400, 2)) * (5, 2)
    z = truth @ directions.T + 0.01 * generator.normal(size=(400, 16)) + 7
    points, shares = principal_plane(z)
    assert points.shape == (400, 2)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-9)
    for axis in range(2):
        assert abs(np.corrcoef(points[:, axis], truth[:, axis])[0, 1]) > 0.98
    variance = truth.var(axis=0)
    np.testing.assert_allclose(shares, variance / variance.sum(), atol=0.02)


def test_the_sign_of_the_plane_does_not_depend_on_order():
    z = np.random.default_rng(1).normal(size=(50, 8)) * np.arange(1, 9)
    order = np.random.default_rng(2).permutation(50)
    np.testing.assert_allclose(
        principal_plane(z[order])[0], principal_plane(z)[0][order], atol=1e-9
    )


def test_equal_vectors_make_no_nan():
    points, shares = principal_plane(np.ones((5, 3)))
    assert not points.any()
    assert not shares.any()
    plot_latent(np.ones((5, 3)))


def test_labels_are_counted_and_the_rare_ones_called_other():
    labels = ["rock"] * 5 + ["funk"] * 3 + ["jazz", "latin"]
    z = np.random.default_rng(0).normal(size=(10, 4))
    ax = plot_latent(z, labels=labels, max_labels=2)
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["rock (5)", "funk (3)", "other (2)"]
    drawn = sum(len(scatter.get_offsets()) for scatter in ax.collections)
    assert drawn == 10
    assert "of the variance" in ax.get_xlabel()


def test_many_labels_differ_in_colour_or_marker():
    labels = [f"style {i}" for i in range(14)]
    ax = plot_latent(np.random.default_rng(0).normal(size=(14, 4)), labels=labels)
    looks = set()
    for scatter in ax.collections:
        if len(scatter.get_offsets()) == 1:
            path = scatter.get_paths()[0].vertices
            looks.add((tuple(scatter.get_facecolor()[0]), path.tobytes()))
    assert len(looks) == 12
    assert len(set(LABEL_COLOURS)) == len(LABEL_COLOURS)


@pytest.mark.parametrize(
    "z", [np.zeros(4), np.zeros((1, 4)), np.zeros((4, 1)), np.zeros((2, 2, 2))]
)
def test_latent_vectors_of_a_wrong_shape(z):
    with pytest.raises(errors.PlotError, match="shape"):
        plot_latent(z)


def test_latent_vectors_that_are_not_finite_or_not_labelled():
    with pytest.raises(errors.PlotError, match="finite"):
        plot_latent([[0.0, 1.0], [np.inf, 0.0]])
    with pytest.raises(errors.PlotError, match="3 labels for 2"):
        plot_latent(np.eye(2), labels=["a", "b", "c"])


# --- Figures of the README ----------------------------------------------------


def test_the_figures_are_made_from_any_groove_of_four_bars(tmp_path, monkeypatch):
    script = Path(__file__).parents[1] / "tools" / "make_figures.py"
    spec = spec_from_file_location("make_figures", script)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "FIGURES", tmp_path / "figures")
    groove = groove_of((0, 0, 1.0, 0.0), (20, 1, 0.5, 0.2), (63, 8, 0.7, 0.0), bars=5)
    groove.save(tmp_path / "beat.mid")
    arguments = ["make_figures.py", "--midi", str(tmp_path / "beat.mid")]
    monkeypatch.setattr(sys, "argv", [*arguments, "--bars", "0", "4"])
    module.main()
    assert pixels(tmp_path / "figures" / "model.png").shape[1] == 1692
    assert (tmp_path / "figures" / "groove.png").stat().st_size > 10_000
    assert "</svg>" in (tmp_path / "figures" / "model.svg").read_text()
    monkeypatch.setattr(sys, "argv", [*arguments, "--bars", "0", "2"])
    with pytest.raises(SystemExit, match="four bars"):
        module.main()


# --- Files --------------------------------------------------------------------


def test_a_groove_saves_itself_as_a_picture(tmp_path):
    path = tmp_path / "beat.png"
    loud = groove_of((0, 0, 1.0, 0.0), (4, 1, 1.0, 0.0), bars=4)
    loud.save(path)
    image = pixels(path)
    height, width = image.shape[:2]
    assert width > 1400
    assert 0.2 < height / width < 0.4
    groove_of(bars=4).save(tmp_path / "empty.png")
    # The hits are what differs from the empty grid: two dark discs and ticks.
    changed = np.abs(image - pixels(tmp_path / "empty.png")).max(axis=2) > 0.2
    assert 300 < changed.sum() < 5000
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        "beat.png",
        "empty.png",
    ]


def test_long_grooves_are_broken_into_lines(tmp_path):
    heights = []
    for bars in (4, 11, 132):
        path = tmp_path / f"{bars}.png"
        save_plot(groove_of(bars=bars), path, dpi=30)
        heights.append(pixels(path).shape[0])
    assert heights[1] == pytest.approx(30 * (3 * 1.95 + 0.4), abs=2)
    assert heights[2] == pytest.approx(30 * (32 * 1.95 + 0.4), abs=2)  # bounded


def test_equal_grooves_give_equal_files(tmp_path):
    for name in ("a", "b"):
        save_plot(groove_of((3, 2, 0.4, 0.1)), tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(errors.OutputError, match="nowhere"):
        save_plot(groove_of(), tmp_path / "nowhere" / "beat.png")


def test_no_display_no_pyplot_no_keras(tmp_path):
    script = (
        "import sys\nimport numpy as np\nfrom keras_musicvae import Groove\n"
        "from keras_musicvae.plots import plot_latent, save_plot\n"
        "groove = Groove(*np.zeros((3, 16, 9)))\n"
        "save_plot(groove, sys.argv[1])\nplot_latent(np.eye(3))\n"
        "print(sorted({'matplotlib.pyplot', 'keras', 'tkinter'} & set(sys.modules)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a.png")],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": "", "MPLCONFIGDIR": str(tmp_path / "mpl")},
    ).stdout
    assert printed.strip() == "[]"


@pytest.mark.parametrize("dpi", [0, -5, float("nan"), 1e9, "150"])
def test_impossible_resolution(dpi, tmp_path):
    with pytest.raises(errors.PlotError, match="dpi must be from 10 to 2400"):
        save_plot(groove_of((0, 0, 0.5, 0)), tmp_path / "x.png", dpi=dpi)
    assert not list(tmp_path.iterdir())
