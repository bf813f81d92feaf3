// What lies on the map above the imagery, from below to above: GeoJSON sources and how they are painted.

export const SOURCES = ["outside", "coverage", "alike", "prior", "tiles", "cone", "ellipses", "lines", "points"];
const isPoint = ["==", ["geometry-type"], "Point"];
const isChosen = ["get", "chosen"];

export const LAYERS = [
  fill("outside", { "fill-color": "#e4e8e3", "fill-antialias": false }),
  fill("coverage", { "fill-color": "#2f8f7c", "fill-opacity": 0.15 }),
  outline("coverage", { "line-color": "#3fd0b0", "line-width": 1, "line-opacity": 0.7 }),
  fill("alike", { "fill-color": ["interpolate", ["linear"], ["get", "likeness"], 0, "#2c7bb6", 0.25, "#abd9e9", 0.5, "#ffe89a", 0.75, "#f48f4b", 1, "#c4142b"], "fill-opacity": 0.6 }),
  fill("prior", { "fill-color": "#4f7fd0", "fill-opacity": 0.16 }),
  outline("prior", { "line-color": "#2d5bd0", "line-width": 2, "line-dasharray": [2, 2] }),
  { id: "prior-point", type: "circle", source: "prior", filter: isPoint, paint: { "circle-radius": 5, "circle-color": "#2d5bd0", "circle-stroke-width": 2, "circle-stroke-color": "#ffffff" } },
  outline("tiles", { "line-color": ["case", isChosen, "#ff8c42", "#ffffff"], "line-width": ["case", isChosen, 3, 1.2], "line-opacity": ["case", isChosen, 1, 0.75] }),
  fill("cone", { "fill-color": "#ffd166", "fill-opacity": 0.4 }),
  outline("cone", { "line-color": "#ffd166", "line-width": 1.5 }),
  fill("ellipses", { "fill-color": ["get", "colour"], "fill-opacity": ["match", ["get", "percentile"], 68, 0.34, 0.16] }),
  outline("ellipses", { "line-color": ["get", "colour"], "line-width": 2.5 }),
  { id: "lines", type: "line", source: "lines", layout: { "line-join": "round", "line-cap": "round" }, paint: { "line-color": ["get", "colour"], "line-width": ["get", "width"] } },
  { id: "points", type: "circle", source: "points", paint: { "circle-radius": ["get", "radius"], "circle-color": ["get", "colour"], "circle-stroke-width": 1.5, "circle-stroke-color": "#ffffff" } },
];

function fill(source, paint) {
  return { id: `${source}-fill`, type: "fill", source, paint };
}

function outline(source, paint) {
  return { id: `${source}-line`, type: "line", source, paint };
}
