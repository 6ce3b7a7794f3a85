// Apply: the pipeline up to the quick check, in the background, and what it changed.

import { data, get, post } from "./data.js";
import { fill, h, number, toast } from "./dom.js";
import { pending } from "./pending.js";
import { select, state } from "./state.js";

const EVERY_MS = 700;
const STATES = { waiting: "waits", running: "runs", done: "done", same: "up to date", stopped: "stopped" };
const BECAME = { keep: "kept", relabel: "relabelled", drop: "dropped", validation: "validation set" };
const FIGURES = [["keep", "kept"], ["relabel", "relabelled"], ["drop", "dropped"], ["quick_validation", "quick accuracy, validation set"], ["quick_test", "quick accuracy, test set"]];
const listeners = new Set();
let run = { state: "idle", stages: [] };
let timer = null;

export const applying = () => run;
export const isRunning = () => ["running", "stopping"].includes(run.state);

export function onApply(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function take(answer) {
  const before = run.state;
  run = answer;
  clearTimeout(timer);
  if (isRunning()) timer = setTimeout(watch, EVERY_MS);
  if (before === "running" && run.state === "failed") toast(run.error, "error");
  for (const listener of [...listeners]) listener();
}

// Follow a run that may have begun before this page.
export async function watch() {
  try {
    take(await get("api/apply"));
  } catch {
    timer = setTimeout(watch, 5 * EVERY_MS);
  }
}

async function ask(path) {
  try {
    take(await post(path, {}));
  } catch (error) {
    toast(error.message, "error");
    watch();
  }
}

// What waits, in words: "5 verdicts on images, 2 on the validation set".
export function waitingWords(counts) {
  const some = (count, one, many) => count > 0 && `${number(count)} ${count > 1 ? many : one}`;
  return [
    some(counts.decisions, "verdict on an image", "verdicts on images"),
    some(counts.validation, "verdict on the validation set", "verdicts on the validation set"),
    some(counts.takenBack, "verdict that was taken back", "verdicts that were taken back"),
  ].filter(Boolean).join(", ");
}

export function applyView(view, { go }) {
  const root = h("div", { class: "scroll apply" });

  function waits() {
    const counts = pending();
    if (!counts.all) {
      const given = Object.keys(state.decisions).length + Object.keys(state.validation).length;
      return given ? h("p", {}, "Every verdict is applied. What you see is what the pipeline makes of them.")
        : h("p", { id: "waits" }, "No verdict yet; the proposals are a good beginning. ", h("a", { href: "#/proposals" }, "To the proposals"));
    }
    return h("p", { id: "waits" }, h("strong", {}, waitingWords(counts)), " not applied yet: the map, the proposals and all counts show what the pipeline wrote before.");
  }

  function progress() {
    const over = run.stages.filter(({ state }) => state === "done" || state === "same").length;
    const now = run.stages.find(({ state }) => state === "running");
    return [
      h("div", { class: "row" },
        h("progress", { value: over, max: run.stages.length, "aria-label": "Stages done" }),
        h("span", { id: "stage" }, run.state === "stopping" ? "Stopping …" : now ? `${now.name}, step ${over + 1} of ${run.stages.length}` : "Looking for what changed …"),
        h("span", { class: "muted" }, `${Math.round(run.seconds)} s`)),
      run.note && h("p", { class: "muted small" }, run.note),
    ];
  }

  const steps = () => run.stages.length > 0 && h("details", { open: isRunning() }, h("summary", {}, "Steps"),
    h("ol", { class: "steps" }, run.stages.map(({ name, state }) => h("li", { class: state }, h("span", {}, name), h("span", { class: "muted" }, STATES[state] ?? state)))));

  function figure(key, value) {
    if (value === undefined || value === null) return "–";
    return key.startsWith("quick") ? `${(100 * value).toFixed(1)} %` : number(value);
  }

  function change(key) {
    const [before, after] = [run.before[key], run.after[key]];
    if (typeof before !== "number" || typeof after !== "number" || before === after) return "";
    const difference = key.startsWith("quick") ? (100 * (after - before)).toFixed(1) : number(after - before);
    return `${after > before ? "+" : ""}${difference}`;
  }

  function result() {
    const { changed } = run;
    const rows = FIGURES.filter(([key]) => key in run.before || key in run.after);
    const open = ({ from, to, rows: of }) => {
      select(of, `${BECAME[from]}, now ${BECAME[to]}`);
      go("gallery");
    };
    return [
      h("h2", {}, `Applied in ${Math.round(run.seconds)} s`),
      h("table", { class: "wide" }, h("caption", { class: "unseen" }, "Before and after"),
        h("thead", {}, h("tr", {}, ["", "before", "after", "change"].map((words) => h("th", { scope: "col", class: words ? "number" : "" }, words)))),
        h("tbody", {}, rows.map(([key, words]) => h("tr", {}, h("th", { scope: "row" }, words),
          h("td", { class: "number" }, figure(key, run.before[key])), h("td", { class: "number" }, figure(key, run.after[key])), h("td", { class: "number change" }, change(key)))))),
      h("p", { id: "changed" }, changed.images ? `${number(changed.images)} images changed, ${number(changed.by_people)} of them by a person, the rest as the rules follow:` : "No image changed."),
      changed.images > 0 && h("ul", { class: "bar" }, changed.groups.map((group) => h("li", {}, h("button", { type: "button", onclick: () => open(group) },
        group.from === group.to ? `${BECAME[group.to]}, otherwise than before: ` : `${BECAME[group.from]} → ${BECAME[group.to]}: `, h("strong", {}, number(group.rows.length)))))),
      h("p", { class: "muted" }, "The quick check trains a small network for some seconds: it shows a direction, not the final accuracy. ", h("code", {}, "dvc repro"), " trains the large ones and writes the report and what is handed in."),
    ];
  }

  function draw() {
    // Another version of the dataset lies behind the page: begin anew, at the same address.
    if (run.version && run.version !== data.info.version && !isRunning()) return location.reload();
    const count = pending().all;
    const words = count ? `Apply ${number(count)} ${count > 1 ? "verdicts" : "verdict"}` : "Run the pipeline";
    fill(root,
      h("h1", {}, "Apply"),
      waits(),
      h("p", { class: "muted" }, "Runs ", h("code", {}, "dvc repro"), " up to the quick check with all verdicts and with params.yaml as it is; what is up to date is not run again. You can go on looking; verdicts wait while it reads them."),
      h("div", { class: "bar" }, isRunning()
        ? h("button", { type: "button", id: "stop", disabled: run.state === "stopping", onclick: () => ask("api/apply/stop") }, "Stop")
        : h("button", { type: "button", id: "start", class: "primary", onclick: () => ask("api/apply") }, words)),
      h("div", { role: "status", "aria-live": "polite" },
        isRunning() && progress(),
        run.state === "failed" && h("p", { class: "error", id: "failed" }, `It failed: ${run.error}`),
        run.state === "stopped" && h("p", {}, "Stopped. What was done stays done; the next run goes on from there."),
        run.state === "done" && result()),
      steps());
  }

  fill(view, h("div", { class: "middle whole" }, root));
  const forget = onApply(draw);
  draw();
  watch();
  root.querySelector(".bar button")?.focus({ preventScroll: true });
  return { leave: forget, refresh: draw };
}
