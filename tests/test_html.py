"""The notebook view: whole, safe, light, and true to the groove."""

import base64
import io
import re
import subprocess
import sys
import wave
from html.parser import HTMLParser

import numpy as np
import pytest

from keras_musicvae import Groove
from keras_musicvae.html import MAX_SECONDS, groove_to_html
from keras_musicvae.plots.grid import VELOCITY_COLOURS

VOID = {"path", "circle", "rect", "br"}


class Page(HTMLParser):
    """Collects elements and text, and checks that tags are balanced."""

    def __init__(self, source):
        super().__init__()
        self.elements, self.text, self.open = [], [], []
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        assert tag in VOID
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def sound(self):
        (audio,) = self.all("audio")
        kind, content = audio["src"].split(",", 1)
        assert kind == "data:audio/wav;base64"
        return wave.open(io.BytesIO(base64.b64decode(content, validate=True)))


def groove_of(*hits, bars=1, **options):
    """A groove from (step, drum, velocity, offset) tuples."""
    cells = np.zeros((3, 16 * bars, 9), np.float32)
    for step, drum, velocity, offset in hits:
        cells[:, step, drum] = 1, velocity, offset
    return Groove(*cells, **options)


def test_a_notebook_shows_grid_and_player():
    groove = groove_of((0, 0, 1.0, 0.0), (4, 1, 0.5, 0.25), bars=2, name="verse")
    page = Page(groove._repr_html_())
    assert groove._repr_html_() == groove_to_html(groove)
    assert page.elements[0][0] == "div"
    assert len(page.all("svg")) == 1
    assert "verse" in page.text
    assert "2 bars of 4/4 · 120 bpm · 2 hits" in " ".join(page.text)
    with page.sound() as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (1, 22050)
        assert sound.getnframes() >= 4 * 22050
        pcm = np.frombuffer(sound.readframes(-1), "<i2")
    assert np.abs(pcm[:2000]).max() > 8000
    assert np.abs(pcm).max() < 32767


def test_hits_are_discs_at_their_place():
    early = groove_of((4, 1, 1.0, 0.5), (8, 0, 0.2, -0.25))
    page = Page(groove_to_html(early))
    places = {}
    for circle in page.all("circle"):
        places[float(circle["cy"])] = float(circle["cx"]), circle
    (low_y, (late_x, quiet)), (high_y, (early_x, loud)) = sorted(
        places.items(), reverse=True
    )
    assert low_y > high_y  # the kick is below the snare
    assert late_x - early_x == pytest.approx(11.5 * (8.25 - 3.5), abs=0.1)
    assert float(loud["r"]) > float(quiet["r"])
    assert loud["fill"] == VELOCITY_COLOURS[-1]
    text = " ".join(page.text)
    assert "snare, bar 1, step 5: velocity 127, 62 ms early" in text
    assert "kick, bar 1, step 9: velocity 25, 31 ms late" in text


def test_every_hit_is_drawn():
    generator = np.random.default_rng(0)
    hits = generator.random((64, 9)) < 0.3
    groove = Groove(hits, hits * 0.5, hits * generator.uniform(-0.5, 0.5, hits.shape))
    assert len(Page(groove_to_html(groove)).all("circle")) == groove.num_hits


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</div></svg>",
        "a & b < c",
        "&lt;b&gt;",
    ],
)
def test_names_from_strangers_stay_text(name):
    source = groove_to_html(groove_of((0, 0, 1.0, 0.0), name=name))
    page = Page(source)
    assert name in page.text
    assert {tag for tag, _ in page.elements} <= {
        "div", "b", "span", "svg", "g", "path", "text", "title", "circle", "audio",
    }  # fmt: skip


def test_nothing_is_loaded_and_nothing_runs():
    source = groove_to_html(groove_of((0, 0, 1.0, 0.0)))
    page = Page(source)
    for _, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "data:").startswith("data:")
    urls = re.findall(r"https?://[^\"'\s>]+", source)
    assert set(urls) <= {"http://www.w3.org/2000/svg"}
    assert "url(" not in source
    assert "@import" not in source


def test_long_grooves_are_cut_and_the_page_says_so():
    page = Page(groove_to_html(groove_of(bars=40)))
    assert "40 bars of 4/4" in " ".join(page.text)
    assert "the first 8 shown" in " ".join(page.text)
    with page.sound() as sound:
        assert sound.getnframes() == 16 * 22050


def test_slow_grooves_are_cut_by_their_length_in_seconds():
    page = Page(groove_to_html(groove_of(bars=8, tempo=30.0)))
    assert "the first 5 shown" in " ".join(page.text)
    with page.sound() as sound:
        assert sound.getnframes() / 22050 <= MAX_SECONDS


def test_a_bar_longer_than_the_limit_is_shown_without_sound():
    page = Page(groove_to_html(groove_of((0, 0, 1.0, 0.0), bars=2, tempo=4.0)))
    assert not page.all("audio")
    assert len(page.all("circle")) == 1


def test_a_four_bar_page_is_light():
    assert len(groove_to_html(groove_of((0, 0, 1.0, 0.0), bars=4))) < 600_000


def test_other_time_signatures_and_no_hits():
    shape = (20, 9)
    groove = Groove(*np.zeros((3, *shape)), time_signature=(5, 4))
    page = Page(groove_to_html(groove))
    assert "1 bar of 5/4" in " ".join(page.text)
    assert not page.all("circle")


def test_the_page_needs_neither_matplotlib_nor_keras():
    script = (
        "import sys\nsys.modules['matplotlib'] = None\n"
        "import numpy as np\nfrom keras_musicvae import Groove\n"
        "page = Groove(*np.zeros((3, 16, 9)))._repr_html_()\n"
        "print(page.count('<svg'), 'keras' in sys.modules)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout
    assert printed.split() == ["1", "False"]
