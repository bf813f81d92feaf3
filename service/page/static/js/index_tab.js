// The tab of the index: what it covers, from when, how fine, where it looks alike; a click on the map says what is there.

import { Alike } from "./alike.js";
import { getJson } from "./api.js";
import { boundsRing } from "./geodesy.js";
import { point, polygon } from "./features.js";
import { metres, number, t } from "./messages.js";

const $ = (id) => document.getElementById(id);

export class IndexTab {
  constructor(map, info) {
    this.map = map;
    this.info = info;
    this.shown = false;
    this.coverage = this.here = null;
    this.alike = new Alike(map);
    document.addEventListener("language", () => { if (this.shown) { this.showFacts(); this.showHere(); this.alike.showText(); } });
  }

  async show() {
    this.shown = true;
    this.map.fitIndex();
    this.coverage = null;
    this.showFacts();
    try {
      this.coverage = await getJson(`coverage?index=${encodeURIComponent(this.current.name)}`);
      if (!this.shown) return;
      this.map.set("coverage", this.coverage.features);
      this.showFacts();
      await this.alike.show(this.current.name);
      if (!this.shown) this.alike.hide();
    } catch (error) {
      $("index-facts").append(Object.assign(document.createElement("p"), { className: "problem", textContent: error.message }));
    }
  }

  hide() {
    this.shown = false;
    this.here = null;
    this.showHere();
    this.alike.hide();
    for (const source of ["coverage", "tiles", "points", "lines"]) this.map.set(source, []);
  }

  indexChanged() {
    this.hide();
    this.show();
  }

  async clicked([lon, lat]) {
    const query = new URLSearchParams({ lat: lat.toFixed(7), lon: lon.toFixed(7), index: this.current.name });
    this.here = await getJson(`coverage?${query}`).catch((error) => ({ failed: error.message }));
    if (!this.shown) return;
    this.place = [lon, lat];
    this.map.set("points", [point([lon, lat], { colour: "#2d5bd0", radius: 6 })]);
    this.map.set("tiles", this.here.tile ? [polygon(boundsRing(this.here.tile), { chosen: true })] : []);
    this.showHere();
  }

  /** The index that is chosen. */
  get current() {
    const name = $("index-choice").value;
    return this.info.indexes.find((each) => each.name === name) ?? this.info.index;
  }

  showHere() {
    const { here } = this;
    if (here === null) { $("index-here").textContent = t("index_ask"); return; }
    if (here.failed) { $("index-here").textContent = here.failed; return; }
    const radii = Object.entries(here.radius_m_68 ?? {}).sort(([one], [other]) => Number(one) - Number(other));
    const told = [
      t(here.covered ? "here_covered" : "here_not_covered"),
      here.captured && t("here_captured", { captured: here.captured }),
      here.resolution_m && t("here_resolution", { resolution: number(here.resolution_m, 2) }),
      radii.length && t("here_radii", { radii: radii.map(([fov, radius]) => `${number(Number(fov))}°: ${metres(radius)}`).join(", ") }),
      this.alike.at(this.place),
    ];
    $("index-here").textContent = told.filter(Boolean).join(" ");
  }

  showFacts() {
    const [index, coverage, waiting] = [this.current, this.coverage, this.coverage ? t("unknown") : "…"];
    const rows = [
      ["fact_index", index.name],
      ["fact_model", index.model],
      ["fact_tiles", number(index.tiles)],
      ["fact_area", coverage ? `${number(coverage.area_km2, coverage.area_km2 < 10 ? 2 : 0)} km²` : waiting],
      ["fact_captured", coverage?.captured?.length ? dates(coverage.captured) : waiting],
      ["fact_resolution", coverage?.resolution_m ? t("resolution", { resolution: number(coverage.resolution_m, 2) }) : waiting],
      ["fact_licence", index.licence || t("unknown")],
      ["fact_attribution", index.attribution || t("unknown")],
      ["fact_model_label", this.info.model.label],
      ["fact_provider", index.provider],
      ["fact_version", this.info.version],
    ];
    const list = Object.assign(document.createElement("dl"), { className: "facts" });
    for (const [key, value] of rows) {
      list.append(Object.assign(document.createElement("dt"), { textContent: t(key) }));
      list.append(Object.assign(document.createElement("dd"), { textContent: value }));
    }
    const title = Object.assign(document.createElement("h2"), { textContent: t("index_title") });
    $("index-facts").replaceChildren(title, list);
  }
}

function dates(captured) {
  return captured.length > 3 ? `${captured[0]} … ${captured.at(-1)}` : captured.join(", ");
}
