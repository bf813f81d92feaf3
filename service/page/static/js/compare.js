// The photo and the tile of the chosen candidate beside each other; the tile turned so that the photo's heading is up.

import { drawGround } from "./imagery.js";
import { t } from "./messages.js";
import { veil } from "./overlay.js";

const $ = (id) => document.getElementById(id);

/** Draw both; `index` is the member of GET /info that answered, `attention` belongs to the first candidate. */
export async function compare(bitmap, candidate, index, headingDeg, attention) {
  $("compare").hidden = !(bitmap && candidate);
  if ($("compare").hidden) return;
  const canvas = $("compare-photo");
  canvas.height = Math.min(480, Math.max(90, Math.round((canvas.width * bitmap.height) / bitmap.width)));
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  if (attention?.photo) context.drawImage(veil(attention.photo), 0, 0, canvas.width, canvas.height);
  const { id, captured, attribution } = candidate.tile;
  $("compare-caption").textContent = [t("compare_tile", { id }), captured, attribution].filter(Boolean).join(", ");
  $("attention-row").hidden = candidate.rank !== 1;
  $("turned").parentElement.hidden = headingDeg === undefined || !index?.imagery;
  const tile = $("compare-tile");
  tile.hidden = !index?.imagery;
  if (tile.hidden) return;
  const up = $("turned").checked ? (headingDeg ?? 0) : 0;
  await drawGround(tile, index.name, index.imagery, candidate.tile.bounds, up, attention?.tile && veil(attention.tile));
}
