// What the page wants to know of a JPEG before it is sent: position, heading, focal length, time. Broken EXIF is none.

const SIZES = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8 };

export async function readExif(file) {
  try {
    return parse(new DataView(await file.slice(0, 262144).arrayBuffer()));
  } catch {
    return {};
  }
}

/** Horizontal field of view by the 35 mm equivalent, which is defined over the diagonal; as the service reckons it. */
export function fovOf(focal35mm, { width, height }) {
  const halfDiagonal = Math.hypot(36, 24) / 2 / focal35mm;
  return (2 * Math.atan((halfDiagonal * width) / Math.hypot(width, height)) * 180) / Math.PI;
}

function parse(view) {
  if (view.getUint16(0) !== 0xffd8) return {};
  for (let at = 2; view.getUint8(at) === 0xff; at += 2 + view.getUint16(at + 2)) {
    if (view.getUint8(at + 1) === 0xda) break;
    if (view.getUint8(at + 1) === 0xe1 && view.getUint32(at + 4) === 0x45786966) return tiff(view, at + 10);
  }
  return {};
}

function tiff(view, base) {
  const little = view.getUint16(base) === 0x4949;
  const main = directory(view, base, view.getUint32(base + 4, little), little);
  const photo = main[0x8769] ? directory(view, base, main[0x8769], little) : {};
  const gps = main[0x8825] ? directory(view, base, main[0x8825], little) : {};
  const found = {};
  if (Array.isArray(gps[2]) && Array.isArray(gps[4])) {
    found.lat = degrees(gps[2]) * (gps[1] === "S" ? -1 : 1);
    found.lon = degrees(gps[4]) * (gps[3] === "W" ? -1 : 1);
    const sane = Math.abs(found.lat) <= 90 && Math.abs(found.lon) <= 180 && (found.lat !== 0 || found.lon !== 0);
    if (!sane) { delete found.lat; delete found.lon; }
  }
  if (Number.isFinite(gps[31]) && gps[31] > 0) found.accuracyM = gps[31];
  if (gps[16] === "T" && Number.isFinite(gps[17])) found.headingDeg = ((gps[17] % 360) + 360) % 360;
  if (photo[0xa405] >= 4 && photo[0xa405] <= 1200) found.focal35mm = photo[0xa405];
  if (typeof photo[0x9003] === "string") found.takenAt = isoTime(photo[0x9003], photo[0x9011], photo[0x9291]);
  return found;
}

function degrees([whole, minutes = 0, seconds = 0]) {
  return whole + minutes / 60 + seconds / 3600;
}

/** "2026:11:26 10:00:00" and "+09:00" -> "2026-11-26T10:00:00+09:00"; without an offset UTC is assumed. */
function isoTime(text, offset, fraction) {
  const found = /^(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)/.exec(text);
  if (!found) return undefined;
  const zone = /^[+-]\d\d:\d\d$/.test(offset ?? "") ? offset : "Z";
  const part = /^\d{1,6}$/.test(fraction ?? "") ? `.${fraction}` : "";
  return `${found[1]}-${found[2]}-${found[3]}T${found[4]}${part}${zone}`;
}

function directory(view, base, offset, little) {
  const entries = {};
  const count = view.getUint16(base + offset, little);
  for (let number = 0; number < Math.min(count, 200); number += 1) {
    const at = base + offset + 2 + 12 * number;
    const [tag, kind, length] = [view.getUint16(at, little), view.getUint16(at + 2, little), view.getUint32(at + 4, little)];
    const size = SIZES[kind];
    if (!size || length > 512) continue;
    const from = size * length <= 4 ? at + 8 : base + view.getUint32(at + 8, little);
    entries[tag] = value(view, from, kind, length, little);
  }
  return entries;
}

function value(view, from, kind, length, little) {
  if (kind === 2) {
    const bytes = new Uint8Array(view.buffer, view.byteOffset + from, length);
    return String.fromCharCode(...bytes).replace(/\0.*$/s, "").trim();
  }
  const one = (number) => {
    if (kind === 3) return view.getUint16(from + 2 * number, little);
    if (kind === 4) return view.getUint32(from + 4 * number, little);
    if (kind === 5) return view.getUint32(from + 8 * number, little) / view.getUint32(from + 8 * number + 4, little);
    return view.getUint8(from + number);
  };
  return length === 1 ? one(0) : Array.from({ length }, (_, number) => one(number));
}
