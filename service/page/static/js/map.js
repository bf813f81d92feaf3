// The map: the index's own imagery below, tiles, ellipses, cones and markers on it. Nothing comes from another host.

import * as maplibre from "../vendor/maplibre-gl.mjs";
import { statusOf } from "./answer.js";
import { headers } from "./api.js";
import { point, polygon } from "./features.js";
import { boundsRing, circle, cone, ellipse, metresPerDegree } from "./geodesy.js";
import { LAYERS, SOURCES } from "./layers.js";

const COLOURS = { localized: "#17c48f", ambiguous: "#ffb000", no_match: "#ff6b60", ranked: "#17c48f" };
const WORLD = [[-180, -85], [180, -85], [180, 85], [-180, 85], [-180, -85]];
const REACH_M = 60;
const CONSIDERED = 0.02; // a place that holds less does not widen the view

maplibre.setWorkerUrl(new URL("../vendor/maplibre-gl-worker.mjs", import.meta.url).href);

export class SkyfixMap {
  constructor(container, onClick) {
    this.markers = [];
    this.box = document.getElementById(container);
    this.map = new maplibre.Map({
      container,
      style: { version: 8, sources: {}, layers: [] },
      attributionControl: false,
      maxZoom: 22,
      transformRequest: (url) => ({ url, headers: new URL(url, location.href).origin === location.origin ? headers() : {} }),
    });
    this.map.addControl(new maplibre.NavigationControl({ visualizePitch: false }), "top-right");
    this.map.addControl(new maplibre.ScaleControl({ maxWidth: 120 }), "bottom-left");
    this.map.on("click", (event) => onClick([event.lngLat.lng, event.lngLat.lat]));
    this.map.on("error", ({ error }) => console.warn(`map: ${error?.message}`));
    this.loaded = new Promise((resolve) => this.map.once("load", resolve)).then(() => this.addLayers());
    for (const happened of [matchMedia("(prefers-color-scheme: dark)"), document]) {
      happened.addEventListener(happened === document ? "theme" : "change", () => this.colour());
    }
  }

  addLayers() {
    for (const name of SOURCES) this.map.addSource(name, { type: "geojson", data: { type: "FeatureCollection", features: [] } });
    for (const layer of LAYERS) this.map.addLayer(layer);
    this.colour();
  }

  /** What lies outside the index has the colour of the page. */
  colour() {
    if (!this.map.getLayer("outside-fill")) return;
    this.map.setPaintProperty("outside-fill", "fill-color", getComputedStyle(document.documentElement).getPropertyValue("--map").trim());
  }

  /** Lay the imagery of an index below everything; `imagery` is the member of GET /info, or null. */
  async showIndex(name, bounds, imagery, styleUrl) {
    await this.loaded;
    if (styleUrl) await this.useStyle(styleUrl).catch((error) => console.warn(`base map: ${error.message}`));
    if (this.map.getLayer("imagery")) this.map.removeLayer("imagery");
    if (this.map.getSource("imagery")) this.map.removeSource("imagery");
    if (imagery) {
      const tiles = [`${new URL(".", location.href).href}map/${encodeURIComponent(name)}/{z}/{x}/{y}`];
      this.map.addSource("imagery", { type: "raster", tiles, tileSize: 256, minzoom: imagery.min_zoom, maxzoom: imagery.max_zoom, bounds });
      this.map.addLayer({ id: "imagery", type: "raster", source: "imagery", paint: { "raster-fade-duration": 0 } }, "outside-fill");
    }
    const masked = imagery && !styleUrl && bounds[0] < bounds[2]; // tiles at the edge hold ground that nobody pictured
    this.set("outside", masked ? [{ ...polygon(WORLD), geometry: { type: "Polygon", coordinates: [WORLD, boundsRing(bounds)] } }] : []);
    this.bounds = bounds;
    this.fit(bounds);
  }

  /** Draw an operator's own base map below; its sources and layers go under ours. */
  async useStyle(url) {
    if (this.map.getStyle().layers.some((layer) => layer.id.startsWith("base-"))) return;
    const style = await (await fetch(url)).json();
    if (style.glyphs) this.map.setGlyphs(style.glyphs);
    if (style.sprite) this.map.setSprite(style.sprite);
    for (const [id, source] of Object.entries(style.sources ?? {})) this.map.addSource(`base-${id}`, source);
    for (const layer of style.layers ?? []) {
      const own = { ...layer, id: `base-${layer.id}`, ...(layer.source ? { source: `base-${layer.source}` } : {}) };
      this.map.addLayer(own, "outside-fill");
    }
  }

