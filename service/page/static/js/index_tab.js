// The tab of the index: what it covers, from when, how fine, and where its places look alike.

import { getJson } from "./api.js";
import { number, t } from "./messages.js";

const $ = (id) => document.getElementById(id);

export class IndexTab {
  constructor(map, info) {
    this.map = map;
    this.info = info;
    this.shown = false;
    document.addEventListener("language", () => this.shown && this.facts());
  }

  async show() {
    this.shown = true;
    this.facts();
    try {
      const coverage = await getJson(`coverage?index=${encodeURIComponent(this.current.name)}`);
      this.map.set("coverage", coverage.features);
      this.facts(coverage);
    } catch (error) {
      $("index-facts").append(Object.assign(document.createElement("p"), { className: "note", textContent: error.message }));
    }
  }

  hide() {
    this.shown = false;
    this.map.set("coverage", []);
  }

  get current() {
    const name = $("index-choice").value;
    return this.info.indexes.find((each) => each.name === name) ?? this.info.index;
  }

  facts(coverage = null) {
    const index = this.current;
    const rows = [
      ["fact_index", index.name],
      ["fact_model", index.model],
      ["fact_tiles", number(index.tiles)],
      ["fact_area", coverage ? `${number(coverage.area_km2, coverage.area_km2 < 10 ? 2 : 0)} km²` : "…"],
      ["fact_captured", coverage ? coverage.captured?.join(", ") || t("unknown") : "…"],
      ["fact_resolution", coverage?.resolution_m ? `${number(coverage.resolution_m, 2)} m` : "…"],
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
