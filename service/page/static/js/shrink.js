// Photos that are larger than the service takes are scaled down here; what their EXIF said is sent as parameters.

const TYPES = { jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png", webp: "image/webp", heic: "image/heic", heif: "image/heic" };

const STEPS = [[4096, 0.9], [4096, 0.8], [2048, 0.85], [1280, 0.8]]; // longest side in pixels, quality

export async function fitting(file, { body_bytes: mostBytes, image_pixels: mostPixels, image_max_side_px: mostSide }) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => null);
  if (!bitmap) return { photo: file, bitmap: null, shrunk: false };
  const [pixels, side] = [bitmap.width * bitmap.height, Math.max(bitmap.width, bitmap.height)];
  if (file.size <= mostBytes && pixels <= mostPixels && side <= mostSide) return { photo: file, bitmap, shrunk: false };
  for (const [longest, quality] of STEPS) {
    const scale = Math.min(1, Math.sqrt((0.9 * mostPixels) / pixels), longest / side);
    const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const photo = await canvas.convertToBlob({ type: "image/jpeg", quality });
    if (photo.size <= mostBytes) return { photo, bitmap, shrunk: true };
  }
  return { photo: file, bitmap, shrunk: false };
}

/** How a file is called when it is sent. What is no picture goes as one too: the service looks, and says what it found. */
export function mediaType(file, sent) {
  const known = Object.values(TYPES).includes(sent.type) ? sent.type : TYPES[file.name?.split(".").pop().toLowerCase()];
  return known ?? "image/jpeg";
}
