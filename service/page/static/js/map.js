// The map: the index's own imagery below, tiles, ellipses, cones and markers on it. Nothing comes from another host.

import * as maplibre from "../vendor/maplibre-gl.mjs";
import { headers } from "./api.js";
import { polygon } from "./features.js";
import { boundsRing, circle, cone, ellipse, metresPerDegree } from "./geodesy.js";

const EMPTY = { type: "FeatureCollection", features: [] };
const COLOURS = { localized: "#1f9d76", ambiguous: "#e0a100", no_match: "#d0524a", ranked: "#1f9d76" };
const LAYERS = ["coverage", "tiles", "prior", "cone", "ellipses", "lines", "points"];

maplibre.setWorkerUrl(new URL("../vendor/maplibre-gl-worker.mjs", import.meta.url).href);

export class SkyfixMap {
  constructor(container, onClick) {
    this.markers = [];
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
    this.loaded = new Promise((resolve) => this.map.once("load", resolve)).then(() => this.addLayers());
  }

  addLayers() {
    for (const name of LAYERS) this.map.addSource(name, { type: "geojson", data: EMPTY });
    const add = (id, type, source, paint, filter) => this.map.addLayer({ id, type, source, paint, ...(filter ? { filter } : {}) });
    add("coverage-fill", "fill", "coverage", { "fill-color": "#7a8f86", "fill-opacity": ["coalesce", ["get", "shade"], 0.12] });
    add("coverage-line", "line", "coverage", { "line-color": "#5c7168", "line-width": 1 });
    add("prior-fill", "fill", "prior", { "fill-color": "#3d5a80", "fill-opacity": 0.12 });
    add("prior-line", "line", "prior", { "line-color": "#3d5a80", "line-width": 2, "line-dasharray": [2, 2] });
    add("tiles-line", "line", "tiles", { "line-color": ["case", ["get", "chosen"], "#ff8c42", "#ffffff"], "line-width": ["case", ["get", "chosen"], 3, 1.5] });
    add("cone-fill", "fill", "cone", { "fill-color": "#ffd166", "fill-opacity": 0.35 });
    add("ellipses-fill", "fill", "ellipses", { "fill-color": ["get", "colour"], "fill-opacity": ["case", ["==", ["get", "percentile"], 68], 0.3, 0.14] });
    add("ellipses-line", "line", "ellipses", { "line-color": ["get", "colour"], "line-width": 2 });
    add("lines", "line", "lines", { "line-color": ["get", "colour"], "line-width": ["get", "width"] });
    add("points", "circle", "points", { "circle-radius": 4, "circle-color": ["get", "colour"], "circle-stroke-width": 1, "circle-stroke-color": "#ffffff" });
  }

  /** Lay the imagery of an index below everything; `imagery` is the member of GET /info, or null. */
  async showIndex(name, bounds, imagery, styleUrl) {
    await this.loaded;
    if (styleUrl) await this.useStyle(styleUrl);
    if (this.map.getLayer("imagery")) this.map.removeLayer("imagery");
    if (this.map.getSource("imagery")) this.map.removeSource("imagery");
    if (imagery) {
      const tiles = [`${new URL(".", location.href).href}map/${encodeURIComponent(name)}/{z}/{x}/{y}`];
      this.map.addSource("imagery", { type: "raster", tiles, tileSize: 256, minzoom: imagery.min_zoom, maxzoom: imagery.max_zoom, bounds });
      this.map.addLayer({ id: "imagery", type: "raster", source: "imagery", paint: { "raster-fade-duration": 0 } }, "coverage-fill");
    }
    this.fit(bounds);
  }

  /** Draw an operator's own base map below; its sources and layers go under ours. */
  async useStyle(url) {
    const style = await (await fetch(url)).json();
    for (const [id, source] of Object.entries(style.sources ?? {})) this.map.addSource(`base-${id}`, source);
    for (const layer of style.layers ?? []) {
      const own = { ...layer, id: `base-${layer.id}`, ...(layer.source ? { source: `base-${layer.source}` } : {}) };
      this.map.addLayer(own, "coverage-fill");
    }
  }

  fit([w, s, e, n], padding = 40) {
    this.map.fitBounds([[w, s], [e, n]], { padding, duration: 0, maxZoom: 18.5 });
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
  showAnswer(answer, fovDeg, onChoose) {
    this.clearAnswer();
    const status = answer.status ?? "ranked";
    const first = answer.candidates[0];
    if (!first) return;
    for (const candidate of [...answer.candidates].reverse()) {
      const element = markerElement("marker", String(candidate.rank));
      element.addEventListener("click", (event) => { event.stopPropagation(); onChoose(candidate.rank); });
      this.mark(element, [candidate.lon, candidate.lat]);
    }
    const centre = [first.lon, first.lat];
    const covariance = answer.position?.covariance_enu_m2;
    if (covariance && status !== "no_match") {
      this.set("ellipses", [95, 68].map((percentile) => polygon(ellipse(centre, covariance, percentile), { percentile, colour: COLOURS[status] ?? COLOURS.ranked })));
    }
    this.choose(answer, 1, fovDeg);
    this.fit(boundsOf(status === "localized" ? [first] : answer.candidates, answer.position?.radius_m_95 ?? 60));
  }

  /** Make one candidate the chosen one: its tile and its cone are drawn. */
  choose(answer, rank, fovDeg) {
    this.set("tiles", answer.candidates.map((each) => polygon(boundsRing(each.tile.bounds), { chosen: each.rank === rank })));
    const chosen = answer.candidates.find((each) => each.rank === rank);
    const heading = chosen?.heading_deg ?? (rank === 1 ? answer.heading?.deg : undefined);
    const shown = heading !== undefined && fovDeg < 300;
    this.set("cone", shown ? [polygon(cone([chosen.lon, chosen.lat], heading, fovDeg, 60))] : []);
    for (const { element } of this.marked) element.setAttribute("aria-pressed", String(element.textContent === String(rank)));
  }

  get marked() {
    return this.markers.map((marker) => ({ element: marker.getElement() }));
  }

  mark(element, lonLat) {
    this.markers.push(new maplibre.Marker({ element }).setLngLat(lonLat).addTo(this.map));
  }

  showTruth(lonLat, label) {
    const element = markerElement("marker truth", "✕");
    element.setAttribute("aria-label", label);
    this.mark(element, lonLat);
  }

  showPrior(lonLat, radiusM) {
    this.set("prior", lonLat ? [polygon(circle(lonLat, radiusM))] : []);
  }
}

function markerElement(className, text) {
  const element = document.createElement("button");
  element.className = className;
  element.textContent = text;
  return element;
}

function boundsOf(places, marginM) {
  const [lats, lons] = [places.map((place) => place.lat), places.map((place) => place.lon)];
  const [perLat, perLon] = metresPerDegree(lats[0]);
  const margin = Math.min(Math.max(marginM, 40), 500);
  return [Math.min(...lons) - margin / perLon, Math.min(...lats) - margin / perLat, Math.max(...lons) + margin / perLon, Math.max(...lats) + margin / perLat];
}
