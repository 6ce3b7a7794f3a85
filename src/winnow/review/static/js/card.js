// One image with all that is known of it: the panel beside the map and the gallery.

import { className, data, explained, imageUrl, readOnly, scoreColumns } from "./data.js";
import { linkTo } from "./address.js";
import { outcomeColour } from "./colours.js";
import { fill, h, key, shown } from "./dom.js";
import { openTags, tagLine } from "./tags.js";
import { decide, decided, wordsOf } from "./state.js";

const outcome = (row) => data.info.outcomes[data.arrays.outcome[row]];
export const outcomeName = (row) => outcome(row).words;

// The given label, and where the pipeline changes it, to what: "seven → six".
export function labelWords(row) {
  const { label, final_label: final } = data.arrays;
  return final[row] >= 0 && final[row] !== label[row] ? `${className(label[row])} → ${className(final[row])}` : className(label[row]);
}

// The verdict that says what the pipeline says: [action, new label].
export function agreement(row) {
  const { label, [data.info.proposed]: final } = data.arrays;
  if (final[row] < 0) return ["drop", null];
  return final[row] === label[row] ? ["keep", null] : ["relabel", final[row]];
}

export function agreeWords(row) {
  const [action, label] = agreement(row);
  return action === "relabel" ? `Agree: ${className(label)}` : { keep: "Agree: keep", drop: "Agree: drop" }[action];
}

export function badge(outcome) {
  const dot = h("span", { class: "dot", "aria-hidden": "true" });
  dot.style.background = outcomeColour(outcome);
  return h("span", { class: "badge" }, dot, outcome.words);
}

export const outcomeBadge = (row) => badge(outcome(row));

export function picture(id, size, alt = "") {
  if (!data.info.pictures) return null;
  const image = h("img", { src: imageUrl(id), alt, width: size, height: size, class: "pic", loading: "lazy", draggable: "false", "data-id": id });
  return image;
}

// A row that has no picture.
export const inWords = (row) => `${labelWords(row)} · ${outcomeName(row)} · ${data.ids[row]}`;

export function thumb(row, { caption = null, onclick, label = null } = {}) {
  const words = caption ?? labelWords(row);
  if (!data.info.pictures) return h("button", { class: "thumb words", type: "button", onclick }, label ?? inWords(row));
  return h(
    "button",
    { class: "thumb", type: "button", onclick, title: `${data.ids[row]}: ${labelWords(row)}, ${outcomeName(row)}`, "aria-label": label ?? `${words}, ${data.ids[row]}` },
    picture(data.ids[row], 64),
    h("span", { class: "cap" }, words),
  );
}

export function sentence(reason) {
  const text = String(reason || "");
  return text ? text[0].toUpperCase() + text.slice(1) + (text.endsWith(".") ? "" : ".") : "";
}

export function labelLine(known) {
  const parts = [h("dt", {}, "given label"), h("dd", {}, className(known.label))];
  parts.push(h("dt", {}, "final label"), h("dd", {}, known.final_label < 0 ? "none, dropped" : className(known.final_label)));
  if (known.suggested_label !== known.label) {
    const sure = known.suggested_confidence;
    parts.push(h("dt", {}, "suggested"), h("dd", {}, `${className(known.suggested_label)}${Number.isFinite(sure) ? ` (${shown(sure)})` : ""}`));
  }
  parts.push(h("dt", {}, "decided by"), h("dd", {}, known.decided_by === "rule" ? `the pipeline${known.rule && known.rule !== "keep" ? `: ${data.info.rules[known.rule] ?? known.rule}` : ""}` : known.decided_by));
  return h("dl", { class: "facts" }, parts);
}

export function verdictLine(id) {
  const row = decided(id);
  if (!row) return null;
  return h("p", { class: "verdict" }, `Verdict: ${wordsOf(row)}, by ${row.reviewer}`, row.reason ? ` (${row.reason})` : "");
}

