// The gallery of sample photos that a demo brings: each with what is told of it and where it was really taken.

import { ask } from "./api.js";
import { t } from "./messages.js";

const $ = (id) => document.getElementById(id);

export async function offerSamples(photoTab) {
  const list = await ask("samples/list").then((response) => response.json()).catch(() => ({ samples: [] }));
  if (!list.samples.length) return;
  $("samples").hidden = false;
  const items = await Promise.all(
    list.samples.map(async (sample) => {
      const blob = await (await ask(`samples/${sample.file}`)).blob();
      const button = document.createElement("button");
      const image = Object.assign(new Image(), { src: URL.createObjectURL(blob), alt: sample.caption });
      button.append(image);
      button.title = sample.caption;
      button.addEventListener("click", () => photoTab.take(new File([blob], sample.file, { type: blob.type }), sample));
      const item = document.createElement("li");
      item.append(button);
      return item;
    }),
  );
  $("sample-list").replaceChildren(...items);
  document.addEventListener("language", () => { $("samples").querySelector("h2").textContent = t("samples_title"); });
}
