"""Makes docs/samples/: what groove_4bar plays, as MIDI, sound and picture.

    python tools/make_samples.py

Everything is made from seeds, in less than a minute; `samples.json` says how.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from keras_musicvae import Groove, MusicVAE
from keras_musicvae.grooves.groove import join_grooves

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "samples"
PRESET = "groove_4bar"
TEMPERATURE, TEMPO = 0.5, 100
STYLES = (
    *("rock", "funk", "jazz", "hiphop", "latin"),
    *("soul", "neworleans", "afrocuban", "reggae", "punk"),
)
SAMPLE_RATE = 32000


@dataclass(frozen=True)
class Sample:
    """A groove, and how it was made.

    Attributes:
        name: Of its files.
        title: What it is.
        lines: The Python that makes it, with `model` and the grooves before it.
        groove: The music.
    """

    name: str
    title: str
    lines: str
    groove: Groove


def samples(model: MusicVAE) -> Iterator[Sample]:
    """All samples, in the order of the page."""
    grooves = []
    playing = {"temperature": TEMPERATURE, "tempo": TEMPO}
    for seed, (title, condition) in enumerate(wishes(model), start=1):
        asked = {"condition": condition} if condition else {}
        (groove,) = model.sample(seed=seed, **playing, **asked)
        grooves.append(groove)
        lines = f"model.sample({_arguments(seed=seed, **playing, **asked)})[0]"
        yield Sample(f"groove_{seed:02}", title, lines, groove)
    one, two = grooves[:2]
    yield Sample(
        "on_the_grid",
        "The first groove without its feel: on the grid, all hits at one velocity",
        "replace(groove_01, velocities=0.8 * hits, offsets=0 * hits)",
        replace(
            one,
            velocities=0.8 * one.hits.astype(np.float32),
            offsets=np.zeros_like(one.offsets),
        ),
    )
    playing["seed"] = 1
    row = model.interpolate([one, two], 5, **playing)
    yield Sample(
        "interpolation",
        "From the first groove to the second in five steps",
        f"model.interpolate([groove_01, groove_02], 5, {_arguments(**playing)})",
        join_grooves(row),
    )
    a, b = (model.similar(groove, 1, 0.9, **playing)[0] for groove in (one, two))
    yield Sample(
        "song",
        "A song of twenty bars: A, A varied, B, B varied, A",
        "join_grooves([groove_01, a, groove_02, b, groove_01]), where a and b are "
        f"model.similar(groove, 1, 0.9, {_arguments(**playing)})[0]",
        join_grooves([one, a, two, b, one]),
    )


def _arguments(**values: object) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in values.items())


def wishes(model: MusicVAE) -> list[tuple[str, dict[str, str]]]:
    """Titles and conditions: styles and a fill, as far as the model has them."""
    known = model.preprocessor.conditions
    kind = {"kind": "beat"} if "kind" in known else {}
    styles = [style for style in STYLES if style in known.get("style", ())]
    wished = [(style, {"style": style, **kind}) for style in styles]
    wished = wished or [(f"Groove {i}", kind) for i in range(1, len(STYLES) + 1)]
    return [*wished, ("A fill", {"kind": "fill"})] if kind else wished


def main() -> None:
    """Runs the tool."""
    for old in FOLDER.glob("*.*"):
        if old.suffix in (".mid", ".mp3", ".png", ".json"):
            old.unlink()
    records = []
    for sample in samples(MusicVAE.from_preset(PRESET)):
        groove = replace(sample.groove, name=sample.title)
        groove.save(FOLDER / f"{sample.name}.mid")
        groove.bars(0, 4).save(FOLDER / f"{sample.name}.png", dpi=110)
        sound = groove.to_audio(sample_rate=SAMPLE_RATE).mean(axis=1)
        soundfile.write(
            FOLDER / f"{sample.name}.mp3",
            sound,
            SAMPLE_RATE,
            bitrate_mode="VARIABLE",
            compression_level=0.6,
        )
        facts = {
            name: value for name, value in asdict(sample).items() if name != "groove"
        }
        records.append({**facts, "bars": groove.num_bars, "tempo": groove.tempo})
        print(sample.name, sample.groove)
    text = json.dumps({"preset": PRESET, "samples": records}, indent=2)
    (FOLDER / "samples.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
