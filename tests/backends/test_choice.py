"""The first name that needs Keras chooses an installed backend."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from keras_musicvae.backends import choice
from keras_musicvae.backends.choice import BACKENDS, choose_backend
from keras_musicvae.errors import BackendError

BACKEND = keras.backend.backend()

# Python as it is where only some of the backends are installed.
HIDE = """
import sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name not in {hidden}:
            return super().find_spec(name, path, target)

sys.meta_path = [Hiding if f is PathFinder else f for f in sys.meta_path]
"""


def run_with(installed, code, tmp_path) -> subprocess.CompletedProcess:
    """Runs Python in a new home, with no other backend than `installed`."""
    hidden = set(BACKENDS) - set(installed)
    environment = {**os.environ, "KERAS_HOME": str(tmp_path / "keras")}
    del environment["KERAS_BACKEND"]  # set by `choose_backend`, if nobody else did
    return subprocess.run(
        [sys.executable, "-c", HIDE.format(hidden=hidden) + code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_one_installed_backend_is_enough(tmp_path):
    """Keras itself would choose TensorFlow, and says so in the file that it writes."""
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "keras.json").write_text('{"backend": "tensorflow"}')
    readme = Path(__file__).parents[2] / "README.md"
    (six_lines,) = re.findall(
        r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL
    )
    code = f"""
exec({six_lines!r})
import keras
print("backend:", keras.backend.backend())
"""
    done = run_with([BACKEND], code, tmp_path)
    assert f"backend: {BACKEND}" in done.stdout, done.stderr
    assert len(list(tmp_path.glob("*.mid"))) == 5


@pytest.mark.parametrize(
    "code",
    [
        "from keras_musicvae import MusicVAE",
        "from keras_musicvae.models.music_vae import MusicVAE",
        "from keras_musicvae.training.run import train",
    ],
)
def test_without_a_backend_the_error_names_the_extras(code, tmp_path):
    done = run_with([], code, tmp_path)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("keras_musicvae.errors.BackendError: ")
    assert all(f'pip install "keras-musicvae[{name}]"' in last for name in BACKENDS)


def test_reading_needs_no_backend(tmp_path):
    code = "from keras_musicvae import Groove, GrooveConverter, datasets, read_midi"
    assert run_with([], code, tmp_path).returncode == 0


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """As before Keras is imported; sets what is installed and what the file says."""
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)

    def set_up(*installed, keras_json=None):
        monkeypatch.setattr(choice, "_is_installed", lambda name: name in installed)
        if keras_json is not None:
            (tmp_path / "keras.json").write_text(keras_json)

    return set_up


def test_the_order_of_choice(fresh, monkeypatch):
    configured = json.dumps({"backend": "torch"})
    fresh(*BACKENDS, keras_json=configured)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert choose_backend("jax") == "jax" == os.environ["KERAS_BACKEND"]
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert choose_backend() == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "")
    assert choose_backend() == "torch"
    monkeypatch.delenv("KERAS_BACKEND")
    fresh("tensorflow", "jax")
    assert choose_backend() == "jax"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"backend": 3}', '{"backend": "openvino"}']
)
def test_a_keras_json_that_names_no_installed_backend_does_not_count(fresh, text):
    fresh("torch", "tensorflow", keras_json=text)
    assert choose_backend() == "torch"


@pytest.mark.parametrize("name", ["numpy", "openvino", "Jax"])
def test_unknown_backends_are_refused(fresh, monkeypatch, name):
    fresh(*BACKENDS)
    monkeypatch.setenv("KERAS_BACKEND", name)
    with pytest.raises(BackendError, match=f"one of jax, .* Received: '{name}'"):
        choose_backend()


def test_a_backend_that_is_named_must_be_installed(fresh):
    fresh("jax")
    with pytest.raises(BackendError, match=r'installed: jax.*keras-musicvae\[torch\]"'):
        choose_backend("torch")


def test_what_an_uninstallation_leaves_is_no_backend(tmp_path, monkeypatch):
    (tmp_path / "left_behind").mkdir()
    (tmp_path / "a_package").mkdir()
    (tmp_path / "a_package" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert choice._is_installed("a_package")
    assert not choice._is_installed("left_behind")


def test_the_backend_of_a_running_keras_stays(monkeypatch):
    others = [name for name in BACKENDS if name != BACKEND]
    monkeypatch.setenv("KERAS_BACKEND", others[0])
    assert choose_backend() == BACKEND == choose_backend(BACKEND)
    with pytest.raises(BackendError, match=f"already runs on '{BACKEND}'"):
        choose_backend(others[1])
