"""The page of a comparison: complete, safe, small, and at work in a real browser."""

import json
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from tfdeblur.evaluation.outputs.comparison import Comparison, ImageResult, OutputFailure
from tfdeblur.evaluation.outputs.protocols import PROTOCOLS, Case
from tfdeblur.evaluation.outputs.run import compare_systems
from tfdeblur.evaluation.outputs.systems import Model, Output
from tfdeblur.evaluation.page.pictures import PagePictures, worst_places
from tfdeblur.evaluation.page.write import page_text

ROUGH = "<script>alert('x')</script>&@@DATA@@"


def comparison(count, names=("ours", "theirs")):
    """Made-up values: image i of `ours` gains i % 7 dB, of `theirs` loses 1 dB."""
    protocol = PROTOCOLS["gopro"]
    found = Comparison("data", "test", protocol, {name: f"{name}/" for name in names}, count)
    for i in range(count):
        gains = dict(zip(("blurred", *names), (0, i % 7, -1), strict=False))
        values = {
            name: {
                m: (20 + i % 13 + gain) if "psnr" in m else 0.5 + gain / 100
                for m in protocol.metrics
            }
            for name, gain in gains.items()
        }
        places = {name: [(0, 0), (8, 4), (3, 20)] for name in names}
        kinds = ("blurred", "sharp", "s0", "e0", "s1", "e1")
        pictures = {kind: f"{i:05d}-{kind}.jpg" for kind in kinds}
        confidence = {names[0]: (i % 10) / 10}
        image = ImageResult(f"V{i // 100}-{i:06d}", 48, 64, values, confidence, places, pictures)
        found.images.append(image)
    return found


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_names_cannot_break_out(tmp_path):
    found = comparison(2, (ROUGH, "b"))
    found.failures.append(OutputFailure(ROUGH, ROUGH, "missing", ROUGH))
    page = page_text(found, tmp_path / "page.html")
    assert page.count("<script") == 2 and "@@CSS" not in page
    assert data_of(page)["systems"][1] == ROUGH
    assert "&lt;script&gt;" in page and "Not scored: 1" in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)


def test_a_page_of_the_whole_test_set_is_small(tmp_path):
    page = page_text(comparison(1111), tmp_path / "page.html")
    assert len(page.encode()) < 3e6
    data = data_of(page)
    assert len(data["rows"]) == 1111
    assert data["rows"][5]["v"][1][0] == 20 + 5 + 5 and data["rows"][5]["f"] == "00005"


def test_places_of_the_largest_errors():
    error = np.zeros((80, 100))
    error[10:14, 60:64], error[70:75, 5:9] = 9, 5
    places = worst_places(error)
    side = 20
    assert len(places) == 3
    (top, left), (low, west) = places[:2]
    assert top <= 10 and top + side >= 14 and left <= 60 and left + side >= 64
    assert low <= 70 and low + side >= 75 and west <= 5 and west + side >= 9


