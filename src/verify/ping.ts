/** What a monitor is told, by the path that is added to its address. */
export type Signal = "start" | "success" | "fail";

/** Milliseconds for one attempt, and how many there are: a lost packet must not look like a lost run. */
const attemptMs = 5_000;
const attempts = 3;

/** A monitor that moved says so once or twice. */
const mostRedirects = 3;

/** A monitor takes this many characters of a body and more. */
const longestBody = 10_000;

/**
 * Tells a monitor like healthchecks.io how a run stands. Never throws and never takes longer than fifteen seconds:
 * a monitor that cannot be reached is no failure of what it watches.
 *
 * A redirect is followed on the same host alone: what is said about a database is for nobody else, nor is the address.
 *
 * Source: https://healthchecks.io/docs/http_api/
 *
 * @param address A URL, kept secret: who knows it can report in our name
 * @returns What went wrong, without the address; `null` when the monitor was told
 */
export async function ping(address: string, signal: Signal, body = ""): Promise<string | null> {
  const target = new URL(address);
  if (signal !== "success") target.pathname = `${target.pathname.replace(/\/$/, "")}/${signal}`;
  let state = "";
  for (let attempt = 1; attempt <= attempts; attempt++) {
    state = await post(target, body.slice(0, longestBody));
    if (state === "") return null;
  }
  return `Cannot tell the monitor at "${target.host}": ${state}`;
}

async function post(target: URL, body: string): Promise<string> {
  const signal = AbortSignal.timeout(attemptMs);
  try {
    for (let at = target, redirects = 0;; redirects++) {
      const response = await fetch(at, { method: "POST", body, redirect: "manual", signal });
      await response.body?.cancel();
      const location = isRedirect(response.status) ? response.headers.get("location") : null;
      if (location === null) return response.ok ? "" : `it answered with HTTP status ${response.status}`;
      const next = URL.parse(location, at);
      if (next === null || !isSameHost(at, next)) {
        return "it redirects to another host, which is told nothing";
      }
      if (redirects === mostRedirects) return "it redirects again and again";
      at = next;
    }
  } catch (error) {
    return error instanceof Error && error.name === "TimeoutError"
      ? "it did not answer in time"
      : "it cannot be reached";
  }
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/** Whether an address is on the same host, as well protected as before. */
function isSameHost(from: URL, to: URL): boolean {
  const isUpgrade = from.protocol === "http:" && to.protocol === "https:" && from.port === "" &&
    to.port === "";
  return from.hostname === to.hostname && (from.origin === to.origin || isUpgrade);
}
