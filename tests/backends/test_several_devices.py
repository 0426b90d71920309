"""Several devices train as one: the same losses, weights and counts of steps."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_musicvae.backends import distributed
from keras_musicvae.backends.processes import Processes
from keras_musicvae.cli.main import main
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.errors import ConfigError
from keras_musicvae.models.random import TrainingNoise
from keras_musicvae.training import run
from keras_musicvae.training.recipe import Recipe

pytest_plugins = ["training.conftest"]

BACKEND = keras.backend.backend()
SCRIPT = Path(__file__).with_name("several_devices.py")
# Gloo between processes of JAX and gRPC of TensorFlow take long for each of the many
# messages of a step.
STEPS = 200 if BACKEND == "torch" else 20


def start(*arguments) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result(process: subprocess.Popen) -> dict:
    out, error = process.communicate(timeout=600)
    assert process.returncode == 0, error
    return json.loads(out.splitlines()[-1])


def assert_equal(several: dict, one: dict) -> None:
    assert several.keys() == one.keys()
    for name, values in one.items():
        np.testing.assert_allclose(several[name], values, rtol=1e-5)
    assert sum(one["skipped"]) > 0


@pytest.mark.skipif(BACKEND == "torch", reason="a process has one device")
def test_two_devices_of_a_process():
    one = result(start(200, "sgd", "alone"))
    assert_equal(result(start(200, "sgd", "devices")), one)


def test_two_processes():
    one = result(start(STEPS, "adam", "alone"))
    addresses = ",".join(f"127.0.0.1:{free_port()}" for _ in range(2))
    processes = [start(STEPS, "adam", rank, addresses) for rank in range(2)]
    for process in processes:
        assert_equal(result(process), one)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_noise_depends_on_the_position_in_the_whole_batch(monkeypatch):
    noise = TrainingNoise(7, keras.ops.convert_to_tensor(3))
    shapes = [(5, 4, 6), (2, 4, 6)]
    draws = {"bits": noise.bits, "uniform": noise.uniform, "normal": noise.normal}
    for name, draw in draws.items():
        whole = np.reshape(keras.ops.convert_to_numpy(draw(shapes[0], 1)), shapes[0])
        with monkeypatch.context() as patch:
            patch.setattr(distributed, "first_example", lambda examples: 3)
            part = np.reshape(keras.ops.convert_to_numpy(draw(shapes[1], 1)), shapes[1])
        np.testing.assert_array_equal(part, whole[3:], err_msg=name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 0, "a:1"), "at least 2"),
        ((2, 2, "a:1"), "from 0 to 1. Received: 2"),
        ((2, -1, "a:1"), "from 0 to 1"),
        ((2, 0, "a"), "host:port"),
        ((2, 0, "a:70000"), "host:port"),
        ((2, 0, ":80"), "host:port"),
        ((3, 0, "a:1,b:1"), "each of the 3 processes"),
    ],
)
def test_impossible_processes(arguments, message):
    with pytest.raises(ConfigError, match=message):
        Processes(*arguments)


# --- The command --------------------------------------------------------------

SMALL = [
    "--epochs=12",
    "--batch-size=8",
    "--set=latent_dim=3",
    "--set=encoder_units=[6]",
    "--set=decoder_units=[5]",
    "--set=conductor_units=[4]",
    "--set=prior_units=8",
    "--set=calibrate=false",
]


def train(data, out, *arguments) -> subprocess.Popen:
    command = [sys.executable, "-m", "keras_musicvae", "train", data, "--out", out]
    return subprocess.Popen(
        [*map(str, command), "--quiet", *SMALL, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def losses(out: Path) -> list[float]:
    with (out / "log.csv").open() as file:
        return [float(row["val_loss"]) for row in csv.DictReader(file)]


def worker(launcher: int, rank: int) -> int:
    """The process of a rank that the command has started."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == launcher and command[-3:-1] == [b"--rank", b"%d" % rank]:
            return int(entry.name)
    raise AssertionError("no such process")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_killed_process_ends_the_run_which_goes_on_with_one_device(data, tmp_path):
    out = tmp_path / "run"
    launcher = train(data, out, "--devices=2")
    while not (out / "log.csv").exists():
        assert launcher.poll() is None, launcher.communicate()
        time.sleep(0.05)
    os.kill(worker(launcher.pid, 1), signal.SIGKILL)
    _, error = launcher.communicate(timeout=120)
    assert launcher.returncode == 1
    last = error.strip().splitlines()[-1]
    assert "The last checkpoint is kept: the same" in last
    assert "Traceback" not in error, error[-2000:]
    done = len(losses(out))
    assert 0 < done < 12
    resumed = train(data, out)
    _, error = resumed.communicate(timeout=600)
    assert resumed.returncode == 0, error
    assert len(losses(out)) == 12
    assert json.loads((out / "preset" / "metadata.json").read_text())


def test_devices_that_cannot_share_a_batch(data, tmp_path):
    windows, three = GrooveWindows.load(data), Processes(3, 0, "a:1")
    with pytest.raises(ConfigError, match="multiple of the number of devices, 3"):
        run.train(windows, tmp_path, Recipe(batch_size=8), processes=three)


@pytest.mark.parametrize(
    "arguments", [["--rank=0"], ["--processes=2"], ["--coordinator=a:1", "--rank=1"]]
)
def test_options_that_go_together(arguments, tmp_path, capsys):
    command = ["train", str(tmp_path), "--out", str(tmp_path / "run"), *arguments]
    assert main(command) == 1
    assert "go together" in capsys.readouterr().err
