// Metres on the ground around a place, in WGS84 degrees. GeoJSON order: [lon, lat].

const CHI_SQUARED = { 68: 2.2788685663767296, 95: 5.991464547107979 }; // -2 ln(1 - p), two degrees of freedom

/** Metres per degree of latitude and of longitude, by the radii of curvature of the ellipsoid. */
export function metresPerDegree(lat) {
  const [a, e2, phi] = [6378137, 0.0066943799901413165, (lat * Math.PI) / 180];
  const w = 1 - e2 * Math.sin(phi) ** 2;
  const perLat = (a * (1 - e2)) / w ** 1.5;
  const perLon = (a * Math.cos(phi)) / Math.sqrt(w);
  return [(perLat * Math.PI) / 180, Math.max(1, (perLon * Math.PI) / 180)];
}

export function offset([lon, lat], eastM, northM) {
  const [perLat, perLon] = metresPerDegree(lat);
  return [lon + eastM / perLon, lat + northM / perLat];
}

export function distanceM([lon1, lat1], [lon2, lat2]) {
  const [perLat, perLon] = metresPerDegree((lat1 + lat2) / 2);
  return Math.hypot((lat2 - lat1) * perLat, (lon2 - lon1) * perLon);
}

/** Ring of the ellipse of a covariance [ee, en, ne, nn] that holds 68 or 95 % of a normal. */
export function ellipse(centre, [ee, en, , nn], percentile, corners = 72) {
  const middle = (ee + nn) / 2;
  const spread = Math.hypot((ee - nn) / 2, en);
  const axes = [Math.sqrt(Math.max(0, middle + spread)), Math.sqrt(Math.max(0, middle - spread))];
  const turn = Math.atan2(2 * en, ee - nn) / 2;
  const scale = Math.sqrt(CHI_SQUARED[percentile]);
  const ring = Array.from({ length: corners }, (_, number) => {
    const angle = (2 * Math.PI * number) / corners;
    const [u, v] = [scale * axes[0] * Math.cos(angle), scale * axes[1] * Math.sin(angle)];
    return offset(centre, u * Math.cos(turn) - v * Math.sin(turn), u * Math.sin(turn) + v * Math.cos(turn));
  });
  return [...ring, ring[0]];
}

/** Ring of what a photo sees: from its place to `reachM`, half a field of view to either side of its heading. */
export function cone(centre, headingDeg, fovDeg, reachM) {
  const half = Math.min(fovDeg, 359) / 2;
  const steps = Math.max(2, Math.ceil(half / 4));
  const arc = Array.from({ length: 2 * steps + 1 }, (_, number) => {
    const angle = ((headingDeg - half + (half * number) / steps) * Math.PI) / 180;
    return offset(centre, reachM * Math.sin(angle), reachM * Math.cos(angle));
  });
  return [centre, ...arc, centre];
}

export function circle(centre, radiusM, corners = 72) {
  return ellipse(centre, [radiusM ** 2 / CHI_SQUARED[95], 0, 0, radiusM ** 2 / CHI_SQUARED[95]], 95, corners);
}

export function boundsRing([w, s, e, n]) {
  return [[w, s], [e, s], [e, n], [w, n], [w, s]];
}
