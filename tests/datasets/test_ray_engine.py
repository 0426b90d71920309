"""Files read on a Ray cluster give the dataset of a local run, byte for byte."""

import sys
import threading
import time

import pytest
from synthetic import groove_bytes

from keras_musicvae.datasets import folder
from keras_musicvae.errors import ConfigError, DatasetError, MissingExtraError
from keras_musicvae.grooves.converter import GrooveConverter

CONFIG = folder.WindowConfig(converter=GrooveConverter(num_bars=1))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("source")
    for seed in range(24):
        (path / f"{seed}.mid").write_bytes(groove_bytes(seed, bars=3))
    (path / "broken.mid").write_bytes(b"MThd")
    return path


@pytest.fixture
def cluster():
    """Two nodes of one processor each; the second can be killed."""
    pytest.importorskip("ray.data")
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.second = cluster.add_node(num_cpus=1)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def contents(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


@pytest.mark.filterwarnings("default")  # those of Ray
def test_a_node_that_dies_loses_and_doubles_nothing(
    source, cluster, tmp_path, monkeypatch
):
    monkeypatch.setattr(folder, "PART_FILES", 2)
    folder.preprocess(source, tmp_path / "local", CONFIG, jobs=1)

    def kill():
        while not list((tmp_path / ".ray.partial").glob("parts/*.json")):
            time.sleep(0.05)
        cluster.remove_node(cluster.second, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    folder.preprocess(
        source, tmp_path / "ray", CONFIG, engine="ray", address=cluster.address
    )
    killer.join()
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")


def test_a_local_run_goes_on_on_ray_by_part(source, tmp_path, monkeypatch):
    """What is read already is not given to Ray."""
    monkeypatch.setattr(folder, "PART_FILES", 5)
    folder.preprocess(source, tmp_path / "local", CONFIG, jobs=1)

    def interrupted(reader, parts, address, on_file):
        first, *_ = parts
        reader.read({first: parts[first]}, 1, on_file)
        raise DatasetError("lost")

    with monkeypatch.context() as patch:
        patch.setattr(folder, "read_on_ray", interrupted)
        with pytest.raises(DatasetError, match="lost"):
            folder.preprocess(source, tmp_path / "ray", CONFIG, engine="ray")
    given = []

    def local(reader, parts, address, on_file):
        given.extend(parts)
        reader.read(parts, 1, on_file)

    monkeypatch.setattr(folder, "read_on_ray", local)
    folder.preprocess(source, tmp_path / "ray", CONFIG, engine="ray")
    assert given == [1, 2, 3, 4]
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")


def test_without_ray_the_error_names_the_extra(source, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"keras-musicvae\[ray\]"):
        folder.preprocess(source, tmp_path / "ray", CONFIG, engine="ray")


def test_an_unknown_engine(source, tmp_path):
    with pytest.raises(ConfigError, match="'local', 'ray'"):
        folder.preprocess(source, tmp_path / "ray", CONFIG, engine="spark")
