// Where the places of an index look alike: squares of GET /coverage?aliasing=true, coloured by likeness.

import { getJson } from "./api.js";
import { line } from "./features.js";
import { distanceM } from "./geodesy.js";
import { metres, number, t } from "./messages.js";

const $ = (id) => document.getElementById(id);

export class Alike {
  constructor(map) {
    this.map = map;
    this.found = null;
    $("alike-view").addEventListener("change", () => this.draw());
  }

  /** Ask for the map of an index; many keep none, then nothing is offered. */
  async show(index) {
    this.found = await getJson(`coverage?index=${encodeURIComponent(index)}&aliasing=true`).catch(() => null);
    $("alike").hidden = !this.found?.features.length;
    if ($("alike").hidden) { this.found = null; return; }
    const narrow = this.found.features.some((each) => each.properties.aliasing_90 !== undefined);
    $("alike-view").querySelector("[value=aliasing_90]").hidden = !narrow;
    this.draw();
  }

  hide() {
    this.found = null;
    this.map.set("alike", []);
  }

  /** The property that is shown; empty for coverage. */
  get view() {
    return this.found ? $("alike-view").value : "";
  }

  draw() {
    const { view } = this;
    const shown = view ? this.found.features.filter((each) => each.properties[view] !== undefined) : [];
    this.map.set("alike", shown.map((each) => ({ ...each, properties: { likeness: each.properties[view] } })));
    $("alike-legend").hidden = !view;
    this.map.set("lines", []);
    this.showText();
  }

  showText() {
    if (!this.found) return;
    $("alike-note").textContent = this.view ? t("alike_note", { far: metres(this.found.far_m), sampled: number(this.found.sampled) }) : "";
  }

  /** What is known of the square at a place, with a line to its twin; nothing while coverage is shown. */
  at([lon, lat]) {
    const square = this.view && this.found.features.find(({ geometry }) => holds(geometry.coordinates[0], lon, lat));
    if (!square) { this.map.set("lines", []); return ""; }
    const { twin, [this.view]: likeness } = square.properties;
    const ring = square.geometry.coordinates[0];
    const centre = [(ring[0][0] + ring[2][0]) / 2, (ring[0][1] + ring[2][1]) / 2];
    this.map.set("lines", [line([centre, twin], { colour: "#ffffff", width: 3 })]);
    return t("here_alike", { away: metres(distanceM(centre, twin)), likeness: number(likeness, 2) });
  }
}

function holds(ring, lon, lat) {
  const side = (which) => ring.map((corner) => corner[which]);
  return Math.min(...side(0)) <= lon && lon <= Math.max(...side(0)) && Math.min(...side(1)) <= lat && lat <= Math.max(...side(1));
}
