"""Benchmarks of keras-musicvae.

    python -m benchmarks                 # half an hour on two cores, and a report
    python -m benchmarks --full          # all commands, sizes, batches, precisions
    python -m benchmarks train sample    # some
    python -m benchmarks report          # the report again, from the JSON

Results are JSON files in benchmarks/results/MACHINE-DATE/, one per command, and
report.md beside them. README.md in this folder explains each command.
"""

import argparse
import datetime
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras_musicvae
from benchmarks.commands import COMMANDS
from benchmarks.machine import Disturbance, describe_machine, machine_name
from benchmarks.race import Options, workers
from benchmarks.report import write_report
from benchmarks.worker import ROOT
from keras_musicvae.backends.choice import BACKENDS, installed_backends
from keras_musicvae.files import write_json

SHORT = ("music", "sample", "encode", "train")


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line."""
    args = _parser().parse_args(arguments)
    machine = describe_machine()
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    results = ROOT / "benchmarks" / "results"
    folder = args.out or results / f"{machine_name(machine)}-{today}"
    options = Options(
        backends=tuple(args.backend or installed_backends()),
        full=args.full,
        rounds=args.rounds,
        seconds=args.seconds,
        data=args.data,
        gpu=machine["gpu"] is not None,
        tiny=args.tiny,
    )
    folder.mkdir(parents=True, exist_ok=True)
    for name in args.commands or (COMMANDS if args.full else SHORT):
        if name != "report":
            write_json(folder / f"{name}.json", run_command(name, options, machine))
    print(write_report(folder))


def run_command(name: str, options: Options, machine: dict[str, Any]) -> dict[str, Any]:
    """Runs one command; its result with everything that says how it came about."""
    print(f"{name}: {_help(name)}", file=sys.stderr)
    started = datetime.datetime.now(datetime.UTC)
    disturbance, start = Disturbance(), time.monotonic()
    result = COMMANDS[name](options)
    record = {
        "command": name,
        "full": options.full,
        "rounds": options.rounds,
        "turn_seconds": options.seconds,
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
    lines = [f"  {name:12}{_help(name)}" for name in COMMANDS]
    lines.append(f"  {'report':12}The tables again, from the JSON.")
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="commands:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "commands",
        nargs="*",
        metavar="COMMAND",
        type=_command,
        help=f"which (default: {' '.join(SHORT)}; with --full all)",
    )
    add(
        "--backend",
        action="append",
        choices=BACKENDS,
        help="may be given several times (default: all that are installed)",
    )
    add("--full", action="store_true", help="all cases, takes hours")
    add("--rounds", type=int, default=9, help="turns of each contender (default: 9)")
    add("--seconds", type=float, default=0.3, help="of a turn, at least (default: 0.3)")
    add("--data", type=Path, help="the Groove MIDI Dataset's zip")
    add("--out", type=Path, help="folder of the results")
    add("--tiny", action="store_true", help="a tiny model, only to try the code")
    return parser


def _command(text: str) -> str:
    # argparse's own `choices` would refuse that none is given.
    if text not in (*COMMANDS, "report"):
        raise argparse.ArgumentTypeError(f"there is no {text!r}; see --help")
    return text


def _help(name: str) -> str:
    return str(COMMANDS[name].__doc__).partition("\n")[0]


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
