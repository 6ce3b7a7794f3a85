// What the reviewer did: verdicts as the files hold them, undo, and settings of this browser.

import { data, get, post, readOnly } from "./data.js";
import { number, sure, toast } from "./dom.js";

export const state = { decisions: {}, validation: {}, tags: {}, history: [], skipped: new Set(), problem: "", notice: "", selection: [], title: "" };
const listeners = new Set();

export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function changed() {
  for (const listener of [...listeners]) listener();
}

// --- settings, kept in the browser ---

export function setting(name, value) {
  const place = `winnow.${name}`;
  try {
    if (value === undefined) return localStorage.getItem(place);
    localStorage.setItem(place, value);
  } catch {
    // A browser that keeps nothing still works; it only forgets.
  }
  return value ?? null;
}

export const reviewer = () => (setting("reviewer") || data.info.reviewer || "").trim();

function remember() {
  try {
    const kept = { history: state.history.slice(-500), skipped: [...state.skipped] };
    sessionStorage.setItem(`winnow.session.${data.info.version}`, JSON.stringify(kept));
  } catch {
    // As above.
  }
}

function recall() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(`winnow.session.${data.info.version}`) || "{}");
    state.history = kept.history || [];
    state.skipped = new Set(kept.skipped || []);
  } catch {
    state.history = [];
  }
}

// --- verdicts ---

// One request after the other: what was read before a verdict was written must not come after it and undo it here.
let line = Promise.resolve();
function inLine(request) {
  const answer = line.then(request);
  line = answer.catch(() => {});
  return answer;
}

export async function loadVerdicts() {
  if (readOnly) return;
  await inLine(async () => {
    const answer = await get("api/verdicts");
    Object.assign(state, { decisions: answer.decisions, validation: answer.validation, tags: answer.tags, problem: answer.problem, notice: answer.notice });
  });
  if (!state.history.length) recall();
  changed();
}

const COLUMNS = { decisions: ["action", "label", "reviewer", "reason"], validation: ["verdict", "label", "reviewer", "reason"], tags: ["tags", "reviewer"] };

// The part of a row that this app writes, which is what it compares before it writes again.
function known(file, row) {
  return row ? Object.fromEntries(COLUMNS[file].map((name) => [name, row[name] ?? ""])) : null;
}

// `verdicts`: [[image_id, verdict or null]]; a verdict is what the server takes. Returns whether they were saved.
async function send(file, verdicts, { undoing = null } = {}) {
  const before = verdicts.map(([id]) => known(file, state[file][id]));
  const changes = verdicts.map(([id, verdict], i) => ({ image_id: id, expected: before[i], verdict }));
  try {
    const answer = await inLine(async () => {
      const written = await post(`api/${file}`, { changes });
      take(file, written.rows);
      return written;
    });
    if (undoing === null) {
      state.history.push({ file, images: verdicts.map(([id], i) => ({ id, before: before[i], after: known(file, answer.rows[id]) })) });
    }
    remember();
    changed();
    return true;
  } catch (error) {
    if (error.status === 409 && error.content.current) take(file, error.content.current);
    else if (undoing) state.history.push(undoing); // nothing was saved: it can be tried again
    toast(error.message, "error");
    changed();
    return false;
  }
}

function take(file, rows) {
  for (const [id, row] of Object.entries(rows)) {
    if (row) state[file][id] = row;
    else delete state[file][id];
  }
}

function signed(verdict) {
  if (!reviewer()) {
    toast("Write your name in the field at the top first: every verdict is signed.", "error");
    document.getElementById("reviewer")?.focus();
    return null;
  }
  return verdict && { reason: "", ...verdict, reviewer: reviewer() };
}

const MANY = 50; // more verdicts than this at once are asked about first

const ask = (count, question, yes) => count <= MANY || sure(`${question} ${number(count)} images?`, `${yes} ${number(count)}`);

// action: keep, drop, relabel (with a label; the one that an image came with keeps it), or null to take verdicts back.
export async function decide(ids, action, label = null, reason = "") {
  const word = { keep: "Keep", drop: "Drop", relabel: "Relabel" }[action] || "Clear";
  if (!(await ask(ids.length, action ? word : "Clear the verdicts on", word))) return false;
  const given = (id) => data.arrays.label[data.row.get(id)];
  return decideEach(ids.map((id) => (action === "relabel" && label === given(id) ? [id, "keep", null] : [id, action, label])), reason);
}

