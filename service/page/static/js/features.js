// GeoJSON features in one line each.

export function polygon(ring, properties = {}) {
  return feature("Polygon", [ring], properties);
}

export function line(positions, properties = {}) {
  return feature("LineString", positions, properties);
}

export function point(position, properties = {}) {
  return feature("Point", position, properties);
}

function feature(type, coordinates, properties) {
  return { type: "Feature", geometry: { type, coordinates }, properties };
}
