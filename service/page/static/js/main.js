// Beginning: language, theme, key, tabs, what is served; then the tabs live their own lives.

import { getJson, key } from "./api.js";
import { showProblem } from "./answer.js";
import { IndexTab } from "./index_tab.js";
import { chosenLanguage, t, useLanguage } from "./messages.js";
import { NoMap } from "./no_map.js";
import { PhotoTab } from "./photo.js";
import { offerSamples } from "./samples.js";
import { TrackTab } from "./track.js";

const $ = (id) => document.getElementById(id);
const TABS = ["photo", "index", "track"];

function useTheme() {
  const order = ["", "light", "dark"];
  const apply = (theme) => {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    localStorage.setItem("skyfix.theme", theme);
  };
  apply(localStorage.getItem("skyfix.theme") ?? "");
  $("theme").addEventListener("click", () => apply(order[(order.indexOf(localStorage.getItem("skyfix.theme") ?? "") + 1) % 3]));
}

function useTabs(onChange) {
  const choose = (name, focus = false) => {
    for (const each of TABS) {
      $(`tab-${each}`).setAttribute("aria-selected", String(each === name));
      $(`tab-${each}`).tabIndex = each === name ? 0 : -1;
      $(`panel-${each}`).hidden = each !== name;
    }
    if (focus) $(`tab-${name}`).focus();
    onChange(name);
  };
  TABS.forEach((name, place) => {
    $(`tab-${name}`).addEventListener("click", () => choose(name));
    $(`tab-${name}`).addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) choose(TABS[(place + step + TABS.length) % TABS.length], true);
    });
  });
}

function useKey(onKept) {
  const dialog = $("key-dialog");
  const open = () => { if (!dialog.open) { $("key").value = key.get(); dialog.showModal(); } };
  $("key-button").addEventListener("click", open);
  document.addEventListener("key-wanted", open);
  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "keep" && $("key").value) key.keep($("key").value.trim());
    if (dialog.returnValue === "forget") key.forget();
    $("key").value = "";
    if (dialog.returnValue) onKept();
  });
}

/** The map, or what stands in for it where its library or WebGL is missing. */
async function openMap(onClick) {
  try {
    const { SkyfixMap } = await import("./map.js");
    return new SkyfixMap("map", onClick);
  } catch (error) {
    console.warn(`no map: ${error.message}`);
    return new NoMap();
  }
}

function note(textKey) {
  $("map-note").hidden = textKey === null;
  $("map-note").dataset.key = textKey ?? "";
  $("map-note").textContent = textKey ? t(textKey) : "";
}

let begun = false;
async function begin() {
  if (begun) return;
  let info;
  try {
    info = await getJson("info");
  } catch (error) {
    showProblem($("problem"), error);
    if (error.status === 503) setTimeout(begin, 2000);
    return;
  }
  begun = true;
  $("problem").hidden = true;
  const choice = $("index-choice");
  choice.replaceChildren(...info.indexes.map((index) => new Option(index.name, index.name)));
  choice.value = info.index.name;
  let photo = null;
  const map = await openMap((lonLat) => photo?.clicked(lonLat));
  const show = () => {
    const index = info.indexes.find((each) => each.name === choice.value);
    note(map.missing ? "no_map" : index.imagery || info.page?.style_url ? null : "no_imagery");
    return map.showIndex(index.name, index.bounds, index.imagery, info.page?.style_url);
  };
  await show();
  photo = new PhotoTab(map, info);
  const tabs = { photo, index: new IndexTab(map, info), track: new TrackTab(map, info) };
  choice.addEventListener("change", () => { map.clearAnswer(); show(); });
  useTabs((name) => {
    for (const [each, tab] of Object.entries(tabs)) if (each !== name) tab.hide?.();
    tabs[name].show?.();
  });
  document.addEventListener("language", () => note($("map-note").dataset.key || null));
  $("banner").hidden = !info.page?.demo;
  $("banner").textContent = t("demo_banner");
  document.addEventListener("language", () => { $("banner").textContent = t("demo_banner"); });
  await offerSamples(photo);
  document.body.dataset.ready = "true";
}

useTheme();
await useLanguage(chosenLanguage());
$("language").value = document.documentElement.lang;
$("language").addEventListener("change", (event) => useLanguage(event.target.value));
useKey(begin);
await begin();
