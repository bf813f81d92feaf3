// The tab of a track: a GPX or GeoJSON file and photos go to POST /correct; the answer is drawn and played.

import { ask } from "./api.js";
import { showProblem } from "./answer.js";
import { readExif } from "./exif.js";
import { circle, distanceM } from "./geodesy.js";
import { line, point, polygon } from "./features.js";
import { metres, number, t } from "./messages.js";

const $ = (id) => document.getElementById(id);
const [RAW, CORRECTED, ALARM] = ["#d0524a", "#1f9d76", "#e0a100"];
const [MOST_FIXES, MOST_PHOTOS, MATCH_S] = [1000, 32, 2];

export class TrackTab {
  constructor(map, info) {
    this.map = map;
    this.info = info;
    this.fixes = [];
    this.photos = [];
    this.answer = this.timer = null;
    $("track-gpx").addEventListener("change", (event) => this.takeTrack(event.target.files[0]));
    $("track-photos").addEventListener("change", (event) => this.takePhotos([...event.target.files]));
    $("track-correct").addEventListener("click", () => this.correct());
    $("track-slider").addEventListener("input", () => this.showMoment());
    $("track-play").addEventListener("click", () => this.play());
    $("track-save").addEventListener("click", () => this.save());
    document.addEventListener("language", () => this.answer && this.summarise());
  }

  show() {
    if (this.fixes.length) this.draw();
  }

  hide() {
    this.stop();
    for (const source of ["lines", "points", "ellipses", "prior"]) this.map.set(source, []);
  }

  async takeTrack(file) {
    if (!file) return;
    $("track-problem").hidden = true;
    try {
      const text = await file.text();
      this.fixes = (/^\s*</.test(text) ? fromGpx(text) : fromGeojson(JSON.parse(text))).slice(0, MOST_FIXES);
    } catch {
      this.fixes = [];
    }
    if (!this.fixes.length) showProblem($("track-problem"), { code: "track_unreadable", title: t("problem_track_unreadable") });
    this.answer = null;
    $("track-answer").hidden = true;
    $("track-correct").disabled = !this.fixes.length;
    this.draw(true);
  }

  async takePhotos(files) {
    const read = await Promise.all(files.map(async (file) => ({ file, ...(await readExif(file)) })));
    this.photos = read.filter((photo) => photo.takenAt).slice(0, MOST_PHOTOS);
    if (this.photos.length < files.length) {
      showProblem($("track-problem"), { code: "photos_without_time", title: t("photos_left_out", { count: files.length - this.photos.length }) });
    }
  }

  async correct() {
    $("track-problem").hidden = true;
    $("track-correct").setAttribute("aria-busy", "true");
    const form = new FormData();
    const fixes = this.fixes.map((fix) => ({ device_id: "page", ...fix }));
    this.photos.forEach((photo, number) => {
      const taken = Date.parse(photo.takenAt);
      const nearest = fixes.reduce((best, fix) => (away(fix, taken) < away(best, taken) ? fix : best));
      if (away(nearest, taken) > MATCH_S * 1000 || nearest.image) return;
      nearest.image = `part:img${number}`;
      form.append(`img${number}`, photo.file);
    });
    form.append("fixes", new Blob([JSON.stringify({ fixes })], { type: "application/json" }));
    try {
      this.answer = await (await ask("correct", { method: "POST", body: form })).json();
      $("track-answer").hidden = false;
      $("track-slider").max = String(this.answer.corrected.length - 1);
      this.summarise();
      this.draw(true);
      this.showMoment();
    } catch (error) {
      showProblem($("track-problem"), error);
    } finally {
      $("track-correct").removeAttribute("aria-busy");
    }
  }

  summarise() {
    const counts = Object.groupBy(this.answer.corrected, (each) => each.status);
    const told = ["corrected", "kept", "rejected_outlier", "not_localized"].filter((status) => counts[status]);
    $("track-summary").replaceChildren(
      ...told.map((status) => Object.assign(document.createElement("p"), { textContent: `${number(counts[status].length)} × ${t(`fix_${status}`)}` })),
      ...(this.answer.notices ?? []).map((notice) => Object.assign(document.createElement("p"), { className: "note", textContent: notice.detail ?? notice.code })),
    );
  }

