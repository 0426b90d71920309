"""What a package index and its users see: licences, links, extras."""

import re
import tomllib
from pathlib import Path

import pytest

from keras_musicvae import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def text_files() -> list[Path]:
    """The text files of the checkout in which a user may read of an extra."""
    folders = ("keras_musicvae", "docs", "benchmarks", "examples")
    files = [path for name in folders for path in (ROOT / name).rglob("*")]
    return [p for p in (*files, *ROOT.glob("*.md")) if p.suffix in (".py", ".md")]


def readme_of_the_index() -> str:
    """README.md as the build changes it."""
    hook = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    assert hook["fragments"] == [{"path": "README.md"}]
    text = (ROOT / "README.md").read_text()
    for one in hook["substitutions"]:
        text = re.sub(one["pattern"], one["replacement"], text)
    return text


def test_links_of_the_readme_lead_to_files_of_the_repository():
    here = re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    there = re.findall(r"\]\(([^)]+)\)", readme_of_the_index())
    repository = PROJECT["project"]["urls"]["Repository"]
    raw = repository.replace("github.com", "raw.githubusercontent.com")
    assert here
    for link, absolute in zip(here, there, strict=True):
        if link.startswith("https://"):
            assert absolute == link
            continue
        assert (ROOT / link.partition("#")[0]).is_file()
        picture = Path(link).suffix in (".png", ".svg")
        base = f"{raw}/main" if picture else f"{repository}/blob/main"
        assert absolute == f"{base}/{link}"


def test_both_licences_and_the_attribution_go_with_the_package():
    project = PROJECT["project"]
    assert project["license"] == "Apache-2.0 AND CC-BY-4.0"
    files = {path for glob in project["license-files"] for path in ROOT.glob(glob)}
    texts = {path.name: path.read_text() for path in files}
    assert set(texts) == {"LICENSE", "CC-BY-4.0.txt", "NOTICE"}
    assert "Apache License" in texts["LICENSE"]
    assert "Attribution 4.0 International" in texts["CC-BY-4.0.txt"]
    assert "The Groove MIDI Dataset, Google LLC, CC BY 4.0" in texts["NOTICE"]


def test_every_extra_that_is_named_exists():
    extras = set(PROJECT["project"]["optional-dependencies"])
    named = {
        extra
        for path in text_files()
        for found in re.findall(r"keras-musicvae\[([\w,]+)\]", path.read_text())
        for extra in found.split(",")
    }
    assert named and named <= extras


def test_the_citation_names_the_version_and_the_repository():
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {__version__}\n" in citation
    repository = PROJECT["project"]["urls"]["Repository"]
    assert f'\nrepository-code: "{repository}"\n' in citation


def workflow_files() -> list[Path]:
    return sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", workflow_files(), ids=lambda path: path.name)
def test_actions_are_pinned_and_their_make_targets_exist(path):
    text = path.read_text()
    uses = re.findall(r"uses: (.*)", text)
    assert uses
    for action in uses:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", action)
    makefile = (ROOT / "Makefile").read_text()
    for targets in re.findall(r"run: make ([a-z -]+)", text):
        for target in targets.split():
            assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_the_workflow_tests_every_python_of_the_classifiers():
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    tested = set(re.findall(r'"(3\.\d+)"', workflow))
    prefix = "Programming Language :: Python :: "
    classifiers = PROJECT["project"]["classifiers"]
    named = {name.removeprefix(prefix) for name in classifiers if prefix in name}
    assert tested == named - {"3"}
    assert min(named - {"3"}) in PROJECT["project"]["requires-python"]


def test_upper_bounds_only_where_private_names_are_used():
    bounded = [one for one in PROJECT["project"]["dependencies"] if "<" in one]
    assert [one.partition(">")[0] for one in bounded] == ["keras"]
