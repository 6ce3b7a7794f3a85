"""Slides about the data and what was done to it."""

from collections.abc import Sequence

import pandas as pd
from pptx.slide import Slide

from winnow.report import deck
from winnow.report.content import Facts
from winnow.report.deck import BOTTOM, FULL, LEFT, MOST_CLASSES, TOP, WIDTH, Deck
from winnow.report.formatting import counted, listed, number, percent
from winnow.report.galleries import Card, Gallery
from winnow.report.narrative import augmentation_sentence, cleaning_sentence, validation_sentence
from winnow.report.style import ACTION_WORDS, BLUE, GREEN, ORANGE

_SHOWN = 24
_PAIRS_SHOWN = 15


def validation(made: Deck, facts: Facts) -> None:
    """How the validation set was made, and some of it."""
    slide = made.slide("Data creation: a clean validation set", validation_sentence(facts))
    metrics = facts.metrics["validation_set"]
    lines = [
        f"{counted(metrics['images'], 'image')}, at most {number(facts.params['validation']['per_class'])} per class",
        f"label quality at least {facts.params['validation']['min_label_quality']:g}",
        f"out-of-distribution score at most {facts.params['validation']['max_ood_score']:g}",
        "spread over each class, not its easiest images alone",
        f"{counted(metrics['near_duplicates_removed_from_training'], 'near duplicate')} removed from training",
        f"seen by people: {number(metrics['seen_by_people'])}",
    ]
    deck.bullets(slide, lines, (LEFT, TOP, 4.6, BOTTOM - TOP))
    found = facts.gallery("validation")
    if found:
        shown = [((card.picture,), card.final) for card in _spread(found, 15)]
        deck.pictures(slide, shown, (5.5, TOP, WIDTH - LEFT - 5.5, BOTTOM - TOP - 0.1), columns=5)


def found(made: Deck, facts: Facts) -> None:
    """What each rule did."""
    slide = made.slide("Data cleaning: what was found", cleaning_sentence(facts))
    actions = facts.ledger["action"].value_counts()
    total = len(facts.ledger)
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
    """Galleries of the dropped, a slide for each of the rules that dropped most."""
    found = sorted(
        (gallery for gallery in facts.galleries if gallery.key.startswith("dropped-")),
        key=lambda gallery: -gallery.total,
    )
    for gallery in found[:4]:
        slide = made.slide(f"{gallery.title} ({number(gallery.total)})", _gallery_notes(gallery))
        pairs = any(card.counterpart_picture is not None for card in gallery.cards)
        cards = _spread(gallery, _PAIRS_SHOWN if pairs else _SHOWN)
        shown = [
            (
                (card.picture,) if card.counterpart_picture is None else (card.picture, card.counterpart_picture),
                _caption(card),
            )
            for card in cards
        ]
        _grid(slide, gallery, shown, columns=5 if pairs else 8)


def relabelled(made: Deck, facts: Facts) -> None:
    """A gallery of the relabelled."""
    found = facts.gallery("relabelled")
    if found is None:
        return
    swaps = facts.swaps.head(5).to_dict("records")
    pairs = [f"{row['given']} → {row['new']} ({number(row['images'])})" for row in swaps]
    slide = made.slide(
        f"Relabelled ({number(found.total)})", f"{_gallery_notes(found)} The most frequent: {listed(pairs)}."
    )
    shown = [((card.picture,), f"{card.given} → {card.final}") for card in _spread(found, _SHOWN)]
    _grid(slide, found, shown, columns=8)


def classes(made: Deck, facts: Facts) -> None:
    """Images per class, before and after."""
    least, most = facts.classes["training"].min(), facts.classes["training"].max()
    notes = (
        f"As it came, classes had {number(facts.classes['given'].min())} to {number(facts.classes['given'].max())} "
        f"images; after cleaning {number(facts.classes['final'].min())} to {number(facts.classes['final'].max())}; the "
        f"training set has {number(least)} to {number(most)}."
    )
    slide = made.slide("Class counts, before and after", notes)
    table = main_classes(facts)
    series = {
        "as it came": (table["given"], ORANGE),
        "after cleaning": (table["final"], BLUE),
        "training set": (table["training"], GREEN),
    }
    deck.bar_chart(slide, table["class"], series, FULL, across=False)


def augmentation(made: Deck, facts: Facts) -> None:
    """What the training set is made of."""
    slide = made.slide("Augmentation: balanced within the budget", augmentation_sentence(facts))
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


def _grid(slide: Slide, gallery: Gallery, shown: Sequence[tuple[Sequence[bytes], str]], *, columns: int) -> None:
    deck.pictures(slide, shown, (LEFT, TOP, WIDTH - 2 * LEFT, BOTTOM - TOP - 0.5), columns=columns)
    text = f"{number(len(shown))} of {number(gallery.total)}, {gallery.choice}: {gallery.note}"
    deck.caption(slide, text, (LEFT, BOTTOM - 0.35, WIDTH - 2 * LEFT, 0.4))


def _gallery_notes(gallery: Gallery) -> str:
    card = gallery.cards[0]
    total = counted(gallery.total, "image")
    return f"{gallery.title}: {total}, {gallery.note}. For example {card.image_id}: {card.reason}."


def _caption(card: Card) -> str:
    return f"{card.given}, {card.caption}" if card.caption else card.given
