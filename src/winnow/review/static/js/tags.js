// Tags: words to find images again, given to one or to all that are marked.

import { data } from "./data.js";
import { fill, h, key, number, toast } from "./dom.js";
import { allTags, tag, tagsOf } from "./state.js";

const LONGEST = 40;
const OFFERED = 12; // tags of other images

// "#blurry #ask ada", "" without any.
export const tagWords = (id) => tagsOf(id).map((each) => `#${each}`).join(" ");

// A line of the card: the tags, and a button for more.
export function tagLine(id, edit) {
  return h("p", { class: "row" }, h("span", { class: "tags" }, tagWords(id) || h("span", { class: "muted" }, "no tags")), h("button", { type: "button", class: "quiet", onclick: edit }, "Tag ", key("L")));
}

// Asks for tags of some images; `after` runs whenever some were saved.
export function openTags(rows, after) {
  const ids = rows.map((row) => data.ids[row]);
  if (!ids.length) return;
  const title = ids.length > 1 ? `Tags of ${number(ids.length)} images` : "Tags";
  const chips = h("ul", { class: "bar chips", "aria-label": "Given" });
  const offered = h("ul", { class: "bar chips", "aria-label": "Other tags" });
  const input = h("input", { type: "text", id: "tag", maxlength: LONGEST, autocomplete: "off", spellcheck: "false", "aria-label": "A new tag" });
  const save = async (words, on) => {
    if (await tag(ids, words, on)) after();
    drawChips();
  };

  function add() {
    const words = input.value.split(/\s+/).join(" ").trim();
    if (!words) return dialog.close();
    if (words.includes(";")) return toast("A tag holds no semicolon.", "error");
    dialog.close();
    return save(words, true);
  }

  function drawChips() {
    const counts = new Map();
    for (const each of ids.flatMap(tagsOf)) counts.set(each, (counts.get(each) || 0) + 1);
    fill(chips, [...counts].map(([each, count]) => h("li", {}, h("button", { type: "button", "aria-label": `Take ${each} away`, onclick: () => save(each, false) }, `#${each}`, ids.length > 1 && h("span", { class: "count" }, ` ${number(count)}`), " ×"))));
    const others = allTags().filter((each) => counts.get(each) !== ids.length).slice(0, OFFERED);
    fill(offered, others.map((each) => h("li", {}, h("button", { type: "button", class: "quiet", "aria-label": `Add ${each}`, onclick: () => save(each, true) }, `+ ${each}`))));
  }

  const dialog = h("dialog", { "aria-label": title, class: "small-dialog", onclose: () => dialog.remove() },
    h("h1", {}, title), chips,
    h("div", { class: "row" }, input, h("button", { type: "button", id: "add-tag", class: "primary", onclick: add }, "Add ", key("Enter")), h("button", { type: "button", onclick: () => dialog.close() }, "Close")),
    offered);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    add();
  });
  drawChips();
  document.getElementById("view").append(dialog);
  dialog.showModal();
  input.focus();
}