  fitIndex() {
    this.fit(this.bounds);
  }

  fit([w, s, e, n], padding = 40) {
    this.map.fitBounds([[w, s], [e < w ? e + 360 : e, n]], { padding, duration: 0, maxZoom: 20 });
  }

  /** Show the places that the answer speaks for, each with its tile, and the true place. */
  fitAnswer({ candidates, position }, truth) {
    const first = candidates[0];
    if (!first) return;
    const boxes = candidates.filter((each) => each === first || (each.probability ?? 1) >= CONSIDERED).map((each) => each.tile.bounds);
    if (truth) boxes.push(around(truth, 5));
    if (position?.radius_m_95) boxes.push(around(position, Math.min(position.radius_m_95, 50)));
    this.fit(this.clipped(union(boxes)));
  }

  /** Without the ground beyond the index, as far as there is any within. */
  clipped([w, s, e, n]) {
    const [west, south, east, north] = this.bounds;
    if (west > east || w >= east || e <= west || s >= north || n <= south) return [w, s, e, n];
    return [Math.max(w, west), Math.max(s, south), Math.min(e, east), Math.min(n, north)];
  }

  reveal({ lat, lon, tile }) {
    if (this.map.getBounds().contains([lon, lat])) return;
    const shown = this.map.getBounds();
    this.fit(this.clipped(union([[shown.getWest(), shown.getSouth(), shown.getEast(), shown.getNorth()], tile.bounds])));
  }

  crosshair(on) {
    this.map.getCanvas().style.cursor = on ? "crosshair" : "";
  }

  set(source, features) {
    this.map.getSource(source)?.setData({ type: "FeatureCollection", features });
  }

  clearAnswer() {
    for (const marker of this.markers) marker.remove();
    this.markers = [];
    for (const source of ["tiles", "cone", "ellipses"]) this.set(source, []);
  }

  /** Draw an answer of POST /localize; `onChoose(rank)` when a marker is chosen. */
  showAnswer(answer, onChoose) {
    this.clearAnswer();
    const status = statusOf(answer);
    this.box.dataset.status = status;
    for (const candidate of [...answer.candidates].reverse()) {
      const element = markerElement("marker", String(candidate.rank));
      element.addEventListener("click", (event) => { event.stopPropagation(); onChoose(candidate.rank); });
      this.mark(element, candidate);
    }
    const { position } = answer;
    if (!position?.covariance_enu_m2 || status === "no_match") return;
    const drawn = (percentile) => polygon(ellipse([position.lon, position.lat], position.covariance_enu_m2, percentile), { percentile, colour: COLOURS[status] });
    this.set("ellipses", [95, 68].map(drawn));
  }

  /** Make one candidate the chosen one: its tile and its cone are drawn; of a panorama a needle. */
  choose(answer, rank, headingDeg, fovDeg) {
    this.set("tiles", answer.candidates.map((each) => polygon(boundsRing(each.tile.bounds), { chosen: each.rank === rank })));
    const chosen = answer.candidates.find((each) => each.rank === rank);
    const seen = fovDeg < 300 ? fovDeg : 3;
    this.set("cone", chosen && headingDeg !== undefined ? [polygon(cone([chosen.lon, chosen.lat], headingDeg, seen, REACH_M))] : []);
    for (const marker of this.markers) {
      const element = marker.getElement();
      if (element.localName === "button") element.setAttribute("aria-pressed", String(element.textContent === String(rank)));
    }
  }

  mark(element, { lon, lat }, anchor = "bottom") {
    this.markers.push(new maplibre.Marker({ element, anchor }).setLngLat([lon, lat]).addTo(this.map));
  }

  showTruth([lon, lat], label) {
    const element = Object.assign(document.createElement("span"), { className: "true-place", textContent: "✕", title: label });
    element.setAttribute("role", "img");
    this.mark(element, { lon, lat }, "center");
    element.setAttribute("aria-label", label); // the library puts its own there
  }

  showPrior(lonLat, radiusM) {
    this.set("prior", lonLat ? [polygon(circle(lonLat, radiusM)), point(lonLat)] : []);
  }
}

function markerElement(className, text) {
  return Object.assign(document.createElement("button"), { className, textContent: text });
}

function around({ lat, lon }, marginM) {
  const [perLat, perLon] = metresPerDegree(lat);
  return [lon - marginM / perLon, lat - marginM / perLat, lon + marginM / perLon, lat + marginM / perLat];
}

function union(boxes) {
  const side = (number, most) => most(...boxes.map((box) => box[number]));
  return [side(0, Math.min), side(1, Math.min), side(2, Math.max), side(3, Math.max)];
}
