"""The section of the page about the classes that lag."""

from winnow.report import elements
from winnow.report import page_parts as parts
from winnow.report.content import Facts
from winnow.report.formatting import number, percent
from winnow.report.lagging import LAGGING_HEAD, LaggingClass, lagging_rows
from winnow.report.narrative import lagging_sentence


def lagging(facts: Facts) -> str:
    """Which classes lag, and of each what the ledger and the pictures show."""
    said = f"<p>{elements.escaped(lagging_sentence(facts))}</p>"
    found = facts.lagging
    if not found.classes:
        return said
    return (
        said
        + elements.table(LAGGING_HEAD, lagging_rows(found, facts.class_names), numbers=[1, 2, 3, 6])
        + (
            f'<p class="soft">The {len(found.classes)} of {number(found.count)} that are right least often.</p>'
            if found.count > len(found.classes)
            else ""
        )
        + "".join(_one(facts, each) for each in found.classes)
    )


def _one(facts: Facts, each: LaggingClass) -> str:
    own, other = facts.class_names[each.label], facts.class_names[each.taken_for]
    first, second = each.pair.to_dict("records")
    rows = [
        (words, *(form(row[column]) for row in (first, second)))
        for words, column, form in (
            ("came as it, relabelled to the other", "relabelled", number),
            ("kept as it for training, the other is suggested", "suggested", number),
            ("of its images, came labelled as the other", "noise", percent),
            ("originals in the training set", "originals", number),
            ("copies in the training set", "copies", number),
        )
    ]
    galleries = "".join(
        f'<h3>{elements.escaped(gallery.title)}</h3><p class="soft">{parts.gallery_size(gallery)} · '
        f"{elements.escaped(gallery.note)}</p>{parts.cards(gallery)}"
        for gallery in each.galleries
    )
    return (
        f'<details id="lagging-{each.label}"><summary>{elements.escaped(own)} '
        f'<span class="soft">{percent(each.accuracy)} · most often taken for {elements.escaped(other)}</span></summary>'
        f"<p>{elements.escaped(each.advice)}</p>"
        + elements.table(["images", own, other], rows, numbers=[1, 2])
        + f"{galleries}</details>"
    )
