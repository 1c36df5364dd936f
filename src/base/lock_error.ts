import { HarborError } from "./errors.ts";

/** Returns how a process is named as the owner of a lock. */
export function ownerName({ pid, host }: { readonly pid: number; readonly host: string }): string {
  return `pid ${pid} on ${host}`;
}

/**
 * Returns the error of work that another process keeps from beginning.
 *
 * @param action What could not be done: `Cannot lock "sqlite:///openharbor.db"`
 * @param holder `undefined` when it is not known, or gone by now
 */
export function lockedError(
  action: string,
  holder: { readonly owner: string; readonly since: string | null } | undefined,
  details: Readonly<Record<string, unknown>> = {},
): HarborError {
  const { owner = null, since = null } = holder ?? {};
  return new HarborError("locked", action, {
    state: `${owner ?? "another harbor-db"} holds the lock${since === null ? "" : ` since ${since}`}`,
    hint: "Wait until it has ended, or let this command wait longer: --lock-wait SECONDS",
    details: { owner, since, ...details },
  });
}
