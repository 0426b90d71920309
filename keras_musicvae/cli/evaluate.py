r"""Hold systems against drummers, side by side.

    keras-musicvae evaluate groove_4bar --reference data/groove_4bar --out results
    keras-musicvae evaluate groove_4bar my_midi/ markov --reference data/groove_4bar \
        --out results

A SYSTEM is a preset (name or folder), a folder of MIDI files, or a baseline: `markov`,
a Markov chain of the training steps, or `copies`, training patterns played anew.
Presets are sampled at each --temperature, and what they rebuild, their paths and their
variations are measured too. Beside the systems stand the drummers of the train split
and the range of real halves of the reference.

Writes evaluation.json, evaluation.md and pictures; `differences.png` shows the features
by which a classifier recognises each system. Needs the extra `evaluate`
(scikit-learn). docs/evaluation.md is the protocol.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from keras_musicvae.cli.messages import warn
from keras_musicvae.cli.options import (
    add_backend,
    add_option,
    add_switch,
    name_or_path,
    path,
    start_keras,
)
from keras_musicvae.rules import integer, number

if TYPE_CHECKING:
    from keras_musicvae.datasets.windows import GrooveWindows
    from keras_musicvae.evaluation.evaluate import Reference
    from keras_musicvae.evaluation.sets import GrooveSet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of this command."""
    parser.add_argument(
        "systems",
        nargs="+",
        type=name_or_path,
        metavar="SYSTEM",
        help="preset (name or folder), folder of MIDI files, or a baseline: markov, "
        "copies (./markov is a folder)",
    )
    option = partial(add_option, parser)
    option(
        "--reference",
        "preprocessed dataset of real grooves, see `preprocess`",
        path,
        required=True,
        metavar="DIR",
    )
    option("--out", "folder to write", path, required=True, metavar="DIR")
    option(
        "--split",
        "which windows are the reference (default: test); whatever you tune or choose, "
        "tune on validation",
        ["test", "validation", "train"],
        "test",
    )
    option(
        "--num-samples",
        "samples of each preset and baseline (default: 2000)",
        integer(2),
    )
    option(
        "--temperature",
        "temperatures of the presets' samples (default: 1 and that of the README's "
        "examples, 0.5)",
        number(0),
        nargs="+",
    )
    option("--seed", "of samples, folds, pairs and intervals", integer(0), 0)
    option("--repeats", "resamples for the intervals", integer(1), 1000)
    option(
        "--drum-map",
        "how the MIDI files of folders are read (default: as the reference was)",
        name_or_path,
        metavar="MAP",
    )
    add_switch(parser, "--quiet", "no progress, no table")
    add_backend(parser)


def run(args: argparse.Namespace) -> None:
    """Evaluates; prints the Markdown tables."""
    from keras_musicvae.datasets.windows import GrooveWindows
    from keras_musicvae.evaluation.classifier import require_classifiers
    from keras_musicvae.evaluation.evaluate import Reference, Settings, evaluate
    from keras_musicvae.files import make_folder

    # What can fail at once fails before the seconds that Keras takes to load.
    require_classifiers()
    dataset = GrooveWindows.load(args.reference)
    kinds = [_kind(system) for system in args.systems]
    make_folder(args.out)
    reference = Reference.of(dataset, args.split)
    settings = Settings(repeats=args.repeats, seed=args.seed)

    def say(what: str) -> None:
        if not args.quiet:
            print(what, file=sys.stderr, flush=True)

    found: dict[str, list[GrooveSet]] = {}
    models: dict[str, Any] = {}
    names = column_names(args.systems)
    # Folders and baselines are read before Keras starts, too.
    for spec, name, kind in zip(args.systems, names, kinds, strict=True):
        if kind == "baseline":
            found[name] = [_baseline(spec, name, reference, args)]
        elif kind == "folder":
            found[name] = [_folder(Path(spec), name, dataset, args)]
    if "preset" in kinds:
        start_keras(args)
    for spec, name, kind in zip(args.systems, names, kinds, strict=True):
        if kind == "preset":
            say(f"{name}: samples")
            found[name], models[name] = _preset(
                spec, name, dataset, reference, settings, args, say
            )
    sets = [one for name in names for one in found[name]]
    result = evaluate(
        sets, reference, settings=settings, models=models, on_progress=say
    )
    from keras_musicvae.evaluation.report import as_markdown, write_report

    paths = write_report(args.out, result)
    if not args.quiet:
        sys.stdout.write(as_markdown(result))
        say(f"written to {args.out}: {', '.join(one.name for one in paths)}")