// Buttons that decide on one image; `after` runs once the verdict is saved.
export function decisionBar(id, row, after = () => {}) {
  if (readOnly) return null;
  const act = async (action, label = null) => {
    if (await decide([id], action, label)) after();
  };
  const suggestion = data.arrays.suggested_label[row];
  const labels = data.info.relabels && h(
    "select",
    { "aria-label": "relabel to", onchange: (event) => event.target.value !== "" && act("relabel", Number(event.target.value)) },
    h("option", { value: "" }, "Relabel to …"),
    data.info.class_names.map((name, label) => h("option", { value: label }, name + (label === suggestion && label !== data.arrays.label[row] ? " (suggested)" : ""))),
  );
  return h(
    "div",
    { class: "bar" },
    h("button", { type: "button", class: "primary agree", onclick: () => act(...agreement(row)) }, agreeWords(row), " ", key("A")),
    h("button", { type: "button", onclick: () => act("keep") }, "Keep"),
    h("button", { type: "button", onclick: () => act("drop") }, "Drop"),
    labels,
    decided(id) && h("button", { type: "button", class: "quiet", onclick: () => act(null) }, "Clear"),
  );
}

export async function showCard(panel, row, { go, close }) {
  const id = data.ids[row];
  panel.dataset.row = row;
  if (panel.dataset.shown !== String(row)) fill(panel, h("p", { class: "muted" }, "Reading …"));
  let answer;
  try {
    answer = await explained(row);
  } catch (error) {
    fill(panel, h("p", { class: "error" }, error.message));
    return;
  }
  if (panel.dataset.row !== String(row)) return; // another was asked for in the meantime
  panel.dataset.shown = row;
  const known = answer.explanation;
  const counterpart = data.arrays.counterpart[row];
  const names = scoreColumns().filter(([column]) => column.startsWith("score:"));
  const other = Object.entries(known).filter(([name]) => !(`score:${name}` in data.arrays) && !["reason", "image_id"].includes(name));
  fill(
    panel,
    h("div", { class: "row between" },
      h("h2", { class: "id", title: id }, id),
      close && h("button", { type: "button", class: "quiet icon", onclick: close, "aria-label": "Close the panel" }, "×")),
    h("div", { class: "pinned" }, picture(id, 160, `image ${id}; double click enlarges it`), h("div", {}, outcomeBadge(row), labelLine(known))),
    h("p", { class: "reason" }, sentence(known.reason)),
    verdictLine(id),
    !readOnly && tagLine(id, () => openTags([row], () => showCard(panel, row, { go, close }))),
    decisionBar(id, row, () => showCard(panel, row, { go, close })),
    counterpart >= 0 && [h("h3", {}, "Counterpart"), h("div", { class: "strip" }, thumb(counterpart, { onclick: () => go(counterpart) }))],
    h("h3", {}, "Nearest neighbours ", !readOnly && h("a", { class: "small", href: linkTo("gallery", { like: row }) }, "all, by similarity")),
    h("div", { class: "strip" }, answer.neighbours.map(([near, cosine]) =>
      thumb(near, { onclick: () => go(near), label: `${labelWords(near)}, cosine ${cosine.toFixed(2)}, ${data.ids[near]}` }))),
    h("h3", {}, "Scores"),
    h("table", { class: "scores" }, h("tbody", {}, names.map(([column, words]) =>
      h("tr", {}, h("th", { scope: "row", title: data.info.scores[column.slice(6)] || "" }, words), h("td", {}, shown(data.arrays[column][row])))))),
    !readOnly && h("details", {}, h("summary", {}, "Everything in the ledger"),
      h("table", { class: "scores" }, h("tbody", {}, other.map(([name, value]) =>
        h("tr", {}, h("th", { scope: "row" }, name.replaceAll("_", " ")), h("td", {}, shown(value === "" ? null : value))))))),
  );
}

export function digits(label) {
  return label < 10 ? key(label) : null;
}
