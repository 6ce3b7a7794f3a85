// Counts as bars: their heights go by the square root, so that few are seen beside many.

import { h } from "./dom.js";

export function histogram(counts) {
  const most = Math.max(...counts, 1);
  return h("div", { class: "histogram", "aria-hidden": "true" }, counts.map((count) => {
    const bar = h("i", {});
    bar.style.height = `${Math.max(count ? 4 : 0, 100 * Math.sqrt(count / most))}%`;
    return bar;
  }));
}

// Colour the bars whose middle, between `low` and `high`, lies on the bad side of a threshold.
export function colourBeyond(bars, threshold, { low, high, lowerIsWorse }) {
  for (const [i, bar] of [...bars.children].entries()) {
    const middle = low + ((i + 0.5) / bars.children.length) * (high - low);
    bar.classList.toggle("beyond", lowerIsWorse ? middle < threshold : middle >= threshold);
  }
}
