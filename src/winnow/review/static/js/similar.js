// Images like others, like a picture from elsewhere, or like words: a score per image that the gallery sorts by.

import { className, data, post } from "./data.js";
import { labelWords } from "./card.js";
import { number } from "./dom.js";

const LARGEST = 512; // pixels a side of a picture that is sent

const values = (buffer) => new Float32Array(buffer);

// { title, values (N), first (rows that the search began from), params (for the address; null where it cannot hold it) }
export async function likeRows(rows) {
  const title = rows.length > 1 ? `like ${number(rows.length)} images` : `like this ${className(data.arrays.label[rows[0]])}`;
  return { title, values: values(await post("api/similar", { rows })), first: rows, params: rows.length <= 50 ? { like: rows.join(".") } : null };
}

export async function likeWords(words) {
  return { title: `“${words}”`, values: values(await post("api/similar/words", { words })), first: [], params: { words } };
}

export async function likePicture(file) {
  const picture = await smaller(file);
  const answer = await post("api/similar/picture", { picture });
  return { title: data.info.embeds_pictures ? "like your picture" : "like your picture, by colours and edges", values: values(answer), first: [], params: null };
}

// What the address asks for; null for nothing.
export async function fromAddress(params) {
  if (params.get("words")) return likeWords(params.get("words"));
  const rows = (params.get("like") ?? "").split(".").filter(Boolean).map(Number).filter((row) => Number.isInteger(row) && row >= 0 && row < data.count);
  return rows.length ? likeRows(rows) : null;
}

// A file's picture as base64, small enough to send; the browser draws it, so it may be of any kind that it knows.
async function smaller(file) {
  let drawn;
  try {
    drawn = await createImageBitmap(file);
  } catch {
    throw new Error("that is no picture; take a JPEG or PNG.");
  }
  const scale = Math.min(1, LARGEST / Math.max(drawn.width, drawn.height));
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(scale * drawn.width)), Math.max(1, Math.round(scale * drawn.height)));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(drawn, 0, 0, canvas.width, canvas.height);
  const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 })).arrayBuffer());
  let text = "";
  for (let start = 0; start < bytes.length; start += 8192) text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  return btoa(text);
}

// The picture of a paste or a drop; null for none.
export const pictureOf = (transfer) => [...(transfer?.files ?? [])].find((file) => file.type.startsWith("image/")) ?? null;

// "seven → six, 0.93"
export const captionWith = (row, search) => `${labelWords(row)}, ${search.values[row].toFixed(2)}`;
