// The tab of one photo: take it in, ask, show the answer.

import { localize, Problem } from "./api.js";
import { asGeojson, coordinates, showCandidates, showNotices, showProblem, showTimings, showVerdict } from "./answer.js";
import { compare } from "./compare.js";
import { readExif } from "./exif.js";
import { distanceM } from "./geodesy.js";
import { bytes, t } from "./messages.js";
import { Settings } from "./settings.js";
import { fitting, mediaType } from "./shrink.js";

const $ = (id) => document.getElementById(id);
const USUAL_FOV_DEG = 70; // what the service takes where nothing is known

export class PhotoTab {
  constructor(map, info) {
    this.map = map;
    this.info = info;
    this.file = this.bitmap = this.answer = this.truth = this.running = null;
    this.chosen = 1;
    this.settings = new Settings(map, () => this.file && this.locate());
    this.listen();
  }

  listen() {
    $("choose").addEventListener("click", () => $("file").click());
    $("camera").addEventListener("click", () => $("camera-file").click());
    for (const id of ["file", "camera-file"]) {
      $(id).addEventListener("change", (event) => { this.take(event.target.files[0]); event.target.value = ""; });
    }
    for (const name of ["dragover", "dragleave", "drop"]) {
      document.addEventListener(name, (event) => {
        event.preventDefault();
        $("drop").classList.toggle("over", name === "dragover");
        if (name === "drop" && !$("panel-photo").hidden) this.take(event.dataTransfer.files[0]);
      });
    }
    document.addEventListener("paste", (event) => this.take([...(event.clipboardData?.files ?? [])][0]));
    document.addEventListener("language", () => this.showText());
    document.addEventListener("key-kept", () => this.file && !this.answer && this.locate());
    $("preview").addEventListener("error", () => { $("preview").hidden = true; });
    $("locate").addEventListener("click", () => this.locate());
    $("as-panorama-button").addEventListener("click", () => this.asPanorama());
    $("turned").addEventListener("change", () => this.compare());
    $("attention").addEventListener("change", () => this.locate(false));
    $("copy-coordinates").addEventListener("click", () => this.copy(coordinates(this.answer.position ?? this.answer.candidates[0])));
    $("copy-geojson").addEventListener("click", () => this.copy(JSON.stringify(asGeojson(this.answer), null, 1)));
    $("copy-curl").addEventListener("click", () => this.copy(this.curl()));
  }

  clicked(lonLat) {
    this.settings.clicked(lonLat);
  }

  indexChanged() {
    if (this.file) this.locate();
  }

  show() {
    this.draw(true);
  }

  hide() {
    this.map.clearAnswer();
    this.map.showPrior(null);
  }

  /** Take a photo in. `told` is what is known of a sample: fields and its true place. */
  async take(file, told = null) {
    if (!file) return;
    this.file = file;
    this.truth = told?.truth ?? null;
    this.bitmap = this.answer = null;
    this.settings.begin(await readExif(file), told?.fields);
    URL.revokeObjectURL($("preview").src);
    $("preview").src = URL.createObjectURL(file);
    $("preview").hidden = false;
    $("preview").alt = t("preview_alt", { name: file.name || "" });
    $("banner").open = false;
    $("locate").disabled = false;
    document.body.dataset.photo = told ? "sample" : "own";
    await this.locate();
  }

  asPanorama() {
    $("projection").value = "panorama";
    return this.locate();
  }

  /** Ask, and show the answer; `fit` moves the map to it. */
  async locate(fit = true) {
    this.running?.abort();
    const running = (this.running = new AbortController());
    this.busy(true);
    $("problem").hidden = true;
    try {
      const { photo, bitmap, shrunk } = await fitting(this.file, this.info.limits);
      if (running.signal.aborted) return;
      this.bitmap = bitmap;
      this.settings.seen(bitmap);
      const started = performance.now();
      const answer = await localize(photo, mediaType(this.file, photo), this.fields(shrunk), running.signal);
      if (running.signal.aborted) return;
      this.roundTripMs = performance.now() - started;
      this.answer = answer;
      this.chosen = 1;
      this.draw(fit);
      if (fit && matchMedia("(max-width: 820px)").matches) $("verdict").scrollIntoView({ block: "end" });
    } catch (error) {
      if (error.name === "AbortError" || running.signal.aborted) return;
      this.failed(error);
    } finally {
      if (this.running === running) this.busy(false);
    }
  }

