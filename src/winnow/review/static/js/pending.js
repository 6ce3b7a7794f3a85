// Verdicts that the pipeline has not applied yet: the files say something else than what it wrote.

import { data } from "./data.js";
import { labelOf, state } from "./state.js";

const outcomeKey = (row) => data.info.outcomes[data.arrays.outcome[row]].key;

function decisionWaits(row, verdict) {
  const { label, final_label: final, by_person: byPerson } = data.arrays;
  if (verdict.action === "drop") return !byPerson[row] || final[row] >= 0;
  if (outcomeKey(row) === "leak") return false; // what nearly equals a validation image leaves, whoever kept it
  return !byPerson[row] || final[row] !== (verdict.action === "keep" ? label[row] : labelOf(verdict));
}

function confirmationWaits(row, verdict) {
  const chosen = outcomeKey(row) === "validation";
  if (verdict.verdict === "reject") return chosen;
  const decision = state.decisions[data.ids[row]];
  if (decision?.action === "drop") return false; // decisions.csv stands
  return !chosen || data.arrays.final_label[row] !== labelOf(verdict);
}

const waiting = (file, waits) => Object.entries(state[file]).filter(([id, verdict]) => data.row.has(id) && waits(data.row.get(id), verdict)).length;

// { decisions, takenBack, validation, all }: how many of each.
export function pending() {
  const decisions = waiting("decisions", decisionWaits);
  const validation = waiting("validation", confirmationWaits);
  let takenBack = 0;
  for (let row = 0; row < data.count; row++) {
    if (data.arrays.by_person[row] && !state.decisions[data.ids[row]] && !state.validation[data.ids[row]]) takenBack++;
  }
  return { decisions, validation, takenBack, all: decisions + validation + takenBack };
}
