// An answer of POST /localize in words and bars.

import { distanceM, ellipse } from "./geodesy.js";
import { polygon } from "./features.js";
import { metres, number, percent, t } from "./messages.js";

const SIGNS = { localized: "●", likely: "◐", ambiguous: "◐", no_match: "○", outside_coverage: "◌", ranked: "●" };
const STAGE_COLOURS = ["#14675a", "#2f8f7c", "#5bb5a0", "#e0a100", "#d9773c", "#3d5a80", "#7b6aa8", "#98a39f"];
const LIKELY = 0.6;
const RETRIED = [0, 408, 429, 500, 502, 503, 504];

/** The answer's status; `ranked` of a model that is not calibrated. */
export function statusOf(answer) {
  return answer.status ?? "ranked";
}

/** How it is called: an `ambiguous` answer in which one place holds most is `likely`, not several places. */
export function nameOf(answer) {
  const status = statusOf(answer);
  return status === "ambiguous" && (answer.candidates[0]?.probability ?? 0) >= LIKELY ? "likely" : status;
}

/** `away`: metres from the first candidate to the true place, where that is known. */
export function showVerdict(element, answer, away) {
  const [status, name] = [statusOf(answer), nameOf(answer)];
  const { position, heading } = answer;
  const claims = position && status !== "no_match";
  element.dataset.status = status;
  element.replaceChildren(line("name", `${SIGNS[name]} ${t(`status_${name}`)}`));
  if (claims) element.append(line("where", coordinates(position)));
  if (claims && position.radius_m_68 !== undefined) {
    element.append(paragraph(t("radii", { r68: metres(position.radius_m_68), r95: metres(position.radius_m_95) })));
  }
  if (claims && heading) {
    const within = heading.accuracy_deg_68 === undefined ? "" : ` ± ${number(heading.accuracy_deg_68)}°`;
    element.append(paragraph(t("heading", { heading: `${degrees(heading.deg)}${within}` })));
  }
  if (claims && answer.confidence !== undefined) {
    const sure = Object.assign(document.createElement("div"), { className: "sure" });
    sure.append(span("", t("confidence")), bar(answer.confidence), span("share", percent(answer.confidence)));
    element.append(sure);
  }
  element.append(line("meaning", t(`meaning_${name}`)));
  if (away !== undefined) element.append(line("truth", `✕ ${t(claims ? "truth" : "truth_no_match", { away: metres(away) })}`));
}

export function coordinates({ lat, lon }) {
  return `${lat.toFixed(6)}, ${lon.toFixed(6)}`;
}

/** Places as buttons, then what is left: other places, and ground that the index does not have. */
export function showCandidates(list, answer, chosen, onChoose) {
  const most = Math.max(...answer.candidates.map((each) => each.similarity), 1e-9);
  const first = answer.candidates[0];
  const rows = answer.candidates.map((candidate) => {
    const calibrated = candidate.probability !== undefined;
    const button = document.createElement("button");
    button.setAttribute("aria-pressed", String(candidate.rank === chosen));
    button.append(
      span("rank", String(candidate.rank)),
      middle(coordinates(candidate), beside(candidate, first), calibrated ? candidate.probability : Math.max(0, candidate.similarity) / most),
      span("share", calibrated ? percent(candidate.probability) : number(candidate.similarity, 3)),
    );
    button.addEventListener("click", () => onChoose(candidate.rank));
    return button;
  });
  list.dataset.status = statusOf(answer);
  list.replaceChildren(...[...rows, ...rest(answer)].map(item));
}

function beside(candidate, first) {
  const told = [];
  if (candidate !== first) told.push(t("from_first", { metres: metres(distanceM([candidate.lon, candidate.lat], [first.lon, first.lat])) }));
  if (candidate.heading_deg !== undefined) told.push(t("heading_short", { heading: degrees(candidate.heading_deg) }));
  return told.join(", ");
}

