"""The page under the fingers: grid, keys, buttons, both widths, both themes."""

import functools
import re
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from page_tools import generate, running, status, wait_for, wait_until

from keras_musicvae.export.web import export_web


def cell(page, step: int, drum: int):
    return page.locator(f".cell[data-key='{step} {drum}']")


def label(page, step: int, drum: int) -> str:
    return cell(page, step, drum).get_attribute("aria-label")


def hits(page) -> int:
    return page.locator(".cell.on").count()


def test_pointer_and_keys_edit_a_hit(page):
    page.click("#clear")
    assert hits(page) == 0
    cell(page, 3, 1).click()
    assert label(page, 3, 1) == "Snare, bar 1, step 4: velocity 95, on the grid"
    box = cell(page, 3, 1).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for dx, dy in ((0, 36), (-18, 0)):  # softer, then earlier
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + dx, y + dy, steps=3)
        page.mouse.up()
    found = re.search(r"velocity (\d+), (\d+) % of a step early", label(page, 3, 1))
    assert int(found[1]) < 60
    assert int(found[2]) == 20
    page.keyboard.press("+")
    page.keyboard.press(">")
    found = re.search(r"velocity (\d+), (\d+) %", label(page, 3, 1))
    assert int(found[2]) == 15
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert label(page, 4, 2).startswith("Closed hat, bar 1, step 5: velocity")
    assert hits(page) == 2


def test_undo_and_redo_go_through_every_change(page):
    counts = [hits(page)]
    generate(page, 21)
    counts.append(hits(page))
    page.click("#clear")
    counts.append(hits(page))
    assert len(set(counts)) == 3
    page.keyboard.press("Control+z")
    assert hits(page) == counts[1]
    page.click("#undo")
    page.click("#undo")  # the seed
    assert hits(page) == counts[0]
    for _ in range(3):
        page.click("#redo")
    assert hits(page) == counts[2]
    assert page.is_disabled("#redo")


def test_variations_humanize_and_the_pad(page):
    generate(page, 3)
    page.click("#vary")
    page.wait_for_selector("#variations button:nth-child(4)")
    page.click("#variations button:nth-child(2)")
    before = hits(page)
    wait_for(page, "#humanize")
    assert hits(page) == before  # other velocities, the same hits
    wait_for(page, "#corners")
    page.wait_for_selector(".corner[data-filled='true']")
    page.evaluate("document.getElementById('status').textContent = 'Pressed.'")
    page.locator(".pad .point").press("ArrowRight")
    wait_until(page, lambda: status(page) == "Ready.")
    page.click("#undo")
    assert hits(page) == before


def test_locked_drums_and_bars_stay(page):
    generate(page, 4)
    page.click("button[title='Lock Kick']")
    page.click("button[title='Lock bar 2']")
    kept = [(step, 0) for step in range(32)]
    kept += [(step, drum) for step in range(16, 32) for drum in range(9)]
    before = [label(page, *place) for place in kept]
    page.locator("#similarity").fill("0")
    wait_for(page, "#fill")
    assert [label(page, *place) for place in kept] == before
    page.click("#clear")
    assert [label(page, *place) for place in kept] == before


def test_playing_moves_the_cursor_and_sounds(page):
    peak = """async () => {
      const { Player } = await import("./audio/player.js");
      const { readKit } = await import("./audio/kit.js");
      const { fetchUnpacked } = await import("./model/client.js");
      const config = await (await fetch("model.json")).json();
      const kit = readKit(await fetchUnpacked("kit.bin"), config.kit);
      const frames = new Float32Array(32 * 27);
      for (let at = 0; at < frames.length; at += 27) frames[at] = frames[at + 9] = 1;
      const current = () => ({ frames, tempo: 200, swing: 0 });
      const player = new Player(kit, current, { steps: 32, stepsPerQuarter: 4 });
      await player.start();
      const analyser = new AnalyserNode(player.context, { fftSize: 32768 });
      player.mixer.output.volume.connect(analyser);
      const positions = [];
      for (let i = 0; i < 8 || (i < 100 && new Set(positions).size < 4); i++) {
        await new Promise((resolve) => setTimeout(resolve, 80));
        positions.push(player.position);
      }
      const samples = new Float32Array(analyser.fftSize);
      analyser.getFloatTimeDomainData(samples);
      player.stop();
      return { peak: Math.max(...samples.map(Math.abs)), positions };
    }"""
    found = page.evaluate(peak)
    assert 0.1 < found["peak"] <= 0.9
    assert len(set(found["positions"])) > 3
    page.click("#play")
    wait_until(page, lambda: page.inner_text("#play") == "Stop")
    cursor = page.locator(".cursor")
    places = {cursor.get_attribute("style")}
    wait_until(page, lambda: cursor.get_attribute("style") not in places)
    page.click("#play")
    wait_until(page, lambda: page.inner_text("#play") == "Play")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_it_fits_and_every_control_has_a_name(new_page, server, width, scheme):
    page = new_page(server.address, width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    unnamed = """() => [...document.querySelectorAll("button, input, select")]
      .filter((one) => !(one.ariaLabel || one.textContent.trim() || one.title
        || one.labels?.[0]?.textContent.trim()))
      .map((one) => one.outerHTML)"""
    assert page.evaluate(unnamed) == []
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    red = int(re.search(r"\d+", back)[0])
    assert (red > 128) == (scheme == "light")


def test_the_static_folder_works_below_a_path_of_any_host(model, new_page, tmp_path):
    written = export_web(model, tmp_path / "site" / "studio")
    assert all(path.is_file() for path in written)
    handler = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": print_nothing})
    serve = functools.partial(handler, directory=tmp_path)
    host = ThreadingHTTPServer(("127.0.0.1", 0), serve)
    with running(host):
        base = f"http://127.0.0.1:{host.server_port}/site/studio/"
        page = new_page(base)
        asked = page.evaluate(
            "performance.getEntriesByType('resource').map((one) => one.name)"
        )
        assert hits(page) > 0
        assert asked
        assert all(address.startswith(base) for address in asked)


def print_nothing(*_) -> None:
    pass
