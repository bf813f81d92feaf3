// The tab of one photo: take it in, ask, show the answer.

import { localize, Problem } from "./api.js";
import { asGeojson, coordinates, showCandidates, showNotices, showProblem, showTimings, showVerdict, statusOf } from "./answer.js";
import { readExif } from "./exif.js";
import { distanceM } from "./geodesy.js";
import { drawGround } from "./imagery.js";
import { metres, number, t } from "./messages.js";
import { fitting } from "./shrink.js";

const $ = (id) => document.getElementById(id);

export class PhotoTab {
  constructor(map, info) {
    this.map = map;
    this.info = info;
    this.file = this.answer = this.truth = this.prior = this.running = null;
    this.exif = {};
    this.chosen = 1;
    this.listen();
    this.showFov();
  }

  listen() {
    const drop = $("drop");
    $("choose").addEventListener("click", () => $("file").click());
    $("camera").addEventListener("click", () => $("camera-file").click());
    for (const id of ["file", "camera-file"]) $(id).addEventListener("change", (event) => this.take(event.target.files[0]));
    for (const name of ["dragover", "dragleave", "drop"]) {
      document.addEventListener(name, (event) => {
        event.preventDefault();
        drop.classList.toggle("over", name === "dragover");
        if (name === "drop") this.take(event.dataTransfer.files[0]);
      });
    }
    document.addEventListener("paste", (event) => this.take([...(event.clipboardData?.files ?? [])][0]));
    document.addEventListener("language", () => this.render());
    $("fov").addEventListener("input", () => { $("fov-auto").checked = false; this.showFov(); });
    $("fov-auto").addEventListener("change", () => this.showFov());
    $("prior-pick").addEventListener("click", () => this.picking(!this.isPicking));
    $("prior-exif").addEventListener("click", () => this.setPrior([this.exif.lon, this.exif.lat], this.exif.accuracyM ?? 50));
    $("prior-clear").addEventListener("click", () => this.setPrior(null));
    $("prior-radius").addEventListener("input", () => this.prior && this.map.showPrior(this.prior, this.priorRadius));
    $("locate").addEventListener("click", () => this.locate());
    for (const id of ["turned", "attention"]) $(id).addEventListener("change", () => this.compare());
    $("copy-coordinates").addEventListener("click", () => this.copy(coordinates(this.answer.position ?? this.answer.candidates[0])));
    $("copy-geojson").addEventListener("click", () => this.copy(JSON.stringify(asGeojson(this.answer), null, 1)));
    $("copy-curl").addEventListener("click", () => this.copy(this.curl()));
  }

  get isPicking() {
    return $("prior-pick").getAttribute("aria-pressed") === "true";
  }

  get priorRadius() {
    return Math.max(1, Number($("prior-radius").value) || 100);
  }

  get fovDeg() {
    if (!$("fov-auto").checked) return Number($("fov").value);
    const told = this.answer?.notices.find((notice) => notice.code === "fov_from_exif");
    if ($("projection").value === "panorama") return 360;
    return told ? (this.exif.fovDeg ?? 70) : (this.exif.fovDeg ?? 70);
  }

  picking(on) {
    $("prior-pick").setAttribute("aria-pressed", String(on));
    this.map.map.getCanvas().style.cursor = on ? "crosshair" : "";
  }

  clicked(lonLat) {
    if (!this.isPicking) return;
    this.picking(false);
    this.setPrior(lonLat, this.priorRadius);
  }

  setPrior(lonLat, radiusM = 100) {
    this.prior = lonLat;
    if (lonLat) $("prior-radius").value = String(Math.round(radiusM));
    $("prior-clear").hidden = lonLat === null;
    this.map.showPrior(lonLat, radiusM);
  }

  showFov() {
    const auto = $("fov-auto").checked;
    const told = this.exif.fovDeg ? `${number(this.exif.fovDeg)}° (EXIF)` : t("fov_auto_short");
    $("fov-out").textContent = auto ? told : `${$("fov").value}°`;
  }

  /** Take a photo in. `told` is what is known of a sample: fields and its true place. */
  async take(file, told = null) {
    if (!file) return;
    this.file = file;
    this.truth = told?.truth ?? null;
    this.exif = await readExif(file);
    this.bitmap = null;
    $("preview").src = URL.createObjectURL(file);
    $("preview").hidden = false;
    $("preview").alt = t("preview_alt", { name: file.name || "" });
    $("drop-text").textContent = `${file.name || t("pasted")}, ${number(file.size / 1e6, 1)} MB`;
    $("prior-exif").disabled = this.exif.lat === undefined;
    $("locate").disabled = false;
    if (told) this.fill(told.fields);
    this.showFov();
    await this.locate();
  }

  /** Fill in the settings from the flat fields of a sample. */
  fill(fields) {
    $("projection").value = fields.projection ?? "";
    $("fov-auto").checked = fields.fov_deg === undefined;
    if (fields.fov_deg !== undefined) $("fov").value = fields.fov_deg;
    $("heading").value = fields.heading_deg ?? "";
    $("heading-accuracy").value = fields.heading_accuracy_deg ?? "";
    this.setPrior(fields.lat === undefined ? null : [Number(fields.lon), Number(fields.lat)], Number(fields.accuracy_m ?? 100));
  }

