// The service, as any client sees it. The key stays in this tab.

const KEY = "skyfix.key";

export class Problem extends Error {
  /** An answer that is an error: `title`, `detail` and `faults` are for people, `code` is stable. */
  constructor(status, body) {
    super(body.detail ?? body.title ?? `HTTP ${status}`);
    this.status = status;
    this.code = body.code ?? "";
    this.title = body.title ?? `HTTP ${status}`;
    this.requestId = body.request_id ?? "";
    this.faults = body.errors ?? [];
  }
}

export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  keep: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

export function headers() {
  return key.get() ? { Authorization: `Bearer ${key.get()}` } : {};
}

export async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { ...headers(), ...options.headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { code: "unreachable", title: "unreachable" });
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  if (response.status === 401) document.dispatchEvent(new CustomEvent("key-wanted"));
  throw new Problem(response.status, body);
}

export async function getJson(path) {
  return (await ask(path)).json();
}

/** Ask where a photo was taken: the raw body is the fast path, everything else goes into the query. */
export async function localize(photo, type, fields, signal) {
  const query = new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined && value !== ""));
  const response = await ask(`localize?${query}`, {
    method: "POST",
    body: photo,
    headers: { "Content-Type": type },
    signal,
  });
  return response.json();
}
