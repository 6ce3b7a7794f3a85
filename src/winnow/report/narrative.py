"""Sentences with the numbers in them: the report prints them, the speaker's notes say them."""

from winnow.curation.rules import findings
from winnow.report.content import Facts
from winnow.report.formatting import counted, listed, number, percent


def arrival_sentence(facts: Facts) -> str:
    """What came in."""
    manifest = facts.metrics["manifest"]
    given = facts.classes["given"]
    largest, least = facts.classes.iloc[int(given.argmax())], facts.classes.iloc[int(given.argmin())]
    faults = facts.metrics.get("image_faults", {})
    said = (
        f"{counted(manifest['images_in'], 'image')} came in; {number(manifest['accepted'])} were accepted, of "
        f"them {number(manifest['converted'])} converted in format or size and {number(manifest['repaired'])} after a "
        f"repair, and {number(manifest['rejected'])} rejected. They are "
        f"labelled as {counted(len(facts.class_names), 'class', 'classes')}, from {number(least['given'])} images of "
        f"{least['class']} to {number(largest['given'])} of {largest['class']}."
    )
    kinds = {name.replace("_", " "): faults.get(name, 0) for name in _FAULTS}
    if any(kinds.values()):
        words = [f"{name} {number(count)}" for name, count in kinds.items() if count]
        said += f" Faults of the pictures themselves, as CleanVision sees them: {listed(words, most=7)}."
    return said


_FAULTS = ("dark", "light", "low_information", "blurry", "grayscale", "odd_size", "odd_aspect_ratio")


def cleaning_sentence(facts: Facts) -> str:
    """What the rules did."""
    curate, total = facts.metrics["curate"], len(facts.ledger)
    action = facts.ledger["action"].value_counts()
    kept, relabelled, dropped = (int(action.get(name, 0)) for name in ("keep", "relabel", "drop"))
    people = curate["decided_by_people"]
    return (
        f"Of {counted(total, 'image')} {number(kept)} ({percent(kept / total)}) were kept, {number(relabelled)} "
        f"({percent(relabelled / total)}) relabelled and {number(dropped)} ({percent(dropped / total)}) dropped. "
        + (f"People decided {number(people)} of them; rules the rest." if people else "Rules decided all of them.")
    )


def noise_sentence(facts: Facts) -> str:
    """How wrong the labels were."""
    weights = facts.classes["final"].to_numpy()
    known = facts.noise.right == facts.noise.right  # NaN is not itself
    share = float((facts.noise.right[known] * weights[known]).sum() / max(weights[known].sum(), 1))
    largest = [f"{true} labelled {given} ({percent(rate)})" for true, given, rate in _largest(facts)]
    return (
        f"An image that shows one of the classes has the right label in about {percent(share)} of cases. "
        f"The largest mistakes: {listed(largest)}."
    )


def _largest(facts: Facts) -> list[tuple[str, str, float]]:
    return facts.noise.largest(facts.class_names, 3)


def map_sentence(facts: Facts) -> str:
    """What the map shows."""
    return (
        f"Every point is one of {counted(len(facts.ledger), 'image')}; close points look alike to the encoder. "
        f"Places: {facts.places.method}."
    )


def validation_sentence(facts: Facts) -> str:
    """How the validation set was made."""
    metrics, settings = facts.metrics["validation_set"], facts.params["validation"]
    counts, outside = facts.classes["validation"], metrics.get("from_outside", 0)
    photos = (
        f"{counted(outside, 'external photo')}, confirmed by people, and {number(metrics['images'] - outside)} "
        if outside
        else ""
    )
    return (
        f"{counted(metrics['images'], 'image')}, {number(counts.min())} to {number(counts.max())} per class: {photos}"
        f"chosen among those whose label quality is at least {settings['min_label_quality']:g} and whose "
        f"out-of-distribution score is at most {settings['max_ood_score']:g}, spread over each class. People have seen "
        f"{number(metrics['seen_by_people'])} of them. {number(metrics['near_duplicates_removed_from_training'])} near "
        "duplicates of them left the training set."
    )


def augmentation_sentence(facts: Facts) -> str:
    """How the training set was made."""
    metrics, training = facts.metrics["augment"], facts.classes["training"]
    left = metrics["originals_left_out"]
    return (
        f"{counted(metrics['total'], 'image')} of a budget of {number(metrics['budget'])}: "
        f"{number(metrics['originals'])} originals, bit for bit as they came, and "
        f"{counted(metrics['copies'], 'augmented copy', 'augmented copies')}. "
        f"Classes have {number(training.min())} to {number(training.max())} images. "
        + (f"{counted(left, 'original')} found no room. " if left else "")
        + f"The linter finds {number(facts.metrics['submission']['rules_passed'])} rules kept and "
        f"{number(facts.metrics['submission']['rules_broken'])} broken."
    )


def lagging_sentence(facts: Facts) -> str:
    """Which classes the cleaned networks get right less often than the others, by more than chance."""
    found, place = facts.lagging, facts.results.place
    if found.judged == 0:
        return f"No class has images in the {place}, so none can lag."
    if found.judged == 1:
        return f"One class has images in the {place}, so none can lag behind others."
    chance = f"intervals of {100 * found.level:.4g}%, as {number(found.judged)} classes share an error rate of 5%"
    mean = f"the mean of the classes on the {place}, {percent(found.mean)}"
    if not found.count:
        return f"No class lags by more than chance: the interval of every class reaches {mean} ({chance})."
    lags = "lags" if found.count == 1 else "lag"
    return (
        f"{number(found.count)} of {number(found.judged)} classes {lags} by more than chance: the interval of the "
        f"accuracy lies below {mean} ({chance}; over images, not over seeds)."
    )


def detector_sentence(facts: Facts) -> str:
    """How well the detectors did."""
    card, check = facts.metrics["scorecard"], facts.metrics.get("self_check", {})
    if card:
        targets = {finding.target.key: finding.target.words for finding in findings()}
        said = [
            f"{words} with precision {card[f'{key}.precision']:.3f} and recall {card[f'{key}.recall']:.3f}"
            for key, words in targets.items()
            if card.get(f"{key}.precision") is not None and card.get(f"{key}.recall") is not None
        ]
        found = f"Found: {listed(said)}." if said else "Nothing that it could judge was flagged."
        text = f"The truth file knows {counted(card['images_in_truth'], 'image')}. {found}"
        before, after = (card.get(f"label_errors.label_accuracy_{when}") for when in ("before", "after"))
        if before is not None and after is not None:
            text += f" Labels in the training set: {percent(before)} right before, {percent(after)} after."
        return text
    if check.get("enabled"):
        return "There is no truth file; planted faults stand in for it, which gives upper bounds for flips and copies."
    return "There is no truth file and the self-check is off, so how well the detectors did is not known."
