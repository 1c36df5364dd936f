import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { App } from "../../cli/app.ts";
import { databaseIdentity } from "../backup/options.ts";
import type { System } from "../../cli/system.ts";

/**
 * Returns where harbor-db keeps what is no part of a database: systemd's `STATE_DIRECTORY`, else
 * `$XDG_STATE_HOME/harbor-db`, else `~/.local/state/harbor-db`.
 */
export function stateFolder({ environment }: System): string {
  const { STATE_DIRECTORY: service, XDG_STATE_HOME: state, HOME: home } = environment;
  if (service) return service.split(":")[0]!;
  if (state) return join(state, "harbor-db");
  return join(home ? join(home, ".local", "state") : tmpdir(), "harbor-db");
}

/**
 * Returns the file whose lock keeps two runs of `verify` on one database apart: beside the log that they share, else in
 * the state folder.
 */
export function verifyLockPath(app: App, log: string | undefined): string {
  const { system } = app;
  const folder = log === undefined ? stateFolder(system) : dirname(resolve(system.cwd, log));
  return lockPath(folder, "verify", databaseIdentity(app, app.databaseUrl()));
}

/** Returns the file in a folder whose lock is for one kind of work on one thing. */
export function lockPath(folder: string, work: string, thing: string): string {
  const name = createHash("sha256").update(thing).digest("hex").slice(0, 12);
  return join(folder, `.harbor-db-${work}-${name}.lock`);
}
