"""The result as the course prints it: one figure, then the classes, worst first."""

from collections.abc import Sequence

import numpy as np


def summary(recall: np.ndarray, class_names: Sequence[str]) -> str:
    """Write the balanced accuracy and each class's accuracy as text.

    Args:
        recall: (K,) in [0, 1], the accuracy within each class; NaN for a class without images.
        class_names: K names, in label order.

    Returns:
        lines without a newline at the end: `Final Balanced Accuracy: 36.22%`, then a line per class, the worst first
        (ties in label order), classes without images last.
    """
    recall = np.asarray(recall, dtype=np.float64)
    width = max(len(name) for name in class_names)
    lines = [f"Final Balanced Accuracy: {np.nanmean(recall):.2%}"]
    for label in np.argsort(recall, kind="stable"):  # NaN sorts last
        accuracy = "no images" if np.isnan(recall[label]) else f"{recall[label]:.2%}"
        lines.append(f"  {class_names[label]:<{width}}  {accuracy:>9}")
    return "\n".join(lines)