def write_pictures(path, count):
    pictures = PagePictures(path, ["ours", "theirs"])
    rng = np.random.default_rng(0)
    sharp = rng.integers(0, 256, (48, 64, 3), "uint8")
    for i in range(count):
        pictures(i, sharp, sharp // 2, {"ours": Output(sharp // 3), "theirs": Output(sharp // 4)})


def test_pictures_are_those_of_the_image(tmp_path):
    from PIL import Image

    pictures = PagePictures(tmp_path / "page.html", ["a", "b"])
    sharp = np.full((40, 60, 3), 100, "uint8")
    result = sharp.copy()
    result[5:10, 5:10] = 160
    places, files = pictures(3, sharp, sharp, {"b": Output(result)})
    assert set(files) == {"blurred", "sharp", "s1", "e1", "h1", "hblurred", "hsharp"}
    assert places["b"][0][0] <= 5 and places["b"][0][1] <= 5
    shown = np.asarray(Image.open(tmp_path / "page_pictures" / files["s1"]))
    assert shown.shape == (40, 60, 3) and shown[7, 7, 0] == pytest.approx(160, abs=6)


def test_motion_and_confidence_where_a_system_tells_them(tmp_path):
    from PIL import Image

    page = tmp_path / "page.html"
    blurred = np.full((40, 60, 3), 100, "uint8")
    flow = np.zeros((40, 60, 2), np.float32)
    flow[:, 30:] = 3, -4
    sure = np.zeros((40, 60), np.float32)
    sure[:20] = 1

    def restorer(image):
        return SimpleNamespace(image=image, flow=flow, confidence=sure, score=0.5)

    case = Case("a-1", "1", blurred, [np.roll(blurred, 1) // 2])
    systems = {
        "plain": Model("p", lambda i: SimpleNamespace(image=i)),
        "knows": Model("k", restorer),
    }
    found = compare_systems(
        *(PROTOCOLS["gopro"], [case], [case], systems),
        on_image=PagePictures(page, list(systems)),
    )
    image = found.images[0]
    assert image.confidence == {"knows": 0.5} and image.motion == {"knows": 5.0}
    assert found.to_dict()["images"][0]["longest_motion"] == {"knows": 5.0}
    assert {"f1", "c1"} <= set(image.pictures) and not {"f0", "c0"} & set(image.pictures)
    shown = {
        kind: np.asarray(Image.open(tmp_path / "page_pictures" / image.pictures[kind])).astype(int)
        for kind in ("f1", "c1")
    }
    assert shown["f1"][20, 10].min() > 245  # white: nothing moves
    assert np.ptp(shown["f1"][20, 50]) > 200  # full colour at the longest motion
    assert shown["c1"][10, 30].sum() > shown["c1"][30, 30].sum() + 200
    row = data_of(page_text(found, page))["rows"][0]
    assert row["m"] == [None, None, 5.0] and row["k"] == [2] and row["c"] == [None, None, 0.5]


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium; the test is skipped, saying so, where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright and Chromium")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs Chromium: none is on the path")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def opened(browser, path, **options):
    tab = browser.new_page(**options)
    said = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("requestfailed", lambda request: said.append(request.url))
    tab.goto(path.as_uri())
    tab.wait_for_selector("#images tbody tr")
    return tab, said


def test_the_page_at_work(browser, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(page_text(comparison(30), path), encoding="utf-8")
    write_pictures(path, 30)
    tab, said = opened(browser, path)
    column = "#images tbody tr td:nth-child(3)"  # the values of `ours`
    tab.locator("#images thead button").nth(2).click()
    values = [float(text) for text in tab.locator(column).all_inner_texts()]
    assert values == sorted(values, reverse=True) and len(values) == 30
    tab.keyboard.press("Enter")  # the head has kept the focus
    values = [float(text) for text in tab.locator(column).all_inner_texts()]
    assert values == sorted(values)
    tab.locator("#slider").focus()
    for _ in range(10):
        tab.keyboard.press("ArrowRight")
    assert "60%" in tab.evaluate("document.getElementById('over').style.clipPath")
    tab.locator(".dot[data-row='17']").first.click()
    assert tab.inner_text("#view-head") == "Picture: V0-000017"
    tab.wait_for_function("document.getElementById('over').naturalWidth === 64")
    assert tab.locator("#crops .crop").count() == 3 * 4
    tab.fill("#filter", "00002")
    assert tab.locator("#images tbody tr").count() == 11  # 2, and 20 to 29
    tab.locator("#images tbody tr").first.focus()
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    assert tab.inner_text("#view-head").endswith(tab.inner_text("#images tbody tr:nth-child(2) td"))
    assert said == []


def test_motion_and_confidence_at_work(browser, tmp_path):
    path = tmp_path / "page.html"
    found = comparison(12)
    pictures = PagePictures(path, ["ours", "theirs"])
    sharp = np.random.default_rng(0).integers(0, 256, (48, 64, 3), "uint8")
    sure, flow = np.full((48, 64), 0.7, np.float32), np.ones((48, 64, 2), np.float32)
    found.images[3].values["theirs"]["psnr_rgb_u8"] = np.inf
    for i, image in enumerate(found.images):
        results = {"ours": Output(sharp // 2, flow=flow, sure=sure), "theirs": Output(sharp // 3)}
        image.pictures.update(pictures(i, sharp, sharp // 2, results)[1])
        image.motion["ours"] = 2**0.5
    path.write_text(page_text(found, path), encoding="utf-8")
    tab, said = opened(browser, path)
    for kind, label in (("f0", "motion of ours, up to 1.4"), ("c0", "confidence of ours")):
        assert label in tab.locator(f"#left option[value={kind}]").inner_text()
        tab.select_option("#left", kind)
        tab.wait_for_function("document.getElementById('under').naturalWidth === 64")
        assert tab.get_attribute("#under", "src").endswith(f"-{kind}.jpg")
    assert tab.locator("#left option[value=f1]").count() == 0
    assert tab.locator("#crops .crop").count() == 3 * 4  # maps are not among the crops
    assert tab.inner_text("#plot-note") == "Infinite, and not in the plot: 1"
    tab.select_option("#against", "confidence")
    places = tab.locator("#plot .dot.k1").evaluate_all("all => all.map(d => +d.getAttribute('cx'))")
    assert len(places) == 12 and len({round(x) for x in places}) == 10  # ten confidences
    assert tab.locator("#plot .dot.k2").count() == 0  # theirs tells none
    assert "confidence" in tab.text_content("#plot")
    tab.locator("#plot .dot").first.click()
    assert tab.inner_text("#view-head") in ("Picture: V0-000000", "Picture: V0-000010")
    assert said == []


def test_narrow_and_dark(browser, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(page_text(comparison(3), path), encoding="utf-8")
    write_pictures(path, 3)
    tab, said = opened(browser, path, viewport={"width": 360, "height": 700}, color_scheme="dark")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    assert said == []


def test_the_whole_test_set_loads_no_picture_but_those_shown(browser, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(page_text(comparison(1111), path), encoding="utf-8")
    write_pictures(path, 1)
    tab, said = opened(browser, path)
    tab.wait_for_function("document.querySelectorAll('#images tbody tr').length === 1111")
    # Sorted before all rows are there, and to the very end by keyboard.
    tab.locator("#images thead button").first.click()
    tab.locator("#images tbody tr").first.focus()
    tab.keyboard.press("End")
    assert tab.locator("#images tbody tr").count() == 1111
    assert tab.inner_text("#images tbody tr:focus td:first-child") == "V0-000000"
    tab.fill("#filter", "V7-")
    tab.fill("#filter", "")
    tab.wait_for_function("document.querySelectorAll('#images tbody tr').length === 1111")
    names = tab.locator("#images tbody tr td:first-child").all_inner_texts()
    assert names == [f"V{i // 100}-{i:06d}" for i in reversed(range(1111))]
    assert tab.locator("img").count() == 2  # crops ask for the pictures of one image, too
    assert said == []
