"""The page that `dvc plots` fills: Vega draws on it, and a script that got into it can send nothing."""

import json
from pathlib import Path

import pytest

from browser import wait

PLOT = {"data": {"values": [{"x": 1, "y": 2}]}, "mark": "point", "encoding": {"x": {"field": "x"}, "y": {"field": "y"}}}


@pytest.mark.browser
def test_plots_are_drawn_and_nothing_is_sent(browser, root, tmp_path):
    page = (Path(root) / "third_party/vega/page.html").read_text(encoding="utf-8")
    plot = (
        f"<div id='vis'></div><script>vegaEmbed('#vis', {json.dumps(PLOT)}).then(() => {{ window.drawn = 1 }})</script>"
    )
    hostile = "<script>fetch('http://127.0.0.1:9/').catch((error) => { window.refused = String(error) })</script>"
    blocked = (
        "<script>addEventListener('securitypolicyviolation', (it) => { window.policy = it.violatedDirective })</script>"
    )
    file = tmp_path / "plots.html"
    file.write_text(
        page.replace("{plot_divs}", blocked + plot + hostile).replace("{refresh_tag}", ""), encoding="utf-8"
    )
    driver = browser.tab()
    driver.get(file.as_uri())
    wait(driver, "return window.drawn && document.querySelector('#vis canvas, #vis svg')")
    assert wait(driver, "return window.policy") == "connect-src"
