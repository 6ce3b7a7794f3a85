"""The sections of the page about the data and the cleaning."""

from functools import partial

from winnow.report import elements, figures_data
from winnow.report import page_parts as parts
from winnow.report.content import Facts
from winnow.report.formatting import listed, number, percent
from winnow.report.narrative import (
    arrival_sentence,
    augmentation_sentence,
    cleaning_sentence,
    map_sentence,
    noise_sentence,
    validation_sentence,
)
from winnow.report.scores import score_rows
from winnow.report.style import ACTION_WORDS, to_png


def arrived(facts: Facts) -> str:
    """What came in, what was converted, repaired and rejected."""
    repairs = elements.table(
        ["what", "images"],
        [(row["repair"], number(row["images"])) for row in facts.repairs.to_dict("records")],
        numbers=[1],
    )
    rejected = elements.table(
        ["reason", "files", "for example"],
        [(row["reason"], number(row["files"]), row["example"]) for row in facts.rejected.to_dict("records")],
        numbers=[1],
    )
    return (
        f"<p>{elements.escaped(arrival_sentence(facts))}</p>"
        + (f"<h3>Converted and repaired</h3>{repairs}" if len(facts.repairs) else "")
        + (f"<h3>Rejected</h3>{rejected}" if len(facts.rejected) else "")
    )


def classes(facts: Facts) -> str:
    """Images per class, before and after."""
    head = ["class", "as it came", "kept", "relabelled away", "dropped", "after cleaning", "originals", "copies"]
    head += ["training set", "validation set"]
    columns = ["given", "kept", "relabelled", "dropped", "final", "originals", "copies", "training", "validation"]
    rows = [(row["class"], *(number(row[column]) for column in columns)) for row in facts.classes.to_dict("records")]
    rows.append(("all", *(number(facts.classes[column].sum()) for column in columns)))
    return (
        elements.figure(
            parts.drawn(figures_data.class_counts, facts),
            label="Bars: images per class as it came, after cleaning and in the training set",
            caption="Images per class. After cleaning counts kept and relabelled images; the training set has copies "
            "added and lacks the validation set.",
        )
        + elements.table(head, rows, numbers=range(1, len(head)))
        + elements.figure(
            parts.drawn(figures_data.class_outcomes, facts),
            label="Bars: share of each class kept, relabelled and dropped",
            caption="What became of each class's images, by the label that they came with.",
        )
    )


def dropped(facts: Facts) -> str:
    """What was dropped, by rule."""
    rows = [
        (
            row["words"],
            ACTION_WORDS.get(row["action"], row["action"]),
            number(row["images"]),
            percent(row["share"]),
            row["meaning"],
        )
        for row in facts.rules.to_dict("records")
    ]
    shown = [gallery for gallery in facts.galleries if gallery.key.startswith("dropped-")]
    galleries = "".join(parts.gallery(gallery) for gallery in shown)
    return (
        f"<p>{elements.escaped(cleaning_sentence(facts))}</p>"
        + elements.table(["rule", "outcome", "images", "of all", "meaning"], rows, numbers=[2, 3])
        + "<p>Two pictures on one card are the image and the one that was kept in its place.</p>"
        + (galleries or "<p>No image was dropped.</p>")
    )


def relabelled(facts: Facts) -> str:
    """What got another label."""
    found = facts.gallery("relabelled")
    if found is None:
        return "<p>No image was relabelled.</p>"
    rows = [(row["given"], row["new"], number(row["images"])) for row in facts.swaps.head(12).to_dict("records")]
    return (
        elements.table(["label as it came", "new label", "images"], rows, numbers=[2])
        + (f"<p class='soft'>The first 12 of {number(len(facts.swaps))} pairs.</p>" if len(facts.swaps) > 12 else "")
        + parts.gallery(found)
    )


def kept(facts: Facts) -> str:
    """What stayed as it was."""
    found = [gallery for key in ("kept", "nearly-dropped") if (gallery := facts.gallery(key))]
    return "".join(parts.gallery(gallery) for gallery in found) or "<p>No image was kept as it came.</p>"


def noise(facts: Facts) -> str:
    """The noise transition matrix."""
    return f"<p>{elements.escaped(noise_sentence(facts))}</p>" + elements.figure(
        parts.drawn(figures_data.noise_matrix, facts),
        label="Matrix: share of each true class that has which label",
        caption=f"Of a true class (row), the per cent that carry each label (column); {facts.noise.source}.",
        narrow=True,
    )


def scores(facts: Facts) -> str:
    """The scores and their thresholds."""
    ends = "; ".join(found.sentence for found in facts.histograms)
    names = listed([found.score.title for found in facts.histograms])
    return elements.figure(
        parts.drawn(figures_data.score_histograms, facts),
        label=f"Histograms: {names}",
        caption=f"All images, whichever rule decided. {ends}.",
    ) + elements.table(["score", "what it says", "images", "median"], score_rows(facts.ledger), numbers=[2, 3])


def map(facts: Facts) -> str:
    """The map, in space and in the plane."""
    flat = figures_data.flat_map(facts, partial(to_png, dpi=130))
    options = "".join(
        f'<option value="{i}">{elements.escaped(name)}</option>' for i, name in enumerate(facts.class_names)
    )
    boxes = "".join(
        f'<label><input type="checkbox" data-action="{i}" checked><i style="background:var(--{action})"></i>'
        f"{words}</label>"
        for i, (action, words) in enumerate(ACTION_WORDS.items())
    )
    return (
        f"<p>{elements.escaped(map_sentence(facts))}</p>"
        f'<div id="cloud"><div class="tools">{boxes}<label><input type="checkbox" id="solid" checked> in space</label>'
        f'<label>class <select id="only"><option value="-1">all</option>{options}</select></label>'
        '<label>colour by <select id="colour"><option value="action">what became of it</option>'
        '<option value="label">class, as it came</option></select></label>'
        '<button type="button" id="reset">Reset</button><span id="legend" hidden></span></div>'
        '<canvas tabindex="0" role="img" aria-label="Map of all images in space; arrow keys turn it, plus and minus '
        'zoom"></canvas><div class="told"><div id="tile" hidden></div><div id="told" aria-live="polite"></div></div>'
        "</div>"
        "<figure>"
        + elements.picture(flat, label="Map of all images in the plane", kind="png").replace(
            "<img", '<img class="map"', 1
        )
        + "<figcaption>The same images in the plane.</figcaption></figure>"
    )


def sets(facts: Facts) -> str:
    """The validation and the training set."""
    found = facts.gallery("validation")
    techniques = [
        (key.removeprefix("techniques."), number(value))
        for key, value in facts.metrics["augment"].items()
        if key.startswith("techniques.")
    ]
    return (
        f"<h3>Validation set</h3><p>{elements.escaped(validation_sentence(facts))}</p>"
        + (parts.gallery(found) if found else "")
        + f"<h3>Training set</h3><p>{elements.escaped(augmentation_sentence(facts))}</p>"
        + (elements.table(["technique", "copies"], techniques, numbers=[1]) if techniques else "")
        + ("<p>A source and its copy:</p>" + parts.copies(facts) if facts.copies else "")
    )
