// What is known of a photo: the fields of the form, and the flat parameters of POST /localize that they become.

import { fovOf } from "./exif.js";
import { metres, number, t } from "./messages.js";

const $ = (id) => document.getElementById(id);
const ASKS = ["projection", "fov", "fov-auto", "heading", "heading-accuracy", "prior-radius", "top-k"];

export class Settings {
  /** `onChange` is called when somebody has changed what is asked, not while a slider is drawn. */
  constructor(map, onChange) {
    this.map = map;
    this.onChange = onChange;
    this.exif = {};
    this.prior = null;
    $("fov").addEventListener("input", () => { $("fov-auto").checked = false; this.showFov(); });
    $("fov-auto").addEventListener("change", () => this.showFov());
    $("prior-pick").addEventListener("click", () => this.pick(!this.isPicking));
    $("prior-exif").addEventListener("click", () => this.changePrior([this.exif.lon, this.exif.lat], this.exif.accuracyM ?? 50));
    $("prior-clear").addEventListener("click", () => this.changePrior(null));
    $("prior-radius").addEventListener("input", () => this.setPrior(this.prior, this.radiusM));
    for (const id of ASKS) $(id).addEventListener("change", onChange);
    document.addEventListener("language", () => this.show());
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.pick(false));
    this.show();
  }

  get isPicking() {
    return $("prior-pick").getAttribute("aria-pressed") === "true";
  }

  get radiusM() {
    return Math.max(1, Number($("prior-radius").value) || 100);
  }

  get headingDeg() {
    return $("heading").value === "" ? undefined : Number($("heading").value);
  }

  /** Field of view as far as it is known before the service is asked. */
  get fovDeg() {
    if ($("projection").value === "panorama") return 360;
    return $("fov-auto").checked ? this.exif.fovDeg : Number($("fov").value);
  }

  pick(on) {
    $("prior-pick").setAttribute("aria-pressed", String(on));
    this.map.crosshair(on);
    this.showPrior();
  }

  clicked(lonLat) {
    if (!this.isPicking) return;
    this.pick(false);
    this.changePrior(lonLat, this.radiusM);
  }

  changePrior(lonLat, radiusM) {
    this.setPrior(lonLat, radiusM);
    this.onChange();
  }

  setPrior(lonLat, radiusM = 100) {
    this.prior = lonLat;
    if (lonLat && Number($("prior-radius").value) !== radiusM) $("prior-radius").value = String(Math.round(radiusM));
    $("prior-clear").hidden = lonLat === null;
    this.map.showPrior(lonLat, radiusM);
    this.showPrior();
  }

  showPrior() {
    const told = this.prior && t("prior_told", { lat: this.prior[1].toFixed(5), lon: this.prior[0].toFixed(5), radius: metres(this.radiusM) });
    $("prior-told").textContent = this.isPicking ? t("prior_picking") : (told ?? "");
  }

  showFov() {
    const told = this.exif.fovDeg ? `${number(this.exif.fovDeg)}° (EXIF)` : t("fov_auto_short");
    $("fov-out").textContent = $("fov-auto").checked ? told : `${$("fov").value}°`;
  }

  show() {
    this.showFov();
    this.showPrior();
  }

  /** Begin with a photo: what its EXIF says, and the flat fields that are told of a sample; others are forgotten. */
  begin(exif, fields = {}) {
    this.exif = exif;
    $("prior-exif").disabled = exif.lat === undefined;
    $("projection").value = fields.projection ?? "";
    $("fov-auto").checked = fields.fov_deg === undefined;
    if (fields.fov_deg !== undefined) $("fov").value = fields.fov_deg;
    $("heading").value = fields.heading_deg ?? "";
    $("heading-accuracy").value = fields.heading_accuracy_deg ?? "";
    const place = fields.lat === undefined ? null : [Number(fields.lon), Number(fields.lat)];
    this.setPrior(place, Number(fields.accuracy_m ?? 100) * (fields.accuracy_percentile === "68" ? 1.62 : 1));
    this.showFov();
  }

  /** The photo was decoded: now its EXIF focal length is an angle. */
  seen(bitmap) {
    if (bitmap && this.exif.focal35mm) this.exif.fovDeg = fovOf(this.exif.focal35mm, bitmap);
    this.showFov();
  }

  /** Flat fields; `sayFov` where the photo that is sent has lost its EXIF. */
  fields(sayFov) {
    const auto = $("fov-auto").checked;
    const heading = $("heading").value;
    return {
      top_k: $("top-k").value,
      projection: $("projection").value,
      fov_deg: auto ? (sayFov && $("projection").value !== "panorama" ? this.exif.fovDeg?.toFixed(2) : null) : $("fov").value,
      heading_deg: heading,
      heading_accuracy_deg: heading && $("heading-accuracy").value,
      ...(this.prior && { lat: this.prior[1].toFixed(7), lon: this.prior[0].toFixed(7), accuracy_m: this.radiusM, accuracy_percentile: 95 }),
      index: $("index-choice").value,
    };
  }
}