def column_names(systems: Sequence[str]) -> list[str]:
    """Short names that differ: as many last parts of each path as it takes.

    A last part that says nothing (`preset`) is left out.

    Example:
        >>> column_names(["groove_4bar", "runs/flat/preset"])
        ['groove_4bar', 'flat']
    """
    paths = [PurePath(system.rstrip("/")).parts or (system,) for system in systems]
    paths = [
        path[:-1] if path[-1] == "preset" and len(path) > 1 else path for path in paths
    ]
    for length in range(1, max(map(len, paths)) + 1):
        names = ["/".join(path[-length:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [f"{number}: {name}" for number, name in enumerate(names, start=1)]


def _kind(system: str) -> str:
    """Whether a system is a `baseline`, a `folder` of MIDI files or a `preset`.

    Raises:
        UnknownPresetError: It is none of them.
    """
    from keras_musicvae.evaluation.baselines import BASELINES
    from keras_musicvae.presets.folder import CONFIG
    from keras_musicvae.presets.sources import find_preset

    if system in BASELINES:
        return "baseline"
    folder = Path(system)
    if folder.is_dir() and not (folder / CONFIG).exists():
        return "folder"
    find_preset(system)
    return "preset"


def _baseline(
    baseline: str, name: str, reference: "Reference", args: argparse.Namespace
) -> "GrooveSet":
    from dataclasses import replace

    from keras_musicvae.errors import EvaluationError
    from keras_musicvae.evaluation.baselines import BASELINES
    from keras_musicvae.evaluation.evaluate import NUM_SAMPLES

    if reference.training is None:
        raise EvaluationError(
            f"The baseline {baseline} needs a train split beside the {args.split} split"
        )
    number = args.num_samples or NUM_SAMPLES
    made = BASELINES[baseline](reference.training, number, args.seed)
    return replace(made, name=name)


def _folder(
    folder: Path, name: str, dataset: "GrooveWindows", args: argparse.Namespace
) -> "GrooveSet":
    from keras_musicvae.evaluation.sets import set_of_folder

    grooves, left_out = set_of_folder(
        folder, dataset.converter, name, drum_map=args.drum_map
    )
    for file, why in left_out.items():
        warn(f"{folder}: {file}: {why}; skipped")
    return grooves


def _preset(
    preset: str,
    name: str,
    dataset: "GrooveWindows",
    reference: "Reference",
    settings: Any,
    args: argparse.Namespace,
    say: Any,
) -> tuple[list["GrooveSet"], Any]:
    """The samples of a preset at each temperature, and the measures of its model."""
    from keras_musicvae.evaluation.evaluate import NUM_SAMPLES, TEMPERATURES
    from keras_musicvae.evaluation.model import (
        asked_sets,
        check_fit,
        measure_model,
        sample_sets,
    )
    from keras_musicvae.models.music_vae import MusicVAE
    from keras_musicvae.presets.sources import find_preset

    model = MusicVAE.from_preset(preset)
    check_fit(model, reference.real)
    of_preset: Any = {
        "name": name,
        "seed": args.seed,
        "held_out": held_out(find_preset(preset).metadata, dataset, args.split),
    }
    sets = sample_sets(
        model,
        reference.real,
        num_samples=args.num_samples or NUM_SAMPLES,
        temperatures=args.temperature or TEMPERATURES,
        **of_preset,
    )
    sets += asked_sets(model, reference.real, **of_preset)
    measures = measure_model(
        model, reference.real, name=name, settings=settings, on_progress=say
    )
    return sets, measures


def held_out(metadata: Any, dataset: "GrooveWindows", split: str) -> str:
    """What a preset's training saw of the reference, as its metadata says."""
    trained_on = str(metadata.get("training", {}).get("dataset", ""))
    fingerprint = str(dataset.info.get("source", {}).get("fingerprint", ""))
    if not trained_on:
        return "not known: the preset does not say what it was trained on"
    if not fingerprint or fingerprint not in trained_on:
        name = trained_on.partition(",")[0]
        return f"not known: trained on other data ({name})"
    return {
        "test": "trained on the train split of these data; test was not used",
        "validation": "trained on the train split of these data; validation chose the "
        "epoch",
        "train": "nothing: trained on these very windows",
    }[split]
