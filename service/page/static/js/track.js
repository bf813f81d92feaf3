// The tab of a track: a GPX or GeoJSON file and photos go to POST /correct; the answer is drawn and played.

import { ask } from "./api.js";
import { showProblem } from "./answer.js";
import { fovOf, readExif } from "./exif.js";
import { circle, distanceM } from "./geodesy.js";
import { line, point, polygon } from "./features.js";
import { metres, number, t } from "./messages.js";
import { fitting } from "./shrink.js";
import { fixesOf } from "./tracks.js";

const $ = (id) => document.getElementById(id);
const [RAW, CORRECTED, ALARM, HERE] = ["#ff5a4f", "#17c48f", "#ffb000", "#2d5bd0"];
const [MOST_FIXES, MOST_PHOTOS, MATCH_S, STEP_MS] = [1000, 32, 2, 150];
const MOST_BYTES = 28e6; // of all photos of a request
const STATUSES = ["corrected", "kept", "rejected_outlier", "not_localized"];

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
    $("track-play").addEventListener("click", () => (this.timer ? this.stop() : this.play()));
    $("track-save").addEventListener("click", () => this.save());
    document.addEventListener("language", () => { this.showTaken(); this.summarise(); this.showMoment(); });
  }

  show() {
    this.draw(true);
    this.showMoment();
  }

  hide() {
    this.stop();
    for (const source of ["lines", "points", "ellipses"]) this.map.set(source, []);
  }

  async takeTrack(file) {
    if (!file) return;
    $("track-problem").hidden = true;
    try {
      this.fixes = fixesOf(await file.text());
    } catch {
      this.fixes = [];
    }
    if (!this.fixes.length) showProblem($("track-problem"), { code: "track_unreadable" });
    this.forget();
  }

  async takePhotos(files) {
    const read = await Promise.all(files.map(async (file) => ({ file, ...(await readExif(file)) })));
    this.given = read.length;
    this.photos = read.filter((photo) => photo.takenAt);
    this.forget();
  }

  /** The answer, if any, was to another question. */
  forget() {
    this.left = Math.max(0, this.fixes.length - MOST_FIXES);
    this.fixes = this.fixes.slice(0, MOST_FIXES);
    this.matched = matched(this.fixes, this.photos);
    this.answer = null;
    $("track-answer").hidden = true;
    $("track-correct").disabled = !this.fixes.length;
    this.showTaken();
    this.draw(true);
  }

  showTaken() {
    const told = [];
    if (this.fixes.length) told.push(t("track_fixes", { count: number(this.fixes.length) }));
    if (this.left) told.push(t("track_too_long", { count: number(this.left) }));
    if (this.given) told.push(t("track_matched", { count: number(this.matched.size), given: number(this.given) }));
    $("track-taken").textContent = told.join(" ");
  }

  async correct() {
    $("track-problem").hidden = true;
    $("track-correct").setAttribute("aria-busy", "true");
    $("track-correct").textContent = t("locating");
    const form = new FormData();
    const fixes = this.fixes.map((fix, place) => ({ device_id: "page", ...fix, ...(this.matched.has(place) ? { image: `part:img${place}` } : {}) }));
    try {
      const limits = { ...this.info.limits, body_bytes: Math.min(this.info.limits.body_bytes, MOST_BYTES / this.matched.size) };
      let fovDeg;
      for (const [place, { file, focal35mm }] of this.matched) {
        const { photo, bitmap, shrunk } = await fitting(file, limits);
        if (shrunk && focal35mm) fovDeg ??= fovOf(focal35mm, bitmap); // its EXIF is lost
        form.append(`img${place}`, photo, file.name);
      }
      const projection = $("track-projection").value || undefined;
      const camera = { projection, fov_deg: projection === "panorama" ? undefined : fovDeg };
      form.append("fixes", JSON.stringify({ fixes, search: { index: $("index-choice").value }, camera }));
      this.answer = await (await ask("correct", { method: "POST", body: form })).json();
      $("track-answer").hidden = false;
      $("track-slider").max = String(this.answer.corrected.length - 1);
      $("track-slider").value = "0";
      this.summarise();
      this.draw(true);
      this.showMoment();
    } catch (error) {
      showProblem($("track-problem"), error, () => this.correct());
    } finally {
      $("track-correct").removeAttribute("aria-busy");
      $("track-correct").textContent = t("track_correct");
    }
  }

  summarise() {
    if (!this.answer) return;
    const count = (status) => this.answer.corrected.filter((each) => each.status === status).length;
    const told = STATUSES.filter(count).map((status) => `${number(count(status))} ${t(`fix_${status}`)}`);
    const notes = (this.answer.notices ?? []).map((notice) => notice.detail ?? notice.code);
    $("track-summary").replaceChildren(
      ...told.map((text, place) => paragraph(place ? "" : "name", text)),
      ...notes.map((text) => paragraph("note", text)),
    );
  }

  placeOf(number_) {
    const each = this.answer.corrected[number_];
    const { lon, lat } = each.position ?? this.fixes[number_];
    return [lon, lat];
  }

  draw(fit = false) {
    const raw = this.fixes.map((fix) => [fix.lon, fix.lat]);
    const lines = raw.length > 1 ? [line(raw, { colour: RAW, width: 2 })] : [];
    if (this.answer) lines.push(line(raw.map((_, place) => this.placeOf(place)), { colour: CORRECTED, width: 4 }));
    this.map.set("lines", lines);
    this.map.set("points", this.alarms());
    if (fit && raw.length) {
      const [lons, lats] = [raw.map((each) => each[0]), raw.map((each) => each[1])];
      this.map.fit([Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)], 60);
    }
  }

  alarms() {
    const rejected = (this.answer?.corrected ?? []).filter((each) => each.status === "rejected_outlier");
    return rejected.map((each) => point([this.fixes[each.index].lon, this.fixes[each.index].lat], { colour: ALARM, radius: 4 }));
  }

  showMoment() {
    if (!this.answer) return;
    const place = Number($("track-slider").value);
    const each = this.answer.corrected[place];
    const [here, was] = [this.placeOf(place), [this.fixes[place].lon, this.fixes[place].lat]];
    const radius = each.position?.radius_m_95;
    this.map.set("ellipses", radius ? [polygon(circle(here, radius), { percentile: 95, colour: CORRECTED })] : []);
    this.map.set("points", [...this.alarms(), point(was, { colour: RAW, radius: 4 }), point(here, { colour: HERE, radius: 7 })]);
    const told = { time: this.fixes[place].timestamp ?? `#${place + 1}`, status: t(`fix_${each.status}`), moved: metres(each.moved_m ?? distanceM(here, was)) };
    $("track-moment").textContent = `${t("track_moment", told)} ${radius ? t("track_within", { radius: metres(radius) }) : ""}`;
    const photo = this.matched.get(place);
    if (photo) {
      URL.revokeObjectURL($("track-photo").src);
      $("track-photo").src = URL.createObjectURL(photo.file);
      $("track-photo").alt = photo.file.name;
    }
    $("track-photo").hidden = !this.matched.size || !$("track-photo").src;
  }

  play() {
    const slider = $("track-slider");
    $("track-play").textContent = t("track_pause");
    if (slider.value === slider.max) slider.value = "0";
    this.timer = setInterval(() => {
      if (slider.value === slider.max) { this.stop(); return; }
      slider.value = String(Number(slider.value) + 1);
      this.showMoment();
    }, STEP_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    $("track-play").textContent = t("track_play");
  }

  save() {
    const coordinates = this.answer.corrected.map((_, place) => this.placeOf(place));
    const properties = { coordTimes: this.fixes.map((fix) => fix.timestamp ?? null) };
    const file = new Blob([JSON.stringify({ type: "FeatureCollection", features: [line(coordinates, properties)] })], { type: "application/geo+json" });
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: "corrected.geojson" });
    link.click();
    URL.revokeObjectURL(link.href);
  }
}

/** Photos by the number of the fix that is nearest in time, one a fix, the first of them that fit in a request. */
function matched(fixes, photos) {
  const found = new Map();
  const times = fixes.map((fix) => Date.parse(fix.timestamp));
  for (const photo of photos) {
    const taken = Date.parse(photo.takenAt);
    const away = times.map((time) => (Number.isNaN(time) ? Infinity : Math.abs(time - taken)));
    const nearest = away.indexOf(Math.min(...away));
    if (away[nearest] <= MATCH_S * 1000 && !found.has(nearest) && found.size < MOST_PHOTOS) found.set(nearest, photo);
  }
  return new Map([...found].sort(([one], [other]) => one - other));
}

function paragraph(className, textContent) {
  return Object.assign(document.createElement("p"), { className, textContent });
}