function rest(answer) {
  const outside = answer.probability_outside_index;
  if (outside === undefined || !answer.candidates.length) return [];
  const others = Math.max(0, 1 - outside - answer.candidates.reduce((sum, each) => sum + (each.probability ?? 0), 0));
  return [["other_places", others], ["outside", outside]].map(([key, share]) => {
    const row = Object.assign(document.createElement("div"), { className: "rest" });
    row.append(span("rank", ""), middle(t(key), "", share), span("share", percent(share)));
    return row;
  });
}

function middle(title, below, share) {
  const element = span("middle", "");
  element.append(span("place", title), ...(below ? [span("below", below)] : []), bar(share));
  return element;
}

function bar(share) {
  const element = span("bar", "");
  element.append(Object.assign(document.createElement("i"), { style: `width: ${100 * share}%` }));
  return element;
}

export function showNotices(list, notices) {
  list.replaceChildren(...notices.map((notice) => Object.assign(document.createElement("li"), { textContent: notice.detail, title: notice.code })));
}

export function showTimings(timings, roundTripMs) {
  const stages = Object.entries(timings);
  const total = stages.reduce((sum, [, ms]) => sum + ms, 0);
  const [colours, list] = [document.getElementById("timings"), document.getElementById("timings-list")];
  document.getElementById("times-sum").textContent = `${number(total)} ms`;
  colours.replaceChildren(
    ...stages.map(([, ms], place) => {
      const part = document.createElement("span");
      part.style.width = `${(100 * ms) / Math.max(total, 0.01)}%`;
      part.style.background = STAGE_COLOURS[place % STAGE_COLOURS.length];
      return part;
    }),
  );
  const rows = stages.map(([stage, ms], place) => {
    const dot = Object.assign(document.createElement("i"), { style: `background: ${STAGE_COLOURS[place % STAGE_COLOURS.length]}` });
    const row = item(dot);
    row.append(` ${t(`stage_${stage}`)} ${number(ms, 1)} ms`);
    return row;
  });
  list.replaceChildren(...rows, item(t("round_trip", { ms: number(roundTripMs) })));
}

/** `onRetry` is offered where the same question may be answered a moment later. */
export function showProblem(element, problem, onRetry) {
  const known = `problem_${problem.code}`;
  const title = t(known) === known ? problem.title : t(known);
  element.replaceChildren(Object.assign(document.createElement("strong"), { textContent: title }));
  if (problem.message && problem.message !== problem.title && problem.message !== title) element.append(paragraph(problem.message));
  for (const fault of problem.faults ?? []) {
    if (fault.detail !== problem.message) element.append(paragraph(`${fault.pointer ? `${fault.pointer}: ` : ""}${fault.detail}`));
  }
  if (problem.requestId) element.append(line("note", t("request_id", { id: problem.requestId })));
  if (onRetry && RETRIED.includes(problem.status)) {
    const button = Object.assign(document.createElement("button"), { textContent: t("try_again") });
    button.addEventListener("click", onRetry);
    element.append(button);
  }
  element.hidden = false;
}

/** The answer as the service gives it with `Accept: application/geo+json`: a Point a candidate, and the 95 % ellipse. */
export function asGeojson(answer) {
  const { candidates, position, ...said } = answer;
  const features = candidates.map(({ lat, lon, ...properties }) => ({
    type: "Feature",
    geometry: { type: "Point", coordinates: [lon, lat] },
    properties: { kind: "candidate", ...properties },
  }));
  if (position?.covariance_enu_m2) {
    const ring = ellipse([position.lon, position.lat], position.covariance_enu_m2, 95, 48);
    features.push(polygon(ring, { kind: "ellipse", percentile: 95, rank: 1 }));
  }
  return { type: "FeatureCollection", features, ...said };
}

function degrees(heading) {
  return `${number(Math.round(heading) % 360)}°`;
}

function item(content) {
  const element = document.createElement("li");
  element.append(content);
  return element;
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
