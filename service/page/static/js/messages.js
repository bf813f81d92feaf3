// Texts in the reader's language, from messages/LANGUAGE.json; {name} in a text is filled in.

const KNOWN = ["en", "ko"];
let texts = {};
let language = "en";

export function chosenLanguage() {
  const kept = localStorage.getItem("skyfix.language");
  const wished = kept ?? navigator.languages.map((name) => name.slice(0, 2)).find((name) => KNOWN.includes(name));
  return KNOWN.includes(wished) ? wished : "en";
}

export async function useLanguage(name) {
  const response = await fetch(`page/messages/${name}.json`);
  texts = await response.json();
  language = name;
  localStorage.setItem("skyfix.language", name);
  document.documentElement.lang = name;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
  document.dispatchEvent(new CustomEvent("language"));
}

export function t(key, values = {}) {
  const text = texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

export function number(value, decimals = 0) {
  return value.toLocaleString(language, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

export function percent(share) {
  if (share < 0.001) return `< ${percent(0.001)}`;
  const decimals = share < 0.1 || (share > 0.99 && share < 1) ? 1 : 0;
  return Math.min(share, share < 1 ? 0.999 : 1).toLocaleString(language, { style: "percent", maximumFractionDigits: decimals });
}

export function metres(value) {
  return value >= 1000 ? `${number(value / 1000, 1)} km` : `${number(value, value < 10 ? 1 : 0)} m`;
}

export function bytes(value) {
  return value >= 1e6 ? `${number(value / 1e6, 1)} MB` : `${number(value / 1e3)} kB`;
}
