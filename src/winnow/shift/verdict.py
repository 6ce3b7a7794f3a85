"""The verdict: one paragraph of sentences that thresholds choose, each with its number."""

from collections.abc import Mapping
from typing import Any

from winnow.shift.waterfall import WORDS


def verdict(summary: Mapping[str, Any]) -> str:
    """What the figures of `explain` come to, in words."""
    return " ".join(
        sentence
        for sentence in (
            _drop(summary),
            *_causes(summary),
            *_judged(summary),
            _plain_facts(summary),
            _within(summary),
            _not_the_cause(summary),
            _features(summary),
            _line(summary),
            _forecasts(summary),
        )
        if sentence
    )


def points(value: float) -> str:
    """0.0432 as `4.3 points`."""
    return f"{100 * value:.1f} points"


def span(part: Mapping[str, Any]) -> str:
    """A part with its interval, in points."""
    value, low, high = (round(100 * part[name], 1) + 0.0 for name in ("value", "low", "high"))  # no -0.0
    return f"{value:.1f} points ({low:.1f} to {high:.1f})"


def _drop(summary: Mapping[str, Any]) -> str:
    accuracy, drop = summary["accuracy"], summary["drop"]
    both = f"{accuracy['a']['value']:.1%} on A and {accuracy['b']['value']:.1%} on B"
    if not drop["sure"]:
        return f"Accuracy is {both}; the difference of {span(drop)} may be chance."
    return f"Accuracy is {both}: {'a drop' if drop['value'] > 0 else 'a rise'} of {span(drop)}."


def _causes(summary: Mapping[str, Any]) -> list[str]:
    parts, named = summary["parts"], summary["named"]
    if not named:
        return ["No cause stands out from chance."]
    leaked, wrong = summary["leaked"], summary["label_errors"]
    about = {
        "leaks": f" ({leaked['a']} rows of A and {leaked['b']} of B are training rows)",
        "wrong_labels": f" (about {wrong['b']:.0f} in B and {wrong['a']:.0f} in A)",
        "withheld": f", {_of_classes(summary)}",
    }
    lines = []
    for name in named:
        words = WORDS[name][0].upper() + WORDS[name][1:]
        lines.append(f"{words}{about.get(name, '')}: {span(parts[name])}.")
    return lines


def _of_classes(summary: Mapping[str, Any]) -> str:
    """Of which classes the sets cannot be compared row by row, and why."""
    withheld = summary["withheld"]
    reasons = sorted(set(withheld.values()))
    if len(withheld) > 3:
        return f"in {len(withheld)} classes in which the sets hardly overlap or have few rows"
    return f"in {' and '.join(withheld)}, for {' and '.join(reasons)}"


def _judged(summary: Mapping[str, Any]) -> list[str]:
    """What people found of the labels that they judged."""
    lines = []
    for name, found in summary.get("judged_labels", {}).items():
        none = f", {found['of_no_class']} of them of no class" if found["of_no_class"] else ""
        lines.append(
            f"People judged {found['judged']} labels of {name.upper()}: {found['wrong']} wrong{none}, "
            f"{found['right']} right."
        )
    return lines


def _plain_facts(summary: Mapping[str, Any]) -> str:
    facts = summary.get("plain_facts", {"trivial": False})
    if not facts["trivial"]:
        return ""
    return (
        f"The plain facts of the files, above all {facts['fact']}, tell the sets apart by themselves (AUC "
        f"{facts['auc']:.2f}): save both sets the same way before anything else is concluded."
    )


def _within(summary: Mapping[str, Any]) -> str:
    classes = summary["named_classes"]
    if not classes:
        return ""
    shown, more = ", ".join(classes[:5]), f" and {len(classes) - 5} more" if len(classes) > 5 else ""
    return f"Inside classes the change lies in {shown}{more}."


def _not_the_cause(summary: Mapping[str, Any]) -> str:
    unsure = [
        f"{WORDS[name]} ({points(summary['parts'][name]['value'])})"
        for name in ("leaks", "wrong_labels", "class_shares")
        if name not in summary["named"] and (name != "wrong_labels" or "two_samples" in summary)
    ]
    rho = summary["frequency"]
    if rho["rho"] is not None and rho["low"] <= 0 <= rho["high"]:
        unsure.append(f"the classes' frequency in training (rank correlation {rho['rho']:.2f})")
    return f"Not found as causes: {', '.join(unsure)}." if unsure and summary["drop"]["sure"] else ""


def _features(summary: Mapping[str, Any]) -> str:
    if "features" not in summary:
        return ""
    tests, auc = summary["features"], summary["two_samples"]["auc"]
    return (
        f"A classifier tells the sets apart with an AUC of {auc:.2f}; of {tests['features']} features "
        f"{tests['significant']} differ after correction ({tests['significant_permuted']} would by chance), by "
        f"{tests['largest_effect']:.2f} deviations at most."
    )


def _line(summary: Mapping[str, Any]) -> str:
    if "line" not in summary:
        return ""
    line = summary["line"]
    usual = abs(line["residual"]) <= 2 * line["spread"]
    return (
        f"On the line of {line['models']} models the accuracy on B would be {line['expected_b']:.1%}: the drop is "
        f"{'the usual one' if usual else 'not the usual one'} (off by {points(line['residual'])})."
    )


def _forecasts(summary: Mapping[str, Any]) -> str:
    found = summary["forecasts"]
    if not found or "two_samples" not in summary:
        return ""
    worst = max(found, key=lambda name: abs(found[name]["error"]))
    return (
        f"Forecasts without B's labels are off by up to {points(abs(found[worst]['error']))} "
        f"({worst.upper()}), at that AUC."
    )
