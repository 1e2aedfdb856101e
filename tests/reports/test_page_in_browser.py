"""The page in headless Chromium: all figures are there, hover works, nothing complains."""

import shutil

import keras
import pytest
from reports.made_up import made_up_pictures, made_up_run

webdriver = pytest.importorskip("selenium.webdriver")
pytest.importorskip("plotly")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

from keras_simmim.reports.render import render  # noqa: E402

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.skipif(
        not (BROWSER and DRIVER), reason="no chromium and chromedriver (Debian: chromium-driver)"
    ),
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="a page is the same on all backends"
    ),
]


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    runs = [made_up_run("one"), made_up_run("two", made_up_pictures(labelled=False, seed=1))]
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(runs), encoding="utf-8")
    return path.as_uri()


def open_page(browser, page, width, scheme):
    for command, arguments in (
        ("setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}),
        (
            "setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
        ),
    ):
        browser.execute_cdp_cmd(f"Emulation.{command}", arguments)
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(page)


def script(browser, text, *arguments):
    return browser.execute_script(f"return {text}", *arguments)


@pytest.mark.parametrize("width, scheme", [(1280, "light"), (390, "dark")])
def test_every_figure_is_there_and_nothing_complains(browser, page, width, scheme):
    open_page(browser, page, width, scheme)
    figures = browser.find_elements(By.CSS_SELECTOR, ".figure")
    assert len(figures) == 9 + 2 + 2
    for figure in figures:
        assert figure.find_elements(By.CSS_SELECTOR, ".main-svg"), figure.get_attribute("id")
        assert figure.size["height"] > 100 and figure.size["width"] <= width
    for kind in ("scatterlayer .trace", "heatmaplayer image", "barlayer .point"):
        assert browser.find_elements(By.CSS_SELECTOR, f".{kind}"), kind
    # Every image is one, and nothing is wider than the page.
    broken = "[...document.images].filter((image) => !image.naturalWidth).length"
    assert script(browser, broken) == 0
    assert script(browser, "document.documentElement.scrollWidth") <= width
    ground = script(browser, "getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, ground[4:-1].split(","))) < 60) == (scheme == "dark")
    assert browser.get_log("browser") == []
    asked = [entry["message"] for entry in browser.get_log("performance")]
    assert not [x for x in asked if "requestWillBeSent" in x and '"url":"http' in x]


@pytest.mark.parametrize("run", [0, 1])
def test_hover_on_the_map_shows_the_image_of_the_dot(browser, page, run):
    open_page(browser, page, 1280, "light")
    dots = browser.find_elements(By.CSS_SELECTOR, f"#map-{run} .scatterlayer .point")
    assert len(dots) == 60
    box = browser.find_element(By.ID, "hover")
    assert not box.is_displayed()
    seen = set()
    for dot in dots[:3]:
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", dot)
        webdriver.ActionChains(browser).move_to_element(dot).perform()
        # Of this dot, not of the last: Plotly takes its time.
        WebDriverWait(browser, 60).until(
            lambda _: box.is_displayed() and box.text not in {text for _, text in seen}
        )
        image = box.find_element(By.TAG_NAME, "div")
        assert image.size == {"width": 112, "height": 112}
        sprite = image.value_of_css_property("background-image")
        assert sprite.startswith('url("data:image/jpeg;base64,')
        seen.add((image.value_of_css_property("background-position"), box.text))
    assert len(seen) == 3
    if run == 0:
        assert all(text.startswith("cats & dogs, number ") for _, text in seen)
    webdriver.ActionChains(browser).move_to_element(
        browser.find_element(By.TAG_NAME, "h1")
    ).perform()
    assert not box.is_displayed()


def test_hover_on_a_curve_shows_its_values(browser, page):
    open_page(browser, page, 1280, "light")
    point = browser.find_elements(By.CSS_SELECTOR, "#curve-0 .point")[3]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", point)
    webdriver.ActionChains(browser).move_to_element(point).perform()
    browser.implicitly_wait(3)
    labels = browser.find_elements(By.CSS_SELECTOR, "#curve-0 .hoverlayer text")
    browser.implicitly_wait(0)
    assert any("epoch 4: 1.2865" in label.text for label in labels), [x.text for x in labels]
