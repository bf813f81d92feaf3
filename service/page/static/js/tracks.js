// Tracks out of GPX and GeoJSON, as the fixes of POST /correct.

/** Fixes of a text. Raises SyntaxError where it is neither. */
export function fixesOf(text) {
  return (/^\s*</.test(text) ? fromGpx(text) : fromGeojson(JSON.parse(text))).filter(({ lat, lon }) => Math.abs(lat) <= 90 && Math.abs(lon) <= 180);
}

function fromGpx(text) {
  const tree = new DOMParser().parseFromString(text, "application/xml");
  return [...tree.getElementsByTagNameNS("*", "trkpt")].map((each) => {
    const child = (name) => each.getElementsByTagNameNS("*", name)[0]?.textContent.trim();
    const fix = { lat: parseFloat(each.getAttribute("lat")), lon: parseFloat(each.getAttribute("lon")) };
    if (child("time")) fix.timestamp = zoned(child("time"));
    if (Number(child("accuracy")) > 0) {
      const percentile = each.getElementsByTagNameNS("*", "accuracy")[0].getAttribute("percentile");
      Object.assign(fix, { accuracy_m: Number(child("accuracy")), accuracy_percentile: percentile === "95" ? 95 : 68 });
    }
    if (Number(child("speed")) >= 0) fix.speed_mps = Number(child("speed"));
    if (Number(child("course")) >= 0) fix.heading_deg = Number(child("course")) % 360;
    return fix;
  });
}

function fromGeojson(given) {
  const features = given.type === "FeatureCollection" ? given.features : [given];
  return features.flatMap((each) => {
    const { type, coordinates } = each.geometry ?? each;
    if (type === "Point") return [fix(coordinates, each.properties?.time)];
    const times = each.properties?.coordTimes ?? each.properties?.coordinateProperties?.times ?? [];
    if (type === "LineString") return coordinates.map((place, number) => fix(place, times[number]));
    if (type === "MultiLineString") return coordinates.flatMap((line, part) => line.map((place, number) => fix(place, times[part]?.[number])));
    return [];
  });
}

function fix([lon, lat], time) {
  return { lat, lon, ...(typeof time === "string" ? { timestamp: zoned(time) } : {}) };
}

/** A time without a zone is taken for UTC, as GPX has it. */
function zoned(time) {
  return /(Z|[+-]\d\d:?\d\d)$/i.test(time) ? time : `${time}Z`;
}
