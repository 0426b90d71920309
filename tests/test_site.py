"""The documentation site is built without a warning, and its checks see faults."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import keras
import pytest

ROOT = Path(__file__).parents[1]
SITE_URL = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["site_url"]
sys.path.insert(0, str(ROOT / "tools"))


def test_the_site_is_built():
    pytest.importorskip("zensical")
    if keras.backend.backend() != "torch":
        pytest.skip("the site is the same on every backend: it is built on PyTorch")
    run = subprocess.run(
        [sys.executable, "tools/site_builder.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    page = (ROOT / "site" / "reference" / "music_vae" / "index.html").read_text()
    assert "similarity" in page
    for readme in ROOT.glob("README*.md"):
        links = re.findall(rf"\({SITE_URL}([^)#]*)", readme.read_text(encoding="utf-8"))
        assert links
        for link in links:
            assert (ROOT / "site" / link / "index.html").is_file(), link


@pytest.mark.parametrize(
    ("link", "dead"),
    [
        ("other/", False),
        ("other/#there", False),
        ("other/index.html#there", False),
        ("#here", False),
        ("https://example.com/nowhere", False),
        ("nowhere/", True),
        ("other/#nowhere", True),
        ("#nowhere", True),
        ("picture.png", True),
    ],
)
def test_links_that_lead_nowhere_are_found(tmp_path, link, dead):
    from site_builder import dead_links

    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.html").write_text("<h1 id='there'>x</h1>")
    (tmp_path / "index.html").write_text(f"<h1 id='here'>x</h1><a href='{link}'>x</a>")
    assert bool(list(dead_links(tmp_path))) == dead
