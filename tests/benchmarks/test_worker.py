"""A worker in a process of its own, asked as a command asks it."""

import io
import json
import os

import keras
import pytest

from benchmarks.__main__ import _parser
from benchmarks.contenders import NATIVE, OURS
from benchmarks.machine import describe_machine, machine_name
from benchmarks.race import Options, race, workers
from benchmarks.tasks import TINY, Task
from benchmarks.worker import Server, Worker, WorkerError, serve

BACKEND = keras.backend.backend()


def test_a_race_in_another_process():
    options = Options((BACKEND,), rounds=3, seconds=0.01)
    task = Task("sample", 1, TINY)
    with workers(options) as processes:
        result = race(processes, task, (OURS, NATIVE), options, each=True)
        described = processes[BACKEND].ask("describe")
        with pytest.raises(WorkerError, match="AttributeError"):
            processes[BACKEND].ask("no such request")
    assert Task.from_dict(json.loads(json.dumps(result["task"]))) == task
    names = [c["name"] for c in result["contenders"]]
    assert names == [OURS, NATIVE]
    for contender in result["contenders"]:
        assert "failed" not in contender
        assert len(contender["turns"]) == 3
        assert all(seconds > 0 for turn in contender["turns"] for seconds in turn)
    assert described["backend"] == BACKEND
    assert described["versions"]["keras"] == keras.__version__


def test_a_worker_that_dies_is_reported():
    with Worker(BACKEND) as worker:
        worker._process.kill()
        worker._process.wait()
        with pytest.raises(WorkerError, match="died"):
            worker.ask("describe")


def test_a_failing_request_is_answered():
    class Failing(Server):
        def describe(self):
            raise ValueError("no")

    answers = io.StringIO()
    requests = io.StringIO('{"request": "describe"}\n{"request": "drop"}\n')
    serve(Failing(BACKEND), requests, answers)
    first, second = map(json.loads, answers.getvalue().splitlines())
    assert first == {"error": "ValueError: no"}
    assert second == {"result": None}


def test_the_machine_describes_itself():
    machine = describe_machine()
    assert machine["cores"] == os.cpu_count()
    assert machine["cpu_features"].keys() >= {"avx512_bf16", "amx_bf16"}
    name = machine_name({"gpu": None, "cpu": "AMD EPYC (tm)", "cores": 2})
    assert name == "amd-epyc-tm-2-cores"
    assert machine_name({"gpu": {"name": "NVIDIA H200"}}) == "nvidia-h200"


def test_the_command_line():
    args = _parser().parse_args([])
    assert not args.commands
    args = _parser().parse_args(
        ["train", "report", "--backend", "jax", "--rounds", "9"]
    )
    assert (args.commands, args.backend, args.rounds) == (
        ["train", "report"],
        ["jax"],
        9,
    )
    with pytest.raises(SystemExit):
        _parser().parse_args(["trian"])
