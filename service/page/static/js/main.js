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
const AGAIN_MS = 2000;

function useTheme() {
  const order = ["", "light", "dark"];
  const kept = () => localStorage.getItem("skyfix.theme") ?? "";
  const apply = (theme) => {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    localStorage.setItem("skyfix.theme", theme);
    document.dispatchEvent(new CustomEvent("theme"));
  };
  apply(kept());
  $("theme").addEventListener("click", () => apply(order[(order.indexOf(kept()) + 1) % order.length]));
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
  $("key-button").addEventListener("click", () => { $("key-refused").hidden = true; open(); });
  document.addEventListener("key-wanted", () => { $("key-refused").hidden = !key.get(); open(); });
  dialog.addEventListener("close", () => { if (!dialog.open) $("key").value = ""; });
  dialog.querySelector("form").addEventListener("submit", (event) => {
    const typed = $("key").value.trim();
    if (event.submitter.value === "forget") key.forget();
    else if (typed) { key.keep(typed); onKept(); }
  });
}

/** The map, or what stands in for it where its library or WebGL is missing. */
async function openMap(onClick) {
  try {
    const { SkyfixMap } = await import("./map.js");
    return new SkyfixMap("map", onClick);
  } catch (error) {
    console.warn(`no map: ${error.message}`);
    document.body.dataset.map = "none";
    return new NoMap();
  }
}

function showNote(textKey) {
  $("map-note").hidden = textKey === null;
  $("map-note").dataset.key = textKey ?? "";
  $("map-note").textContent = textKey ? t(textKey) : "";
}

function useBanner(demo) {
  $("banner").open = !matchMedia("(max-width: 820px)").matches;
  $("banner").hidden = !demo || sessionStorage.getItem("skyfix.banner") === "closed";
  $("banner-close").addEventListener("click", () => {
    $("banner").hidden = true;
    sessionStorage.setItem("skyfix.banner", "closed");
    $("panel").focus();
  });
}

let begun = false;
async function begin() {
  if (begun) return;
  let info;
  try {
    info = await getJson("info");
  } catch (error) {
    showProblem($("problem"), error);
    if (error.status === 503 || error.status === 0) setTimeout(begin, AGAIN_MS);
    return;
  }
  if (begun) return;
  begun = true;
  $("problem").hidden = true;
  const choice = $("index-choice");
  choice.replaceChildren(...info.indexes.map((index) => new Option(index.name, index.name)));
  choice.value = info.index.name;
  choice.hidden = info.indexes.length < 2;
  let tabs = null;
  let current = "photo";
  const map = await openMap((lonLat) => tabs?.[current].clicked?.(lonLat));
  const show = () => {
    const index = info.indexes.find((each) => each.name === choice.value);
    showNote(map.missing ? "no_map" : index.imagery || info.page?.style_url ? null : "no_imagery");
    return map.showIndex(index.name, index.bounds, index.imagery, info.page?.style_url);
  };
  await show();
  tabs = { photo: new PhotoTab(map, info), index: new IndexTab(map, info), track: new TrackTab(map, info) };
  choice.addEventListener("change", async () => { await show(); tabs[current].indexChanged?.(); });
  useTabs((name) => {
    if (name === current) return;
    tabs[current].hide();
    current = name;
    tabs[current].show();
  });
  document.addEventListener("language", () => showNote($("map-note").dataset.key || null));
  useBanner(info.page?.demo);
  globalThis.skyfix = { map, tabs }; // for the console, and for tests
  document.body.dataset.ready = "true";
  await offerSamples(tabs.photo);
}

useTheme();
await useLanguage(chosenLanguage());
$("language").value = document.documentElement.lang;
$("language").addEventListener("change", (event) => useLanguage(event.target.value));
useKey(() => { begin(); document.dispatchEvent(new CustomEvent("key-kept")); });
await begin();