  fields(sayFov) {
    return { ...this.settings.fields(sayFov), include: $("attention").checked ? "attention" : null };
  }

  failed(error) {
    this.answer = null;
    this.map.clearAnswer();
    this.showText();
    const problem = error instanceof Problem ? error : { code: "page_failed", title: String(error), message: String(error) };
    showProblem($("problem"), problem, () => this.locate());
  }

  busy(on) {
    for (const id of ["drop", "locate"]) {
      if (on) $(id).setAttribute("aria-busy", "true");
      else $(id).removeAttribute("aria-busy");
    }
    this.isBusy = on;
    this.showDrop();
  }

  showDrop() {
    if (!this.file) return;
    const name = `${this.file.name || t("pasted")}, ${bytes(this.file.size)}`;
    $("drop-text").textContent = this.isBusy ? t("locating") : name;
  }

  /** Field of view that the answer was given for. */
  get fovDeg() {
    const known = this.settings.fovDeg;
    if (known !== undefined) return known;
    const assumed = this.answer?.notices.some((notice) => notice.code.startsWith("fov_"));
    const wide = this.bitmap && this.bitmap.width >= 1.9 * this.bitmap.height;
    return wide && !assumed ? 360 : USUAL_FOV_DEG;
  }

  /** Twice as wide as high, and nothing said what it is: a guess that only a person may take. */
  get mayBePanorama() {
    const assumed = this.answer?.notices.some((notice) => notice.code === "fov_assumed");
    return Boolean(assumed && this.bitmap && this.bitmap.width >= 1.9 * this.bitmap.height);
  }

  get candidate() {
    return this.answer?.candidates.find((each) => each.rank === this.chosen);
  }

  get headingDeg() {
    return this.candidate?.heading_deg ?? this.answer?.heading?.deg ?? this.settings.headingDeg;
  }

  /** Draw the answer on the map, and beside it. */
  draw(fit = false) {
    this.settings.setPrior(this.settings.prior, this.settings.radiusM);
    if (this.answer) {
      this.map.showAnswer(this.answer, (rank) => this.choose(rank));
      if (this.truth) this.map.showTruth([this.truth.lon, this.truth.lat], t("true_place"));
      this.map.choose(this.answer, this.chosen, this.headingDeg, this.fovDeg);
      if (fit) this.map.fitAnswer(this.answer, this.truth);
    }
    this.showText();
    this.compare();
  }

  showText() {
    $("answer").hidden = $("times").hidden = !this.answer;
    this.showDrop();
    if (!this.answer) return;
    showVerdict($("verdict"), this.answer, this.away);
    showCandidates($("candidates"), this.answer, this.chosen, (rank) => this.choose(rank));
    $("copies").hidden = $("candidates-title").hidden = !this.answer.candidates.length;
    showNotices($("notices"), this.answer.notices);
    $("as-panorama").hidden = !this.mayBePanorama;
    showTimings(this.answer.timings_ms, this.roundTripMs);
    $("copied").textContent = "";
  }

  /** Metres from the first candidate to the true place, where that is known. */
  get away() {
    const first = this.answer.candidates[0];
    return this.truth && first ? distanceM([first.lon, first.lat], [this.truth.lon, this.truth.lat]) : undefined;
  }

  choose(rank) {
    this.chosen = rank;
    showCandidates($("candidates"), this.answer, rank, (other) => this.choose(other));
    this.map.choose(this.answer, rank, this.headingDeg, this.fovDeg);
    this.map.reveal(this.candidate);
    this.compare();
  }

  compare() {
    const index = this.info.indexes.find((each) => each.name === this.answer?.search.index);
    const attention = this.chosen === 1 && $("attention").checked ? this.answer?.attention : undefined;
    return compare(this.bitmap, this.candidate, index, this.headingDeg, attention);
  }

  curl() {
    const query = new URLSearchParams(Object.entries(this.fields(false)).filter(([, value]) => value));
    const url = new URL(`localize?${query}`, location.href).href;
    return `curl -H 'Content-Type: ${mediaType(this.file, this.file)}' -H "Authorization: Bearer $SKYFIX_KEY" --data-binary @photo '${url}'`;
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