export async function agreeOn(verdicts, reason = "") {
  return (await ask(verdicts.length, "Agree with the pipeline on", "Agree on")) && decideEach(verdicts, reason);
}

// `verdicts`: [[image_id, action, label]], saved by one request, all or none, and taken back by one undo.
export async function decideEach(verdicts, reason = "") {
  const rows = [];
  for (const [id, action, label] of verdicts) {
    const verdict = signed(action && { action, label: action === "relabel" ? label : null, reason });
    if (action && !verdict) return false;
    rows.push([id, verdict]);
  }
  rows.forEach(([id]) => state.skipped.delete(id));
  return send("decisions", rows);
}

// Take verdicts over as others gave them, signed by them: [[image_id, { action, label, reviewer, reason }]].
export async function takeOver(verdicts) {
  if (!(await ask(verdicts.length, "Take over the verdicts on", "Take over"))) return false;
  return send("decisions", verdicts.map(([id, { action, label, reviewer: theirs, reason }]) => [id, { action, label, reviewer: theirs, reason }]));
}

export async function confirmImages(pairs, verdict, reason = "") {
  const rows = pairs.map(([id, label]) => [id, verdict && signed({ verdict, label, reason })]);
  if (verdict && rows.some(([, row]) => !row)) return false;
  const word = { confirm: "Confirm", reject: "Reject" }[verdict] || "Clear";
  if (!(await ask(pairs.length, word, word))) return false;
  return send("validation", rows);
}

// --- tags ---

const tagsIn = (row) => (row?.tags ?? "").split(";").map((tag) => tag.trim()).filter(Boolean);
export const tagsOf = (id) => tagsIn(state.tags[id]);
export const allTags = () => [...new Set(Object.values(state.tags).flatMap(tagsIn))].sort((a, b) => a.localeCompare(b));

// Give some images a tag, or take it away; one write, one undo. Returns whether it was saved.
export async function tag(ids, words, on) {
  const changing = ids.filter((id) => tagsOf(id).includes(words) !== on);
  if (!changing.length) return false;
  if (!(await ask(changing.length, `${on ? "Give" : "Take away"} the tag “${words}”:`, on ? "Tag" : "Clear"))) return false;
  const rows = [];
  for (const id of changing) {
    const tags = on ? [...tagsOf(id), words] : tagsOf(id).filter((each) => each !== words);
    const verdict = signed({ tags });
    if (!verdict) return false;
    rows.push([id, tags.length ? { tags, reviewer: verdict.reviewer } : null]);
  }
  return send("tags", rows);
}

export function skip(id) {
  state.skipped.add(id);
  state.history.push({ file: "skip", images: [{ id }] });
  remember();
  changed();
}

// The class that a row of a file names; null for none.
export function labelOf(row) {
  const names = data.info.class_names;
  return row.label === "" ? null : names.includes(row.label) ? names.indexOf(row.label) : Number(row.label);
}

// A row of the file as the server takes it.
const asVerdict = (file, row) => row && { ...row, ...(file === "tags" ? { tags: tagsIn(row) } : { label: labelOf(row) }) };

// Take back the last step, also one that is still on its way; returns the ids it concerned.
export async function undo() {
  await line.catch(() => {});
  await null; // what was waiting for that answer goes on first
  const step = state.history.pop();
  if (!step) {
    toast("Nothing to undo.");
    return [];
  }
  const ids = step.images.map((image) => image.id);
  if (step.file === "skip") {
    ids.forEach((id) => state.skipped.delete(id));
    remember();
    changed();
    return ids;
  }
  // Compared with what this step wrote, not with what the file says now: a verdict that came later stays.
  for (const image of step.images) {
    take(step.file, { [image.id]: image.after && { ...state[step.file][image.id], ...image.after } });
  }
  const done = await send(step.file, step.images.map((image) => [image.id, asVerdict(step.file, image.before)]), { undoing: step });
  if (done) toast(ids.length > 1 ? `Took back ${number(ids.length)} ${step.file === "tags" ? "changes of tags" : "verdicts"}.` : `Took back the last ${step.file === "tags" ? "change of tags" : "verdict"}.`);
  return ids;
}

export const decided = (id) => state.decisions[id] || null;

export function wordsOf(row) {
  if (row.action === "relabel") return `relabelled to ${row.label}`;
  return { keep: "kept", drop: "dropped" }[row.action] || row.action;
}

export function select(rows, title) {
  state.selection = rows;
  state.title = title;
}
