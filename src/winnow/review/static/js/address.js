// The view and what it shows, as the address says: reload, back and a shared link show the same.

let shown = "";

export function address() {
  const [name, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { name, params: new URLSearchParams(query) };
}

export const linkTo = (name, params = {}) => {
  const query = new URLSearchParams(params).toString();
  return `#/${name}${query ? `?${query}` : ""}`;
};

// Whether the address says something else than when it was last taken in.
export const moved = () => location.hash !== shown;

export function takeIn() {
  shown = location.hash;
}

// Ascending numbers as short text: the steps from one to the next, in base 36.
export function packRows(rows) {
  let last = 0;
  return [...rows].sort((a, b) => a - b).map((row) => {
    const step = row - last;
    last = row;
    return step.toString(36);
  }).join(".");
}

// The numbers below `count` of such a text.
export function unpackRows(text, count) {
  let last = 0;
  return text.split(".").map((step) => (last += Number.parseInt(step, 36))).filter((row) => row >= 0 && row < count);
}

export function open(name, params = {}) {
  const link = linkTo(name, params);
  if (location.hash !== link) history.pushState(null, "", link);
}

// What the view shows has changed a little: no step back of its own.
export function replace(name, params) {
  if (address().name !== name) return; // after a step back, before its event
  history.replaceState(null, "", linkTo(name, params));
  takeIn();
}
