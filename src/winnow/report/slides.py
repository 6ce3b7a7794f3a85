"""The talk: twenty minutes about the data, the cleaning, the analysis and the results."""

from winnow.files import ARMS
from winnow.report import deck, slides_cleaning, slides_results
from winnow.report.content import Facts
from winnow.report.deck import BOTTOM, FULL, LEFT, TOP, WIDTH, Deck
from winnow.report.formatting import counted, listed, number, percent
from winnow.report.narrative import arrival_sentence, cleaning_sentence
from winnow.report.slides_cleaning import main_classes
from winnow.report.style import ORANGE


def make_slides(facts: Facts) -> bytes:
    """The .pptx; the same bytes for the same facts. Every slide has notes that state its numbers."""
    made = Deck(_message(facts))
    _opening(made, facts)
    _problem(made, facts)
    _pipeline(made, facts)
    slides_cleaning.validation(made, facts)
    slides_cleaning.found(made, facts)
    slides_cleaning.dropped(made, facts)
    slides_cleaning.relabelled(made, facts)
    slides_cleaning.people(made, facts)
    slides_cleaning.classes(made, facts)
    slides_results.analysis(made, facts)
    slides_cleaning.augmentation(made, facts)
    slides_results.results(made, facts)
    slides_results.parts(made, facts)
    slides_results.detectors(made, facts)
    _limits(made, facts)
    _reproduce(made, facts)
    return made.save()


def _message(facts: Facts) -> str:
    """The talk in a sentence."""
    before, after = (percent(facts.results.accuracy(arm)) for arm in ARMS)
    if facts.results.gain > 0:
        return f"Cleaning {facts.dataset} lifts balanced accuracy from {before} to {after}"
    return f"Cleaning {facts.dataset} leaves balanced accuracy at {after}, from {before}"


def _opening(made: Deck, facts: Facts) -> None:
    actions = facts.ledger["action"].value_counts()
    lines = [
        f"Team {facts.team}",
        f"{counted(len(facts.ledger), 'image')} of {counted(len(facts.class_names), 'class', 'classes')}: "
        f"{number(int(actions.get('drop', 0)))} dropped, {number(int(actions.get('relabel', 0)))} relabelled",
    ]
    made.opening(_message(facts), lines, f"{cleaning_sentence(facts)} {facts.results.headline}")


def _problem(made: Deck, facts: Facts) -> None:
    given = facts.classes["given"]
    ratio = f"{given.max() / max(given.min(), 1):.1f}"
    title = f"{counted(len(facts.ledger), 'image')} came in, the largest class {ratio} times the smallest"
    slide = made.slide(title, arrival_sentence(facts))
    table = main_classes(facts)
    deck.bar_chart(slide, table["class"], {"images": (table["given"], ORANGE)}, (LEFT, TOP, 7.4, BOTTOM - TOP - 0.05))
    right = 8.3
    manifest, results = facts.metrics["manifest"], facts.results
    numbers = [
        (number(manifest["images_in"]), f"images came in, {number(manifest['rejected'])} of them rejected"),
        (f"{ratio} : 1", "largest to smallest class"),
        (percent(results.accuracy("baseline")), "balanced accuracy of a network trained on them as they are"),
    ]
    for place, (value, words) in enumerate(numbers):
        deck.big_number(slide, value, words, (right, TOP + 1.85 * place, WIDTH - LEFT - right, 1.65))


def _pipeline(made: Deck, facts: Facts) -> None:
    encoder = facts.encoder.get("name", facts.params["embed"]["encoder"])
    notes = (
        "Detectors write scores and never decide. Thresholds are read later, so trying one costs seconds. Every image "
        "has one row in the ledger: all scores, the action, the reason in words. "
        f"The encoder is {encoder if isinstance(encoder, str) else listed(encoder)}."
    )
    slide = made.slide("Score once, decide once, prove it", notes)
    curate = facts.params["curate"]
    steps = [
        ("Read", f"{number(facts.metrics['manifest']['accepted'])} images checked, repaired where need be"),
        ("Score", "duplicates, label quality, out of distribution, image faults"),
        ("Decide", "keep, relabel or drop, with a reason each"),
        ("Balance", f"{number(facts.classes['training'].sum())} images to train on"),
        ("Prove", "one network from scratch on the raw data, one on the cleaned"),
    ]
    wide = (WIDTH - 2 * LEFT - 4 * 0.4) / 5
    for place, (title, words) in enumerate(steps):
        left = LEFT + place * (wide + 0.4)
        deck.step(slide, title, words, (left, TOP + 0.3, wide, 1.9))
        if place:
            deck.arrow(slide, (left - 0.36, TOP + 1.1, 0.32, 0.3))
    lines = [
        f"A label of quality below {curate['label_quality_threshold']:g} is an issue: relabelled with a "
        f"confidence of at least {curate['relabel_confidence']:g}, on the word of at least "
        f"{counted(curate['relabel_sources'], 'source')}, else dropped.",
        f"An image whose out-of-distribution score is {curate['ood_threshold']:g} or more is dropped.",
        f"Of duplicates one stays. A class never keeps fewer than {counted(curate['class_floor'], 'image')}. What "
        "people decide beats every rule.",
    ]
    deck.bullets(slide, lines, (LEFT, TOP + 2.7, WIDTH - 2 * LEFT, BOTTOM - TOP - 2.7))


def _limits(made: Deck, facts: Facts) -> None:
    lines = facts.limits or ["Nothing stands out in the numbers."]
    title = f"{counted(len(lines), 'limit')} to know before trusting this" if facts.limits else "No limit stands out"
    slide = made.slide(title, " ".join(lines))
    deck.bullets(slide, lines, FULL, dots=True)


def _reproduce(made: Deck, facts: Facts) -> None:
    notes = (
        "Everything here is made by one command from the archive. On the same type of processor it ends with the same "
        f"bytes; the report lists the hash of each of the {counted(len(facts.files), 'file')} that went in."
    )
    slide = made.slide("One command makes all of it again", notes)
    lines = [
        "git clone, make repro: the same bytes on the same type of processor",
        "winnow why IMAGE_ID: why any image was kept, relabelled or dropped",
        "winnow review: look at it and decide otherwise; the next run replays what you decided",
        "winnow compare: is a difference more than chance?",
        "report/index.html: all of this with galleries and a map in space, offline",
    ]
    deck.bullets(slide, lines, FULL, size=24, dots=True)