  draw(fit = false) {
    const raw = this.fixes.map((fix) => [fix.lon, fix.lat]);
    const lines = raw.length > 1 ? [line(raw, { colour: RAW, width: 2 })] : [];
    const points = [];
    if (this.answer) {
      const fixed = this.answer.corrected.map((each) => [each.position.lon, each.position.lat]);
      lines.push(line(fixed, { colour: CORRECTED, width: 4 }));
      this.answer.corrected.forEach((each, place) => {
        if (each.status === "rejected_outlier") points.push(point(fixed[place], { colour: ALARM }));
      });
    }
    this.map.set("lines", lines);
    this.map.set("points", points);
    if (fit && raw.length) {
      const [lons, lats] = [raw.map((each) => each[0]), raw.map((each) => each[1])];
      this.map.fit([Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)], 60);
    }
  }

  showMoment() {
    const place = Number($("track-slider").value);
    const each = this.answer?.corrected[place];
    if (!each) return;
    const [here, was] = [[each.position.lon, each.position.lat], [this.fixes[place].lon, this.fixes[place].lat]];
    this.map.set("ellipses", each.position.radius_m_95 ? [polygon(circle(here, each.position.radius_m_95), { percentile: 95, colour: CORRECTED })] : []);
    const told = { time: this.fixes[place].timestamp ?? "", status: t(`fix_${each.status}`), moved: metres(each.moved_m ?? distanceM(here, was)) };
    $("track-moment").textContent = t("track_moment", told);
  }

  play() {
    if (this.timer) { this.stop(); return; }
    $("track-play").textContent = t("track_pause");
    const slider = $("track-slider");
    if (slider.value === slider.max) slider.value = "0";
    this.timer = setInterval(() => {
      if (slider.value === slider.max) { this.stop(); return; }
      slider.value = String(Number(slider.value) + 1);
      this.showMoment();
    }, 120);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    $("track-play").textContent = t("track_play");
  }

  save() {
    const coordinates = this.answer.corrected.map((each) => [each.position.lon, each.position.lat]);
    const properties = { coordTimes: this.fixes.map((fix) => fix.timestamp ?? null) };
    const file = new Blob([JSON.stringify({ type: "FeatureCollection", features: [line(coordinates, properties)] })], { type: "application/geo+json" });
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: "corrected.geojson" });
    link.click();
    URL.revokeObjectURL(link.href);
  }
}

function away(fix, timeMs) {
  return fix.timestamp ? Math.abs(Date.parse(fix.timestamp) - timeMs) : Infinity;
}

function fromGpx(text) {
  const tree = new DOMParser().parseFromString(text, "application/xml");
  return [...tree.getElementsByTagNameNS("*", "trkpt")].map((each) => {
    const child = (name) => each.getElementsByTagNameNS("*", name)[0]?.textContent;
    const fix = { lat: Number(each.getAttribute("lat")), lon: Number(each.getAttribute("lon")) };
    if (child("time")) fix.timestamp = child("time").trim();
    if (Number(child("accuracy")) > 0) Object.assign(fix, { accuracy_m: Number(child("accuracy")), accuracy_percentile: 68 });
    if (child("speed")) fix.speed_mps = Number(child("speed"));
    if (child("course")) fix.heading_deg = Number(child("course")) % 360;
    return fix;
  }).filter((fix) => Number.isFinite(fix.lat) && Number.isFinite(fix.lon));
}

function fromGeojson(document_) {
  const features = document_.type === "FeatureCollection" ? document_.features : [document_];
  return features.filter((each) => each.geometry?.type === "LineString").flatMap((each) => {
    const times = each.properties?.coordTimes ?? each.properties?.coordinateProperties?.times ?? [];
    return each.geometry.coordinates.map(([lon, lat], place) => ({ lat, lon, ...(times[place] ? { timestamp: times[place] } : {}) }));
  });
}
