"""Slides about the data and what was done to it."""

import pandas as pd

from winnow.report import deck
from winnow.report.content import Facts
from winnow.report.deck import BOTTOM, FULL, LEFT, MOST_CLASSES, TOP, WIDTH, Deck
from winnow.report.formatting import counted, listed, number, percent
from winnow.report.galleries import Card, Gallery
from winnow.report.narrative import augmentation_sentence, cleaning_sentence, validation_sentence
from winnow.report.style import ACTION_WORDS, BLUE, GREEN, ORANGE

_SHOWN = 24
_ROWS = 3  # of pictures, a rule each
_BY_DETECTORS = (
    "Detectors chose them, and detectors err: some of these pictures are mistakes, and the scorecard counts them."
)


def validation(made: Deck, facts: Facts) -> None:
    """How the validation set was made, and some of it."""
    metrics = facts.metrics["validation_set"]
    title = f"{counted(metrics['images'], 'clean image')} judge both networks"
    slide = made.slide(title, validation_sentence(facts))
    lines = [
        f"{counted(metrics['images'], 'image')}, at most {number(facts.params['validation']['per_class'])} per class",
        f"label quality at least {facts.params['validation']['min_label_quality']:g}",
        f"out-of-distribution score at most {facts.params['validation']['max_ood_score']:g}",
        "spread over each class, not its easiest images alone",
        f"{counted(metrics['near_duplicates_removed_from_training'], 'near duplicate')} removed from training",
        f"seen by people: {number(metrics['seen_by_people'])}",
    ]
    deck.bullets(slide, lines, (LEFT, TOP, 4.6, BOTTOM - TOP), dots=True)
    found = facts.gallery("validation")
    if found:
        shown = [((card.picture,), card.final) for card in _spread(found, 15)]
        deck.pictures(slide, shown, (5.5, TOP, WIDTH - LEFT - 5.5, BOTTOM - TOP - 0.1), columns=5)


def found(made: Deck, facts: Facts) -> None:
    """What each rule did."""
    actions = facts.ledger["action"].value_counts()
    total = len(facts.ledger)
    changed = total - int(actions.get("keep", 0))
    slide = made.slide(
        f"{percent(changed / max(total, 1))} of the images did not stay as they came", cleaning_sentence(facts)
    )
    rows = [
        (row["words"], ACTION_WORDS.get(row["action"], row["action"]), number(row["images"]), percent(row["share"]))
        for row in facts.rules.to_dict("records")
    ]
    box = (LEFT, TOP, 7.4, BOTTOM - TOP - 0.1)
    deck.table(slide, ["rule", "outcome", "images", "of all"], rows, box, widths=[3, 1.6, 1.3, 1.3])
    for place, (action, words) in enumerate(ACTION_WORDS.items()):
        count = int(actions.get(action, 0))
        box = (8.4, TOP + 1.85 * place, WIDTH - LEFT - 8.4, 1.65)
        deck.big_number(slide, number(count), f"{words}, {percent(count / total)} of all", box)


def dropped(made: Deck, facts: Facts) -> None:
    """Some of the dropped, a row for each of the rules that dropped most."""
    found = sorted(
        (gallery for gallery in facts.galleries if gallery.key.startswith("dropped-")),
        key=lambda gallery: -gallery.total,
    )
    if not found:
        return
    total = sum(gallery.total for gallery in found)
    most = found[0].title.removeprefix("Dropped: ")
    notes = " ".join(f"{gallery.title}: {counted(gallery.total, 'image')}, {gallery.note}." for gallery in found)
    slide = made.slide(f"{counted(total, 'image')} dropped, most of them as {most}", f"{notes} {_BY_DETECTORS}")
    high = (BOTTOM - TOP - 0.4) / min(len(found), _ROWS)
    for place, gallery in enumerate(found[:_ROWS]):
        top = TOP + place * high
        words = gallery.title.removeprefix("Dropped: ")
        deck.bullets(slide, [words, number(gallery.total)], (LEFT, top, 2.2, high), size=18)
        pairs = any(card.counterpart_picture is not None for card in gallery.cards)
        shown = [
            (
                (card.picture,) if card.counterpart_picture is None else (card.picture, card.counterpart_picture),
                card.given,
            )
            for card in _spread(gallery, 5 if pairs else 9)
        ]
        deck.pictures(slide, shown, (LEFT + 2.3, top, WIDTH - 2 * LEFT - 2.3, high), columns=5 if pairs else 9)
    caption = "Drawn at random, with the label that each came with; of a pair the right one stayed."
    deck.caption(slide, caption, (LEFT, BOTTOM - 0.35, WIDTH - 2 * LEFT, 0.4))


