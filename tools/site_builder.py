"""Builds the documentation site into site/; a warning or a link to nowhere is an error.

    python tools/site_builder.py

What code and results say themselves (arguments, commands, conditions, figures) is
written into build/site first, where the pages of docs/ include it.
"""

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np

from benchmarks.report import headline, read_records, report
from keras_musicvae.cli.main import COMMANDS, build_parser
from keras_musicvae.evaluation.features import measure_features
from keras_musicvae.evaluation.report import feature_table, headline_table
from keras_musicvae.evaluation.sets import GrooveSet
from keras_musicvae.grooves.conditions import CONDITIONS
from keras_musicvae.grooves.tasks import TASKS
from keras_musicvae.models.config import PARTS
from keras_musicvae.presets.registry import presets
from keras_musicvae.training.recipe import RECIPES, Recipe

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "site"
INCLUDED = ROOT / "build" / "site"
EVALUATION = ROOT / "docs" / "results" / "groove_4bar" / "evaluation.json"
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
BENCHMARKS = ROOT / "benchmarks" / "results"


def main() -> None:
    """Runs the tool."""
    shutil.rmtree(INCLUDED, ignore_errors=True)
    INCLUDED.mkdir(parents=True)
    for name, make in INCLUDES.items():
        (INCLUDED / f"{name}.md").write_text(make() + "\n", encoding="utf-8")
    run = subprocess.run(
        ["zensical", "build", "--clean", "--strict"],
        cwd=ROOT,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
    )
    print(run.stdout + run.stderr, end="")
    # Faults of docstrings are no warnings to zensical, nor are some links.
    faults = re.findall(r"^griffe: .*", run.stdout + run.stderr, re.MULTILINE)
    faults += dead_links(SITE)
    if run.returncode or faults:
        sys.exit("\n".join(faults) or "zensical failed")


# --- What pages include -------------------------------------------------------


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", r"\|").replace("\n", " ")


def _arguments(part: type) -> str:
    rows = [
        (
            f"`{item.name}`",
            f"`{item.default!r}`",
            item.metadata["rule"][1],
            item.metadata["text"],
        )
        for item in fields(part)
        if "rule" in item.metadata
    ]
    return table(("argument", "default", "allowed", "meaning"), rows)


def arguments() -> str:
    """The arguments of `MusicVAE`, by part."""
    return "\n\n".join(f"## {part.__name__}\n\n{_arguments(part)}" for part in PARTS)


def recipes() -> str:
    """The names of the recipes and the fields of one."""
    names = ", ".join(f"`{name}`" for name in RECIPES)
    return f"Recipes: {names}.\n\n{_arguments(Recipe)}"


def commands() -> str:
    """The help of every command."""
    pages = []
    for name in COMMANDS:
        text = io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
            build_parser().parse_args([name, "--help"])
        pages.append(f"## {name}\n\n```text\n{text.getvalue()}```")
    return "\n\n".join(pages)


def conditions() -> str:
    """The conditions that a model can read."""
    rows = [(f"`{one.name}`", one.text) for one in CONDITIONS.values()]
    return table(("condition", "meaning"), rows)


def tasks() -> str:
    """The tasks."""
    rows = [(f"`{one.name}`", one.text) for one in TASKS.values()]
    return table(("task", "meaning"), rows)


def preset_table() -> str:
    """The presets of the package."""
    rows = [
        (
            f"`{name}`",
            one["bars"],
            f"{one['params']:,}",
            f"{one['size'] / 1e6:.1f} MB",
            one["license"],
            one["purpose"],
        )
        for name, one in ((name, one["metadata"]) for name, one in presets().items())
    ]
    head = ("preset", "bars", "parameters", "size", "licence", "purpose")
    return table(head, rows)


def evaluation() -> str:
    """The figures of the shipped preset."""
    return headline_table(json.loads(EVALUATION.read_text(encoding="utf-8")))


def features() -> str:
    """The features by which grooves are compared."""
    silence = GrooveSet("silence", np.zeros((1, 64, 27)))
    return feature_table(measure_features(silence)[0])


def speed() -> str:
    """The headline and the report of every machine that was measured."""
    pages = []
    for folder in sorted(path for path in BENCHMARKS.iterdir() if path.is_dir()):
        records = read_records(folder)
        text = report(records).partition("\n")[2]  # Without its title.
        text = re.sub(r"^## ", "### ", text, flags=re.MULTILINE)
        first = (
            headline(records) if {"train", "sample", "music"} <= set(records) else ""
        )
        pages.append(f"## {folder.name}\n\n{first}\n{text}")
    return "\n\n".join(pages)


def samples() -> str:
    """The grooves of docs/samples, each with its picture and a player."""
    folder = ROOT / "docs" / "samples"
    content = json.loads((folder / "samples.json").read_text(encoding="utf-8"))
    return "\n\n".join(
        f"## {one['title']}\n\n![{one['title']}]({one['name']}.png)\n\n"
        f'<audio controls preload="metadata" src="{one["name"]}.mp3"></audio>\n\n'
        f"[MIDI]({one['name']}.mid) · {one['bars']} bars, {one['tempo']:g} bpm · "
        f"`{one['lines']}`"
        for one in content["samples"]
    )


def notebooks() -> str:
    """The notebooks, with their titles and the link that opens them in Colab."""
    repository = "github.com/keras-musicvae/keras-musicvae/blob/main/examples"
    colab = repository.replace(".com", "")
    rows = []
    for path in sorted((ROOT / "examples").glob("*.ipynb")):
        first = json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"]
        title = "".join(first).splitlines()[0].removeprefix("# ")
        badge = f"[![Open in Colab]({BADGE})](https://colab.research.google.com/{colab}/{path.name})"
        rows.append((f"[{path.name}](https://{repository}/{path.name})", title, badge))
    return table(("notebook", "what it shows", ""), rows)


INCLUDES: dict[str, Callable[[], str]] = {
    "arguments": arguments,
    "recipes": recipes,
    "commands": commands,
    "conditions": conditions,
    "tasks": tasks,
    "presets": preset_table,
    "evaluation": evaluation,
    "features": features,
    "speed": speed,
    "notebooks": notebooks,
    "samples": samples,
}


# --- Checks of what was built -------------------------------------------------


class _Page(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors = {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def dead_links(site: Path) -> Iterator[str]:
    """The links between the pages of a site that lead nowhere."""
    base = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    prefix = urlsplit(base["project"]["site_url"]).path
    pages = {path.resolve(): _Page(path) for path in site.rglob("*.html")}
    for path, page in pages.items():
        if path.name == "404.html":
            continue  # Served from anywhere: its links are absolute.
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            if parts.path.startswith(prefix):
                target = site / unquote(parts.path.removeprefix(prefix))
            else:
                target = path.parent / unquote(parts.path) if parts.path else path
            target = target.resolve()
            if target.is_dir():
                target /= "index.html"
            known = pages[target].anchors if target in pages else {parts.fragment}
            if not target.is_file() or unquote(parts.fragment) not in known:
                yield f"{path.relative_to(site.resolve())}: {link} leads nowhere"


if __name__ == "__main__":
    main()
