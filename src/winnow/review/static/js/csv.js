// Images as a CSV file that the browser keeps.

import { className, data, scoreColumns } from "./data.js";
import { csvCell, download, number, toast } from "./dom.js";
import { outcomeName } from "./card.js";
import { decided, tagsOf, wordsOf } from "./state.js";

export function exportCsv(rows) {
  const names = scoreColumns();
  const header = ["image_id", "label", "final_label", "suggested_label", "outcome", "verdict", "reviewer", "tags", ...names.map(([name]) => name.split(":")[1])];
  const lines = rows.map((row) => {
    const verdict = decided(data.ids[row]);
    const labels = ["label", "final_label", "suggested_label"].map((name) => (data.arrays[name][row] < 0 ? "" : className(data.arrays[name][row])));
    const scores = names.map(([name]) => (Number.isNaN(data.arrays[name][row]) ? "" : Number(data.arrays[name][row].toPrecision(7))));
    return [data.ids[row], ...labels, outcomeName(row), verdict ? wordsOf(verdict) : "", verdict?.reviewer ?? "", tagsOf(data.ids[row]).join("; "), ...scores].map(csvCell).join(",");
  });
  download("winnow-selection.csv", `${header.join(",")}\n${lines.join("\n")}\n`);
  toast(`${number(rows.length)} images in winnow-selection.csv.`);
}
