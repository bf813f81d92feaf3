// Pieces of the index's imagery on a canvas, out of the same map tiles that the map shows.

import { ask } from "./api.js";

const SIZE = 256;
const SEAM = 1; // turned tiles would let the ground between them shine through
const kept = new Map();
const KEPT = 128;

function worldPx([lon, lat], zoom) {
  const scale = SIZE * 2 ** zoom;
  const y = Math.asinh(Math.tan((lat * Math.PI) / 180));
  return [((lon + 180) / 360) * scale, ((1 - y / Math.PI) / 2) * scale];
}

async function mapTile(index, z, x, y) {
  const path = `map/${encodeURIComponent(index)}/${z}/${x}/${y}`;
  if (!kept.has(path)) {
    if (kept.size >= KEPT) kept.delete(kept.keys().next().value);
    kept.set(path, ask(path).then(async (response) => (response.status === 204 ? null : createImageBitmap(await response.blob()))).catch(() => null));
  }
  return kept.get(path);
}

/** Draw the ground within bounds onto a square canvas, turned so that `upDeg` is up; a veil is stretched over it. */
export async function drawGround(canvas, index, imagery, [w, s, e, n], upDeg, veil) {
  const zoom = imagery.max_zoom;
  const [[x0, y0], [x1, y1]] = [worldPx([w, n], zoom), worldPx([e, s], zoom)];
  const columns = range(Math.floor(x0 / SIZE) - 1, Math.floor(x1 / SIZE) + 1);
  const rows = range(Math.floor(y0 / SIZE) - 1, Math.floor(y1 / SIZE) + 1);
  const tiles = await Promise.all(columns.flatMap((x) => rows.map(async (y) => [x, y, await mapTile(index, zoom, x, y)])));
  const context = canvas.getContext("2d");
  const scale = canvas.width / (x1 - x0);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate((-upDeg * Math.PI) / 180);
  context.scale(scale, scale);
  context.translate(-(x0 + x1) / 2, -(y0 + y1) / 2);
  for (const [x, y, image] of tiles) if (image) context.drawImage(image, x * SIZE, y * SIZE, SIZE + SEAM, SIZE + SEAM);
  if (veil) context.drawImage(veil, x0, y0, x1 - x0, y1 - y0);
  context.setTransform(1, 0, 0, 1, 0, 0);
}

function range(from, to) {
  return Array.from({ length: to - from + 1 }, (_, number) => from + number);
}
