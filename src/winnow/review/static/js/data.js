// Where the data comes from: the server, or, in an exported copy, the files beside the page.

const copy = globalThis.WINNOW_EXPORT || null;
export const readOnly = copy !== null;

export const data = { info: null, count: 0, ids: [], arrays: {}, row: new Map() };

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { "X-Winnow": "1", ...options.headers } });
  } catch {
    throw new Error("the server does not answer; is 'winnow review' still running?");
  }
  if (answer.headers.get("content-type") === "application/octet-stream") return answer.arrayBuffer();
  const text = await answer.text();
  let content;
  try {
    content = JSON.parse(text);
  } catch {
    content = { error: text.trim() };
  }
  if (!answer.ok) throw Object.assign(new Error(content.error || `error ${answer.status}`), { status: answer.status, content });
  return content;
}

export const get = (path) => ask(path);
export const post = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export async function load() {
  const [info, buffer] = copy
    ? [copy.info, Uint8Array.from(atob(copy.points), (char) => char.charCodeAt(0)).buffer]
    : await Promise.all([get("api/dataset"), get("api/points")]);
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const types = { float32: Float32Array, int16: Int16Array, int32: Int32Array, uint8: Uint8Array };
  for (const array of header.arrays) {
    data.arrays[array.name] = new types[array.type](buffer, 4 + length + array.offset, array.length);
  }
  data.info = info;
  data.count = header.count;
  data.ids = new TextDecoder().decode(data.arrays.ids).split("\n");
  data.row = new Map(data.ids.map((id, row) => [id, row]));
  return data;
}

export const imageUrl = (id) =>
  copy ? `imgs/${data.row.get(id)}.jpg` : `image/${encodeURIComponent(id)}?v=${data.info.version}`;

// At the resolution that it came in.
export const originalUrl = (id) => (copy ? imageUrl(id) : `original/${encodeURIComponent(id)}?v=${data.info.version}`);

// What the ledger says of one image: { row, explanation, neighbours: [[row, cosine], ...] }.
export async function explained(row) {
  if (!copy) return get(`api/image/${encodeURIComponent(data.ids[row])}`);
  const known = { image_id: data.ids[row], reason: copy.reasons[row], decided_by: copy.decided_by[row] };
  for (const name of ["label", "final_label", "suggested_label"]) known[name] = data.arrays[name][row];
  for (const name of Object.keys(data.info.scores)) known[name] = data.arrays[`score:${name}`][row];
  known.outcome = data.info.outcomes[data.arrays.outcome[row]].key;
  return { row, explanation: known, neighbours: copy.neighbours[row] };
}

export const className = (label) => (label < 0 ? "none" : data.info.class_names[label]);

// Columns that images can be coloured, filtered and sorted by: [array name, words].
export function scoreColumns() {
  return [
    ...Object.keys(data.info.scores).map((name) => [`score:${name}`, name.replaceAll("_", " ")]),
    ...data.info.own.numbers.map((name) => [`own:${name}`, name]),
    ...Object.entries(data.info.ranks).map(([name, words]) => [`rank:${name}`, words]),
  ];
}
