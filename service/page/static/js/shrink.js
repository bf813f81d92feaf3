// Photos that are larger than the service takes are scaled down here; what their EXIF said is sent as parameters.

export async function fitting(file, { body_bytes: mostBytes, image_pixels: mostPixels }) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => null);
  if (!bitmap) return { photo: file, bitmap: null, shrunk: false };
  const pixels = bitmap.width * bitmap.height;
  if (file.size <= mostBytes && pixels <= mostPixels) return { photo: file, bitmap, shrunk: false };
  const scale = Math.min(1, Math.sqrt((0.9 * mostPixels) / pixels), 4096 / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  for (const quality of [0.9, 0.8, 0.65]) {
    const photo = await canvas.convertToBlob({ type: "image/jpeg", quality });
    if (photo.size <= mostBytes) return { photo, bitmap, shrunk: true };
  }
  return { photo: file, bitmap, shrunk: false };
}
