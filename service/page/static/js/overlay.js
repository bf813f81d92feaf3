// What an answer rests on, as a veil over photo and tile: grids of one byte a cell, from `include=attention`.

const [RED, GREEN, BLUE, MOST] = [255, 120, 0, 0.55];

/** A small canvas of one pixel a cell, to be stretched over the picture. */
export function veil({ width, height, values }) {
  const bytes = Uint8Array.from(atob(values), (character) => character.charCodeAt(0));
  const pixels = new ImageData(width, height);
  bytes.forEach((value, cell) => pixels.data.set([RED, GREEN, BLUE, value * MOST], 4 * cell));
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}
