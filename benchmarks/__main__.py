"""Benchmarks of keras-musicvae.

    python -m benchmarks                 # half an hour on two cores, and a report
    python -m benchmarks --full          # all commands, sizes, batches, precisions
    python -m benchmarks train sample    # some
    python -m benchmarks report          # the report again, from the JSON

Results are JSON files in benchmarks/results/MACHINE-DATE/, one per command, and
report.md beside them with its pictures. README.md in this folder explains each command.
"""

import argparse
import datetime
import json
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import keras_musicvae
from benchmarks.experiment import Options, workers
from benchmarks.machine import Disturbance, describe_machine, machine_name
from benchmarks.worker import ROOT
from keras_musicvae.backends.choice import BACKENDS, installed_backends

SHORT = ("startup", "music", "sample", "encode", "train", "control")
COMMANDS = (*SHORT, "memory", "scaling", "preprocess")
RESULTS = ROOT / "benchmarks" / "results"


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line."""
    args = _parser().parse_args(arguments)
    machine = describe_machine()
    folder = args.out or RESULTS / f"{machine_name(machine)}-{_today()}"
    chosen = [name for name in args.commands if name != "report"]
    if not args.commands:
        chosen = list(COMMANDS if args.full else SHORT)
    options = Options(
        backends=tuple(args.backend or installed_backends()),
        full=args.full,
        rounds=args.rounds,
        seconds=args.seconds,
        cores=args.cores,
        data=args.data,
        gpu=machine["gpu"] is not None,
        out=folder,
        tiny=args.tiny,
    )
    folder.mkdir(parents=True, exist_ok=True)
    for name in chosen:
        record = run_command(name, _module(name), options, machine)
        path = folder / f"{name}.json"
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(record, indent=1) + "\n")
        temporary.replace(path)
    from benchmarks.report import write_report

    print(write_report(folder))


def run_command(
    name: str, module: ModuleType, options: Options, machine: dict[str, Any]
) -> dict[str, Any]:
    """Runs one command; its result with everything that says how it came about."""
    print(f"{name}: {module.HELP}", file=sys.stderr)
    started = datetime.datetime.now(datetime.UTC)
    disturbance, start = Disturbance(), time.monotonic()
    result = module.measure(options)
    record = {
        "command": name,
        "full": options.full,
        "rounds": options.rounds,
        "turn_seconds": options.seconds,
        "cores": options.cores,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - start, 1),
        "disturbance": disturbance.report(),
        "package": keras_musicvae.__version__,
        "commit": _commit(),
        "machine": machine,
    }
    with workers(options) as processes:
        record["backends"] = {
            backend: worker.ask("describe") for backend, worker in processes.items()
        }
    return {**record, "result": result}


def _parser() -> argparse.ArgumentParser:
    lines = [f"  {name:12}{_module(name).HELP}" for name in COMMANDS]
    lines.append(f"  {'report':12}tables and pictures of the JSON that is there")
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="commands:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "commands",
        nargs="*",
        metavar="COMMAND",
        type=_command,
        help=f"which (default: {' '.join(SHORT)}; with --full all)",
    )
    parser.add_argument(
        "--backend",
        action="append",
        choices=BACKENDS,
        help="may be given several times (default: all that are installed)",
    )
    parser.add_argument("--full", action="store_true", help="all cases, takes hours")
    parser.add_argument(
        "--rounds", type=int, default=9, help="turns of each contender (default: 9)"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=0.3,
        help="least length of a turn (default: 0.3)",
    )
    parser.add_argument("--cores", type=int, help="cores to use (default: all)")
    parser.add_argument("--data", type=Path, help="the Groove MIDI Dataset's zip")
    parser.add_argument("--out", type=Path, help="folder of the results")
    parser.add_argument(
        "--tiny", action="store_true", help="a tiny model, only to try the code"
    )
    return parser


def _command(text: str) -> str:
    # argparse's own `choices` would refuse that none is given.
    if text not in (*COMMANDS, "report"):
        raise argparse.ArgumentTypeError(f"there is no {text!r}; see --help")
    return text


def _module(name: str) -> ModuleType:
    return import_module(f"benchmarks.commands.{name}")


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def _commit() -> str:
    result = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
