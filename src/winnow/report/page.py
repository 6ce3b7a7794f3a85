"""The report as one page that opens from disk: nothing in it is loaded from elsewhere."""

from winnow.report import elements, page_data, page_lagging, page_results
from winnow.report import page_parts as parts
from winnow.report.content import Facts
from winnow.report.formatting import number, percent
from winnow.report.style import ACTION_WORDS

# Where `winnow report` puts what differs between machines.
STAMP = "<!-- stamp -->"
_SECTIONS = {
    "results": "Results",
    "lagging": "Classes that lag",
    "limits": "Limits",
    "arrived": "What came in",
    "classes": "Class counts",
    "dropped": "Dropped",
    "relabelled": "Relabelled",
    "kept": "Kept",
    "noise": "Label noise",
    "scores": "Scores",
    "map": "Map",
    "sets": "Validation and training set",
    "detectors": "Detectors",
    "params": "Params",
    "provenance": "Provenance",
}


def render_page(facts: Facts) -> str:
    """The whole page, the same text for the same facts."""
    sections = {
        "arrived": page_data.arrived(facts),
        "classes": page_data.classes(facts),
        "dropped": page_data.dropped(facts),
        "relabelled": page_data.relabelled(facts),
        "kept": page_data.kept(facts),
        "noise": page_data.noise(facts),
        "scores": page_data.scores(facts),
        "map": page_data.map(facts),
        "sets": page_data.sets(facts),
        "results": page_results.results(facts),
        "lagging": page_lagging.lagging(facts),
        "detectors": page_results.detectors(facts),
        "limits": page_results.limits(facts),
        "params": page_results.params(facts),
        "provenance": page_results.provenance(facts),
    }
    links = "".join(f'<a href="#{key}">{words}</a>' for key, words in _SECTIONS.items())
    body = "".join(f'<section id="{key}"><h2>{words}</h2>{sections[key]}</section>' for key, words in _SECTIONS.items())
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{elements.POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>'
        f"{elements.escaped(facts.dataset)} · winnow report</title>"
        f"<style>{elements.asset('page.css')}</style></head><body>{_header(facts)}<nav><div>{links}</div></nav>"
        f'<main>{STAMP}{body}</main><script type="application/json" id="map-data">{parts.map_data(facts)}</script>'
        f"<script>{elements.asset('page.js')}</script></body></html>\n"
    )


def _header(facts: Facts) -> str:
    actions = facts.ledger["action"].value_counts()
    results = facts.results
    tiles = [
        elements.tile(number(len(facts.ledger)), "images in"),
        *(elements.tile(number(int(actions.get(action, 0))), words) for action, words in ACTION_WORDS.items()),
        elements.tile(number(facts.classes["training"].sum()), "images to train on"),
        elements.tile(number(facts.classes["validation"].sum()), "images to validate on"),
        elements.tile(percent(results.accuracy("baseline")), "balanced accuracy, raw data"),
        elements.tile(percent(results.accuracy("submission")), "balanced accuracy, cleaned data"),
    ]
    return (
        f'<header><p class="soft">team {elements.escaped(facts.team)} · winnow report</p>'
        f'<h1>What became of {elements.escaped(facts.dataset)}</h1><p class="lead">'
        f'{elements.escaped(results.headline)}</p><div class="tiles">{"".join(tiles)}</div></header>'
    )
