// Building elements. Text is always set as text: nothing that comes from the dataset is ever read as markup.

export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (["value", "checked", "disabled", "selected", "htmlFor", "tabIndex"].includes(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

const FOCUSABLE = "a, button, input, select, textarea, summary, [tabindex]";
const nameOf = (control) => control.id || `${control.nodeName} ${control.getAttribute("aria-label") ?? control.textContent}`;

// New children in place of the old; the focus stays on the control of the same name, so that the keyboard can go on.
export function fill(element, ...children) {
  const before = element.contains(document.activeElement) ? [...element.querySelectorAll(FOCUSABLE)] : [];
  const place = before.indexOf(document.activeElement);
  element.replaceChildren();
  append(element, children);
  if (place >= 0) {
    const same = [...element.querySelectorAll(FOCUSABLE)].filter((control) => nameOf(control) === nameOf(before[place]));
    const nth = before.filter((control) => nameOf(control) === nameOf(before[place])).indexOf(before[place]);
    same[nth]?.focus({ preventScroll: true });
  }
  return element;
}

// A key as it stands on a button: the button's name for screen readers stays its words alone.
export function key(letter) {
  return h("kbd", { "aria-hidden": "true" }, letter);
}

export function select(label, options, value, onchange, props = {}) {
  const box = h(
    "select",
    { onchange: () => onchange(box.value), ...props },
    options.map(([id, words]) => h("option", { value: id, selected: id === value }, words)),
  );
  return h("label", { class: "field" }, h("span", {}, label), box);
}

// A choice without a label beside it: each option says what it is of, as "given: three".
export function bareSelect(label, options, value, onchange, props = {}) {
  const box = h(
    "select",
    { "aria-label": label, onchange: () => onchange(box.value), ...props },
    options.map(([id, words]) => h("option", { value: id, selected: id === value }, `${label}: ${words}`)),
  );
  return box;
}

// A button that opens what is seldom needed; Escape and a click elsewhere close it.
export function menu(words, id, ...items) {
  const box = h("div", { id, popover: "auto", class: "menu", ontoggle: (event) => {
    if (event.newState !== "open") return;
    const { left, bottom } = button.getBoundingClientRect();
    box.style.left = `${Math.max(4, Math.min(left, innerWidth - box.offsetWidth - 4))}px`;
    box.style.top = `${bottom + 4}px`;
  } }, items);
  const button = h("button", { type: "button", class: "quiet", popovertarget: id }, words, " ▾");
  return [button, box];
}

export function toast(words, kind = "info") {
  const box = document.getElementById("toasts");
  const note = h("p", { class: `toast ${kind}` }, words);
  box.append(note);
  setTimeout(() => note.remove(), kind === "error" ? 9000 : 3500);
  while (box.children.length > 3) box.firstChild.remove();
}

// Resolves to whether the reviewer says yes. The keys are the dialog's while it is open.
export function sure(question, yes) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-label": question, onclose: () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    } },
      h("h1", {}, question),
      h("div", { class: "row" },
        h("button", { type: "button", id: "no", onclick: () => dialog.close("no") }, "Cancel"),
        h("button", { type: "button", id: "yes", class: "primary", onclick: () => dialog.close("yes") }, yes)));
    document.getElementById("view").append(dialog);
    dialog.showModal();
  });
}

// Resolves to a line of text that the reviewer writes; "" where they do not.
export function askWords(question, value = "") {
  return new Promise((resolve) => {
    const input = h("input", { type: "text", id: "answer", value, maxlength: 80, autocomplete: "off", "aria-label": question });
    const dialog = h("dialog", { "aria-label": question, class: "small-dialog", onclose: () => {
      dialog.remove();
      resolve(dialog.returnValue);
    } },
      h("h1", {}, question),
      h("div", { class: "row" }, input, h("button", { type: "button", id: "yes", class: "primary", onclick: () => dialog.close(input.value.trim()) }, "Save ", key("Enter")), h("button", { type: "button", onclick: () => dialog.close("") }, "Cancel")));
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      dialog.close(input.value.trim());
    });
    document.getElementById("view").append(dialog);
    dialog.showModal();
    input.select();
  });
}

export const number = (value) => value.toLocaleString("en-US");

export function shown(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : value.toPrecision(3);
  return String(value);
}

// Whether a line of text has the focus.
export function writing({ target }) {
  return (target instanceof HTMLInputElement && !["checkbox", "radio", "range", "button"].includes(target.type)) || target instanceof HTMLTextAreaElement;
}

// Keys belong to the view, except while someone types.
export function typing(event) {
  return event.ctrlKey || event.metaKey || event.altKey || writing(event) || event.target instanceof HTMLSelectElement;
}

// Enter and Escape leave a line of text, so that the next key is a verdict and no letter.
export function leaving(event) {
  return event.target instanceof HTMLInputElement && typing(event) && ["Enter", "Escape"].includes(event.key) && !event.isComposing;
}

export function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

// A cell that a spreadsheet takes for text, whatever it starts with.
export function csvCell(value) {
  let text = value === null || value === undefined ? "" : String(value);
  if (/^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text))) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
