import { setTimeout as sleep } from "node:timers/promises";
import type { Session } from "./session/session.ts";
import { runPinned } from "./session/search_path.ts";

/** A session that keeps another one waiting. What it runs is left out: it may hold personal data. */
export interface Blocker {
  readonly pid: number;
  readonly application: string | null;
  /** `active`, `idle in transaction`; `null` where the role may not see it. */
  readonly state: string | null;
  /** Age of its transaction, in seconds; `null` where the role may not see it. */
  readonly seconds: number | null;
}

/** Looks from another session at who keeps one waiting. */
export interface BlockerWatch {
  /** Who was in the way when it was last seen waiting. */
  seen(): readonly Blocker[];
  stop(): Promise<void>;
}

/** What {@link watchBlockers} needs. */
export interface WatchOptions {
  /** The server process that may have to wait. */
  readonly pid: number;
  /** Milliseconds before the first look, so that what is quick costs no second session. */
  readonly afterMs: number;
  readonly openObserver: () => Promise<Session>;
}

/**
 * Starts to watch. It must look while the other waits: when a lock timeout has ended the wait, the server no longer
 * knows whom it was for. Whatever fails here is nobody's failure: then the blockers stay unnamed.
 */
export function watchBlockers({ pid, afterMs, openObserver }: WatchOptions): BlockerWatch {
  const end = new AbortController();
  let seen: readonly Blocker[] = [];
  const watching = (async () => {
    await sleep(afterMs, undefined, { signal: end.signal });
    const observer = await openObserver();
    try {
      while (!end.signal.aborted) {
        const [result] = await runPinned(observer, [{ text: question(pid), parameters: [] }]);
        if (result !== undefined && result.rows.length > 0) {
          seen = result.rows as unknown as readonly Blocker[];
        }
        await sleep(Math.min(afterMs, 1_000), undefined, { signal: end.signal });
      }
    } finally {
      await observer.close();
    }
  })().catch(() => {});
  return {
    seen: () => seen,
    async stop() {
      end.abort();
      // An observer that cannot connect holds nobody up.
      await Promise.race([watching, sleep(1_000, undefined, { ref: false })]);
    },
  };
}

function question(pid: number): string {
  return "SELECT DISTINCT b.pid, a.application_name AS application, a.state, " +
    "floor(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start)))::int AS seconds " +
    `FROM unnest(pg_blocking_pids(${pid})) AS b (pid) LEFT JOIN pg_stat_activity a USING (pid) ORDER BY b.pid`;
}

/** Returns `psql (server process 4711, idle in transaction, for 300 s)`. */
export function describeBlocker({ pid, application, state, seconds }: Blocker): string {
  const facts = [
    `server process ${pid}`,
    ...(state === null ? [] : [state]),
    ...(seconds === null ? [] : [`for ${seconds} s`]),
  ];
  return `${application || "a program without a name"} (${facts.join(", ")})`;
}
