"""The pictures of the report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.commands.train import label
from benchmarks.report.races import Race, races

BACKEND_COLOURS = {"torch": "#c7741a", "jax": "#3b6fb6", "tensorflow": "#2f8f62"}
STYLES = {"keras-musicvae": "-", "hand-written": "--"}
WIDTH = 7.5


def draw(records: Mapping[str, dict[str, Any]], folder: Path) -> dict[str, str]:
    """Draws what there are numbers for, if matplotlib is installed.

    Returns:
        File names by command.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return {}
    drawn = {}
    for name, picture in {
        "train": _train,
        "sample": _sample,
        "scaling": _scaling,
    }.items():
        if name not in records:
            continue
        figure = Figure(layout="constrained")
        picture(figure, records[name]["result"])
        temporary = folder / f"{name}.new.png"
        figure.savefig(temporary, dpi=120)
        temporary.replace(folder / f"{name}.png")
        drawn[name] = f"{name}.png"
    return drawn


def _train(figure: Any, result: Mapping[str, Any]) -> None:
    """Windows per second of each contender, a panel per task."""
    found = list(races(result))
    figure.set_size_inches(WIDTH, 0.6 + sum(0.5 + 0.28 * _ran(r) for r in found))
    heights = [max(_ran(race), 1) + 1 for race in found]
    panels = figure.subplots(len(found), 1, squeeze=False, height_ratios=heights)
    for race, panel in zip(found, panels[:, 0], strict=True):
        entries = [e for e in race.entries if not e.failed]
        rates = [race.task.batch / e.seconds.median for e in entries]
        slow = [race.task.batch / e.seconds.upper for e in entries]
        fast = [race.task.batch / e.seconds.lower for e in entries]
        errors = [
            [max(rate - low, 0) for rate, low in zip(rates, slow, strict=True)],
            [max(high - rate, 0) for rate, high in zip(rates, fast, strict=True)],
        ]
        panel.barh(
            [f"{e.backend}: {e.name}" for e in entries],
            rates,
            xerr=errors,
            color=[BACKEND_COLOURS[e.backend] for e in entries],
            alpha=0.85,
            error_kw={"lw": 1, "ecolor": "#22252b"},
        )
        panel.invert_yaxis()
        panel.set_title(label(race.task), loc="left", fontsize=9)
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    panels[-1, 0].set_xlabel("windows per second (quartiles as whiskers)", fontsize=8)


def _sample(figure: Any, result: Mapping[str, Any]) -> None:
    """Milliseconds of a call against the batch."""
    figure.set_size_inches(WIDTH, 3.6)
    panel = figure.subplots()
    _lines(panel, list(races(result)), lambda race: race.task.batch, per_window=False)
    panel.set_xscale("log", base=2)
    panel.set_yscale("log")
    panel.set_xlabel("grooves at once")
    panel.set_ylabel("milliseconds of a call")


def _scaling(figure: Any, result: Mapping[str, Any]) -> None:
    """Milliseconds of a window against bars, and against the width."""
    figure.set_size_inches(WIDTH, 3.4)
    left, right = figure.subplots(1, 2)
    bars, widths = list(races(result, "bars")), list(races(result, "widths"))
    _lines(left, bars, lambda race: race.task.size.num_bars, per_window=True)
    _lines(right, widths, lambda race: race.task.size.encoder_units, per_window=True)
    left.set_xlabel("bars")
    right.set_xlabel("encoder units (all widths with them)")
    left.set_ylabel("milliseconds of a window, train step")
    for panel in (left, right):
        panel.set_xscale("log", base=2)
        panel.set_yscale("log", base=2)


def _lines(panel: Any, found: list[Race], position: Any, *, per_window: bool) -> None:
    points: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for race in found:
        for entry in race.entries:
            if entry.failed or not race.task.size.hierarchical:
                continue
            divisor = race.task.batch if per_window else 1
            height = 1e3 * entry.seconds.median / divisor
            key = (entry.backend, entry.name)
            points.setdefault(key, []).append((position(race), height))
    for (backend, name), line in points.items():
        panel.plot(
            *zip(*sorted(line), strict=True),
            STYLES.get(name, ":"),
            marker="o",
            markersize=3,
            color=BACKEND_COLOURS[backend],
            label=f"{backend}: {name}",
        )
    panel.grid(alpha=0.3)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(fontsize=7, frameon=False)


def _ran(race: Race) -> int:
    return sum(not entry.failed for entry in race.entries)
