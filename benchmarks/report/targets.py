"""The numbers that the project set itself, and whether a run reached them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.contenders import OURS
from benchmarks.report.races import Race, races
from benchmarks.timing import Summary, compare, judge, summarise

RATIO_TO_NATIVE = 1.05
RATIO_TO_NATIVE_GPU = 1.1
BFLOAT16_GAIN = 1.5
# Milliseconds of one groove; grooves per second of 512.
LATENCY = {"jax": 10.0, "tensorflow": 10.0, "torch": 20.0}
GROOVES_PER_SECOND = 1000.0
# Windows per second on two cores, full size, batch 128.
TRAINING = {"float32": 145.0, "bfloat16": 225.0}
ORIGINAL = 134.0
# Five times the original's 122 grooves/s in both directions.
MUSIC_PER_SECOND = 610.0
IMPORT_SECONDS, HELP_SECONDS = 0.15, 0.3


@dataclass(frozen=True)
class Target:
    """One number to reach.

    Attributes:
        what: In words.
        limit: What is to be reached.
        measured: What was.
        reached: "yes", "no", or either with "in doubt" where the quartiles straddle.
    """

    what: str
    limit: str
    measured: str
    reached: str


def targets(records: Mapping[str, Any]) -> Iterator[Target]:
    """Those that the records have numbers for."""
    if "train" in records:
        yield from _training(records["train"])
    if "sample" in records:
        yield from _sampling(records["sample"])
    if "music" in records:
        yield from _music(records["music"]["result"])
    if "startup" in records:
        yield from _startup(records["startup"])


def _training(record: Mapping[str, Any]) -> Iterator[Target]:
    gpu = bool(record["machine"]["gpu"])
    limit = RATIO_TO_NATIVE_GPU if gpu else RATIO_TO_NATIVE
    every = [race for race in races(record["result"]) if not race.task.dropout]
    hierarchical = [race for race in every if race.task.size.hierarchical]
    for race in hierarchical:
        if race.task.batch not in (128, 512) or race.task.precision != "float32":
            continue
        for entry in race.entries:
            ratio = race.ratio(entry) if entry.name == OURS else None
            if ratio:
                yield Target(
                    f"{entry.backend}: train step at batch {race.task.batch} "
                    "over hand-written code",
                    f"<= {limit:g}",
                    _interval(ratio, ".3f"),
                    judge(ratio, limit),
                )
    if not gpu:
        yield from _torch_rates(hierarchical)


def _torch_rates(found: list[Race]) -> Iterator[Target]:
    ours = {}
    for race in found:
        entry = race.find("torch", OURS)
        if race.task.batch == 128 and entry:
            ours[race.task.precision] = entry
    for precision, limit in TRAINING.items():
        if precision in ours:
            # A rate of at least so much is a time of at most so much.
            seconds = ours[precision].seconds
            yield Target(
                f"torch: windows/s in training, batch 128, {precision}",
                f">= {limit:g}",
                f"{128 / seconds.median:.0f}",
                judge(seconds, 128 / limit),
            )
    if len(ours) == 2:
        a, b = ours["float32"].turns, ours["bfloat16"].turns
        pairs = min(len(a), len(b))
        gain = compare(a[:pairs], b[:pairs])
        yield Target(
            "torch: bfloat16 faster than float32 (not alternating)",
            f">= {BFLOAT16_GAIN:g}",
            _interval(gain, ".2f"),
            "yes" if gain.median >= BFLOAT16_GAIN else "no",
        )


def _sampling(record: Mapping[str, Any]) -> Iterator[Target]:
    for race in races(record["result"]):
        if not race.task.size.hierarchical:
            continue
        for entry in race.entries:
            if entry.name != OURS or entry.failed:
                continue
            if race.task.batch == 1:
                limit = LATENCY[entry.backend]
                yield Target(
                    f"{entry.backend}: milliseconds of one groove, median",
                    f"<= {limit:g}",
                    f"{entry.percentile(50) * 1e3:.1f}",
                    judge(entry.seconds, limit / 1e3),
                )
            if race.task.batch == 512:
                yield Target(
                    f"{entry.backend}: grooves/s, 512 at once",
                    f">= {GROOVES_PER_SECOND:g}",
                    f"{512 / entry.seconds.median:.0f}",
                    judge(entry.seconds, 512 / GROOVES_PER_SECOND),
                )


def _music(result: Mapping[str, Any]) -> Iterator[Target]:
    for backend, seconds in result["seconds"].items():
        for verb in ("sample", "encode"):
            found = summarise(seconds[verb])
            yield Target(
                f"{backend}: grooves/s, {verb}, {result['number']} with MIDI",
                f">= {MUSIC_PER_SECOND:g}",
                f"{result['number'] / found.median:.0f}",
                judge(found, result["number"] / MUSIC_PER_SECOND),
            )


def _startup(record: Mapping[str, Any]) -> Iterator[Target]:
    starts = record["result"]["starts"]
    bare = starts["python -c pass"]
    for name, limit in (
        ("import keras_musicvae", IMPORT_SECONDS),
        ("keras-musicvae --help", HELP_SECONDS),
    ):
        # What Python itself needs is not the package's.
        over = [a - b for a, b in zip(starts[name], bare, strict=True)]
        median = sorted(over)[len(over) // 2]
        yield Target(
            f"{name}, seconds over Python's own start",
            f"<= {limit:g}",
            f"{median:.2f}",
            "yes" if median <= limit else "no",
        )


def _interval(summary: Summary, form: str) -> str:
    median, lower, upper = summary.median, summary.lower, summary.upper
    return f"{median:{form}} [{lower:{form}}, {upper:{form}}]"