  fields() {
    const heading = $("heading").value;
    const auto = $("fov-auto").checked;
    const shrunkFov = this.shrunk && auto ? this.exif.fovDeg : undefined;
    const fov = auto ? shrunkFov : $("fov").value;
    return {
      top_k: $("top-k").value || null,
      projection: $("projection").value || null,
      fov_deg: $("projection").value === "panorama" && auto ? null : (fov ?? null),
      heading_deg: heading || null,
      heading_accuracy_deg: (heading && $("heading-accuracy").value) || null,
      lat: this.prior ? this.prior[1].toFixed(7) : null,
      lon: this.prior ? this.prior[0].toFixed(7) : null,
      accuracy_m: this.prior ? this.priorRadius : null,
      accuracy_percentile: this.prior ? 95 : null,
      index: $("index-choice").value || null,
    };
  }

  async locate() {
    this.running?.abort();
    const running = (this.running = new AbortController());
    $("problem").hidden = true;
    $("locate").setAttribute("aria-busy", "true");
    $("locate").textContent = t("locating");
    try {
      const { photo, bitmap, shrunk } = await fitting(this.file, this.info.limits);
      this.bitmap = bitmap;
      this.shrunk = shrunk;
      const typed = photo.type ? photo : new Blob([photo], { type: "image/jpeg" });
      const started = performance.now();
      const answer = await localize(typed, this.fields(), running.signal);
      if (running.signal.aborted) return;
      this.roundTripMs = performance.now() - started;
      this.answer = answer;
      this.chosen = 1;
      this.render(true);
    } catch (error) {
      if (error.name === "AbortError") return;
      $("answer").hidden = true;
      this.answer = null;
      this.map.clearAnswer();
      showProblem($("problem"), error instanceof Problem ? error : { code: "page_failed", title: String(error), message: String(error) });
    } finally {
      if (this.running === running) {
        $("locate").removeAttribute("aria-busy");
        $("locate").textContent = t("locate");
      }
    }
  }

  render(fresh = false) {
    this.showFov();
    const { answer } = this;
    if (!answer) return;
    $("answer").hidden = false;
    showVerdict($("verdict"), answer);
    showCandidates($("candidates"), answer, this.chosen, (rank) => this.choose(rank));
    showNotices($("notices"), answer.notices);
    showTimings($("timings"), answer.timings_ms, this.roundTripMs);
    for (const id of ["copy-coordinates", "copy-geojson"]) $(id).disabled = !answer.candidates.length;
    if (fresh) {
      if (answer.candidates.length) this.map.showAnswer(answer, this.fovDeg, (rank) => this.choose(rank));
      else this.map.clearAnswer();
      if (this.truth) this.map.showTruth([this.truth.lon, this.truth.lat], t("true_place"));
    }
    this.showTruth();
    this.compare();
  }

  showTruth() {
    const first = this.answer.candidates[0];
    $("truth").hidden = !(this.truth && first);
    if (!this.truth || !first) return;
    const away = distanceM([first.lon, first.lat], [this.truth.lon, this.truth.lat]);
    const key = statusOf(this.answer) === "no_match" ? "truth_no_match" : "truth";
    $("truth").textContent = t(key, { away: metres(away) });
  }

  choose(rank) {
    this.chosen = rank;
    showCandidates($("candidates"), this.answer, rank, (other) => this.choose(other));
    this.map.choose(this.answer, rank, this.fovDeg);
    this.compare();
  }

  /** Photo and tile beside each other; the tile is turned so that the photo's heading is up. */
  async compare() {
    const candidate = this.answer?.candidates.find((each) => each.rank === this.chosen);
    const index = this.info.indexes.find((each) => each.name === this.answer?.search.index);
    $("compare").hidden = !(candidate && this.bitmap);
    if ($("compare").hidden) return;
    const canvas = $("compare-photo");
    const height = Math.round((canvas.width * this.bitmap.height) / this.bitmap.width);
    canvas.height = Math.min(480, Math.max(90, height));
    canvas.getContext("2d").drawImage(this.bitmap, 0, 0, canvas.width, canvas.height);
    const heading = candidate.heading_deg ?? this.answer.heading?.deg ?? 0;
    const up = $("turned").checked ? heading : 0;
    $("compare-caption").textContent = t("compare_tile", { id: candidate.tile.id, captured: candidate.tile.captured ?? "" });
    const tile = $("compare-tile");
    tile.hidden = !index?.imagery;
    if (index?.imagery) await drawGround(tile, index.name, index.imagery, candidate.tile.bounds, up);
  }

  curl() {
    const query = new URLSearchParams(Object.entries(this.fields()).filter(([, value]) => value !== null));
    const url = new URL(`localize?${query}`, location.href).href;
    const type = this.file?.type || "image/jpeg";
    return `curl -H 'Content-Type: ${type}' -H "Authorization: Bearer $SKYFIX_KEY" --data-binary @photo '${url}'`;
  }

  async copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      $("copied").textContent = t("copied");
    } catch {
      $("copied").textContent = text;
    }
  }
}
