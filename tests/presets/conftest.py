import pytest
from preset_examples import copy_of, tiny_preset


@pytest.fixture(scope="session")
def saved_preset(tmp_path_factory):
    """A preset that nobody changes."""
    return tiny_preset(tmp_path_factory.mktemp("presets") / "tiny")


@pytest.fixture
def preset(saved_preset, tmp_path):
    """A preset of one's own, to damage."""
    return copy_of(saved_preset, tmp_path)
