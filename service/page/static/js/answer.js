// An answer of POST /localize in words and bars.

import { metres, number, percent, t } from "./messages.js";

const SIGNS = { localized: "●", ambiguous: "◐", no_match: "○", outside_coverage: "◌", ranked: "●" };
const STAGE_COLOURS = ["#14675a", "#2f8f7c", "#5bb5a0", "#e0a100", "#d9773c", "#3d5a80", "#7b6aa8", "#98a39f"];

export function statusOf(answer) {
  return answer.status ?? "ranked";
}

export function showVerdict(element, answer) {
  const status = statusOf(answer);
  const { position, heading } = answer;
  element.dataset.status = status;
  element.replaceChildren(
    line("name", `${SIGNS[status]} ${t(`status_${status}`)}`),
    paragraph(t(`meaning_${status}`)),
  );
  if (position && status !== "no_match") element.append(line("where", coordinates(position)));
  if (position?.radius_m_68 !== undefined && status !== "no_match") {
    element.append(paragraph(t("radii", { r68: metres(position.radius_m_68), r95: metres(position.radius_m_95) })));
  }
  if (answer.confidence !== undefined) {
    element.append(paragraph(t("confidence", { confidence: percent(answer.confidence), outside: percent(answer.probability_outside_index) })));
  }
  if (heading && status !== "no_match") {
    const within = heading.accuracy_deg_68 === undefined ? "" : ` ± ${number(heading.accuracy_deg_68)}°`;
    element.append(paragraph(t("heading", { heading: `${number(heading.deg)}°${within}` })));
  }
}

export function coordinates({ lat, lon }) {
  return `${lat.toFixed(6)}, ${lon.toFixed(6)}`;
}

export function showCandidates(list, answer, chosen, onChoose) {
  const most = Math.max(...answer.candidates.map((each) => each.probability ?? Math.max(0, each.similarity)), 1e-9);
  list.replaceChildren(
    ...answer.candidates.map((candidate) => {
      const share = candidate.probability ?? Math.max(0, candidate.similarity);
      const button = document.createElement("button");
      button.setAttribute("aria-pressed", String(candidate.rank === chosen));
      const bar = Object.assign(document.createElement("span"), { className: "bar" });
      bar.append(Object.assign(document.createElement("i"), { style: `width: ${(100 * share) / most}%` }));
      const middle = document.createElement("span");
      middle.append(span("place", coordinates(candidate)), bar);
      const told = candidate.probability === undefined ? number(candidate.similarity, 3) : percent(candidate.probability);
      button.append(span("rank", String(candidate.rank)), middle, span("share", told));
      button.addEventListener("click", () => onChoose(candidate.rank));
      const item = document.createElement("li");
      item.append(button);
      return item;
    }),
  );
}

export function showNotices(list, notices) {
  list.replaceChildren(...notices.map((notice) => Object.assign(document.createElement("li"), { textContent: notice.detail, title: notice.code })));
}

export function showTimings(bar, timings, roundTripMs) {
  const stages = Object.entries(timings);
  const total = stages.reduce((sum, [, ms]) => sum + ms, 0);
  bar.replaceChildren(
    ...stages.map(([stage, ms], place) => {
      const part = document.createElement("span");
      part.style.width = `${(100 * ms) / Math.max(total, 0.01)}%`;
      part.style.background = STAGE_COLOURS[place % STAGE_COLOURS.length];
      part.title = `${t(`stage_${stage}`)} ${number(ms, 1)} ms`;
      return part;
    }),
  );
  bar.nextElementSibling?.classList.contains("timings-list") && bar.nextElementSibling.remove();
  const list = Object.assign(document.createElement("ul"), { className: "timings-list" });
  const rows = [...stages.map(([stage, ms]) => `${t(`stage_${stage}`)} ${number(ms, 1)} ms`), t("round_trip", { ms: number(roundTripMs) })];
  list.append(...rows.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  bar.after(list);
}

export function showProblem(element, problem) {
  const known = `problem_${problem.code}`;
  const title = t(known) === known ? problem.title : t(known);
  element.replaceChildren(Object.assign(document.createElement("strong"), { textContent: title }));
  if (problem.message && problem.message !== problem.title) element.append(paragraph(problem.message));
  for (const fault of problem.faults ?? []) {
    if (fault.detail !== problem.message) element.append(paragraph(`${fault.pointer ? `${fault.pointer}: ` : ""}${fault.detail}`));
  }
  if (problem.requestId) element.append(paragraph(t("request_id", { id: problem.requestId })));
  element.hidden = false;
}

/** The answer as RFC 7946: a Point for each candidate. */
export function asGeojson(answer) {
  const features = answer.candidates.map(({ lat, lon, ...properties }) => ({
    type: "Feature",
    geometry: { type: "Point", coordinates: [lon, lat] },
    properties,
  }));
  const { candidates, ...said } = answer;
  return { type: "FeatureCollection", features, ...said };
}

function paragraph(text) {
  return line("", text);
}

function line(className, text) {
  return Object.assign(document.createElement("p"), { className, textContent: text });
}

function span(className, text) {
  return Object.assign(document.createElement("span"), { className, textContent: text });
}
