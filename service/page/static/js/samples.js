// The gallery of sample photos that a demo brings: each with what is told of it and where it was really taken.

import { ask } from "./api.js";
import { t } from "./messages.js";

const $ = (id) => document.getElementById(id);

export async function offerSamples(photoTab) {
  const list = await ask("samples/list").then((response) => response.json()).catch(() => ({ samples: [] }));
  if (!list.samples.length) return;
  const items = await Promise.all(list.samples.map((sample) => offered(sample, photoTab)));
  $("sample-list").replaceChildren(...items.filter(Boolean));
  $("samples").hidden = false;
  document.addEventListener("language", () => label(list.samples));
  label(list.samples);
}

async function offered(sample, photoTab) {
  const response = await ask(`samples/${encodeURIComponent(sample.file)}`).catch(() => null);
  if (response === null) return null;
  const blob = await response.blob();
  const button = document.createElement("button");
  button.append(Object.assign(new Image(), { src: URL.createObjectURL(blob), alt: "" }));
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    for (const other of $("sample-list").querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
    button.scrollIntoView({ block: "nearest", inline: "center" });
    photoTab.take(new File([blob], sample.file, { type: blob.type }), sample);
  });
  const item = document.createElement("li");
  item.dataset.file = sample.file;
  item.append(button);
  return item;
}

/** What is told of each, in the reader's language: kind of photo, heading, rough place. */
function label(samples) {
  for (const item of $("sample-list").children) {
    const { fields } = samples.find((each) => each.file === item.dataset.file);
    const kind = fields.projection === "panorama" ? t("sample_panorama") : t("sample_photo", { fov: fields.fov_deg ?? "?" });
    const heading = fields.heading_deg === undefined ? t("sample_heading_unknown") : t("sample_heading_given");
    const told = [kind, heading, ...(fields.lat === undefined ? [] : [t("sample_prior")])].join(", ");
    const button = item.querySelector("button");
    button.setAttribute("aria-label", `${item.dataset.file}: ${told}`);
    button.title = told;
  }
}