def relabelled(made: Deck, facts: Facts) -> None:
    """A gallery of the relabelled."""
    found = facts.gallery("relabelled")
    if found is None:
        return
    swaps = facts.swaps.head(5).to_dict("records")
    pairs = [f"{row['given']} → {row['new']} ({number(row['images'])})" for row in swaps]
    title = f"{counted(found.total, 'label')} changed, most often {swaps[0]['given']} to {swaps[0]['new']}"
    slide = made.slide(title, f"The most frequent changes: {listed(pairs)}. {_BY_DETECTORS}")
    shown = [((card.picture,), f"{card.given} → {card.final}") for card in _spread(found, _SHOWN)]
    deck.pictures(slide, shown, (LEFT, TOP, WIDTH - 2 * LEFT, BOTTOM - TOP - 0.5), columns=8)
    text = f"{number(len(shown))} of {number(found.total)}, {found.choice}: {found.note}"
    deck.caption(slide, text, (LEFT, BOTTOM - 0.35, WIDTH - 2 * LEFT, 0.4))


def people(made: Deck, facts: Facts) -> None:
    """What people reviewed."""
    seen = facts.metrics["validation_set"]["seen_by_people"]
    table = facts.reviewers
    decided = int(table[["kept", "relabelled", "dropped"]].to_numpy().sum())
    said = (
        f"People decided {counted(decided, 'image')} of {number(len(facts.ledger))} and have "
        f"seen {number(seen)} of {counted(facts.metrics['validation_set']['images'], 'validation image')}; "
        "what they decide beats every rule."
    )
    if table.empty and not seen:
        title = "No person has looked yet: rules decided all of it"
        lines = [said, "winnow review shows the images most worth a look, and replays what people decide."]
        deck.bullets(made.slide(title, " ".join(lines)), lines, FULL, size=24, dots=True)
        return
    slide = made.slide(f"People decided {counted(decided, 'image')}, and no rule overrules them", said)
    head = ["reviewer", "kept", "relabelled", "dropped", "confirmed for validation"]
    rows = [(str(row[0]), *(number(count) for count in row[1:])) for row in table.head(8).itertuples(index=False)]
    if rows:
        deck.table(slide, head, rows, (LEFT, TOP, WIDTH - 2 * LEFT, 3.8), widths=[2, 1, 1.2, 1, 2])
    deck.bullets(slide, [said], (LEFT, TOP + 4.2, WIDTH - 2 * LEFT, 1.2))


def classes(made: Deck, facts: Facts) -> None:
    """Images per class, before and after."""
    least, most = facts.classes["training"].min(), facts.classes["training"].max()
    notes = (
        f"As it came, classes had {number(facts.classes['given'].min())} to {number(facts.classes['given'].max())} "
        f"images; after cleaning {number(facts.classes['final'].min())} to {number(facts.classes['final'].max())}; the "
        f"training set has {number(least)} to {number(most)}."
    )
    span = number(least) if least == most else f"{number(least)} to {number(most)}"
    slide = made.slide(f"Every class now has {span} training images", notes)
    table = main_classes(facts)
    series = {
        "as it came": (table["given"], ORANGE),
        "after cleaning": (table["final"], BLUE),
        "training set": (table["training"], GREEN),
    }
    deck.bar_chart(slide, table["class"], series, FULL, across=False)


def augmentation(made: Deck, facts: Facts) -> None:
    """What the training set is made of."""
    metrics = facts.metrics["augment"]
    copies = counted(metrics["copies"], "augmented copy", "augmented copies")
    title = f"{copies} balance the {number(metrics['originals'])} originals"
    slide = made.slide(title, augmentation_sentence(facts))
    table = main_classes(facts)
    series = {"originals": (table["originals"], BLUE), "augmented copies": (table["copies"], ORANGE)}
    deck.bar_chart(slide, table["class"], series, (LEFT, TOP, 6.6, BOTTOM - TOP), stacked=True, labels=False)
    shown = [((source, copy), f"{name}: {technique}") for technique, name, source, copy in facts.copies]
    by_technique = shown[:: max(1, len(shown) // 12)][:12] if len(shown) > 12 else shown
    deck.pictures(slide, by_technique, (7.5, TOP, WIDTH - LEFT - 7.5, BOTTOM - TOP - 0.45), columns=3)
    caption = f"{number(facts.metrics['augment']['copies'])} copies; left the source, right the copy"
    deck.caption(slide, caption, (7.5, BOTTOM - 0.35, WIDTH - LEFT - 7.5, 0.4))


def main_classes(facts: Facts) -> pd.DataFrame:
    """The classes that a chart has room for: all, or the largest, in label order."""
    if len(facts.classes) <= MOST_CLASSES:
        return facts.classes
    return facts.classes.nlargest(MOST_CLASSES, "given").sort_index()


def _spread(gallery: Gallery, most: int) -> list[Card]:
    cards = gallery.cards
    if len(cards) <= most:
        return cards
    return [cards[place * len(cards) // most] for place in range(most)]
