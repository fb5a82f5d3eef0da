"""The report: complete, self-contained, and safe whatever the names in it are."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from slipway_contract.manifest import Manifest
from slipway_optimizer.report import render

GOLDEN = Path(__file__).parents[2] / "contract/golden"
MANIFESTS = sorted(GOLDEN.glob("*.json"))
VOID = {"meta", "circle", "line", "polyline", "br"}


class Page(HTMLParser):
    """What a browser would see: every tag closed, with its attributes."""

    def __init__(self, html):
        super().__init__()
        self.open, self.attributes, self.tags, self.text = [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def manifest_of(name):
    return Manifest.model_validate_json((GOLDEN / f"{name}.json").read_bytes())


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_every_manifest_has_a_report_that_needs_nothing_else(path):
    page = Page(render(Manifest.model_validate_json(path.read_bytes()), "FP32, 1.0 MB"))
    loading = [value for name, value in page.attributes if name in {"src", "href", "srcset", "data", "action"}]
    assert loading == []
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert "url(" not in page.words
    assert dict(page.attributes)["lang"] == "en"


def test_it_says_everything_of_every_candidate():
    manifest = manifest_of("v1-contest")
    words = Page(render(manifest, "the summary")).words
    assert "the summary" in words
    for candidate in manifest.candidates:
        assert candidate.name in words
        assert candidate.reason in words
    for said in (
        "10.00 (9.90 to 10.10)",
        "Calibration",
        "MinMax",
        "conv_1, head",
        "Sensitivity",
        "Sparsity",
        "NVIDIA-L4",
    ):
        assert said in words
    for said in ("Parameters: before", "Rows in a call", "maxLatency, ms", "It exports this model right."):
        assert said in words


def test_the_plot_has_the_scored_candidates_and_the_budget():
    html = render(manifest_of("v1-contest"), "")
    first, second = re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL)
    assert 'aria-label="Accuracy against latency; the figures are in the table."' in first
    assert re.findall(r'class="mark[^"]*"><title>([^<]*)', first) == [
        "FP32",
        "DynamicINT8",
        "Distilled StaticINT8 (CUDA)",
    ]
    assert first.count("mark chosen") == 1
    assert ">maxDrop<" in first
    assert re.findall(r'class="mark[^"]*"><title>([^<]*)', second) == ["1 row", "2 rows", "4 rows"]


def test_without_a_score_the_plot_is_of_size():
    manifest = manifest_of("v1-contest")
    budget = manifest.budget.model_copy(update={"metric": None})
    assert 'aria-label="Size against latency' in render(manifest.model_copy(update={"budget": budget}), "")


def test_names_are_text_and_never_markup():
    manifest = manifest_of("v1-contest")
    evil = "<script>alert(1)</script>\"'&"
    chosen = manifest.chosen.model_copy(update={"details": {evil: [{evil: evil}], "node": evil}, "reason": evil})
    html = render(manifest.model_copy(update={"model": evil, "candidates": [manifest.baseline, chosen]}), evil)
    assert "<script" not in html
    assert Page(html).words.count("alert(1)") >= 5
