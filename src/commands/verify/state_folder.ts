import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { currentUser, isOwnFolder, trustedPath } from "../../base/files/open_folder.ts";
import type { App } from "../../cli/app.ts";
import { databaseIdentity } from "../backup/options.ts";
import type { System } from "../../cli/system.ts";

/**
 * Returns where harbor-db keeps what is no part of a database: systemd's `STATE_DIRECTORY`, else
 * `$XDG_STATE_HOME/harbor-db`, else `~/.local/state/harbor-db`, else a folder of this user's among the temporary ones.
 */
export function stateFolder(system: System): string {
  const { STATE_DIRECTORY: service, XDG_STATE_HOME: state } = system.environment;
  if (service) return service.split(":")[0]!;
  if (state) return join(state, "harbor-db");
  const home = system.homeFolder();
  if (home) return join(home, ".local", "state", "harbor-db");
  // Everybody may write there, and whoever comes first owns the name.
  return join(tmpdir(), `harbor-db-${currentUser() ?? "state"}`);
}

/**
 * Returns the file whose lock keeps two runs of `verify` on one database apart: beside the log that they share, where
 * nobody else may write, else in the state folder.
 */
export function verifyLockPath(app: App, log: string | undefined): string {
  const { system } = app;
  const shared = log === undefined ? undefined : dirname(resolve(system.cwd, log));
  const folder = shared !== undefined && isOurs(shared) ? shared : stateFolder(system);
  return lockPath(folder, "verify", databaseIdentity(app, app.databaseUrl()));
}

/** Returns the file in a folder whose lock is for one kind of work on one thing. */
export function lockPath(folder: string, work: string, thing: string): string {
  return join(folder, `.${stateFileName(work, thing)}.lock`);
}

/** Returns what a file is called that is about one kind of work on one thing. */
export function stateFileName(work: string, thing: string): string {
  return `harbor-db-${work}-${createHash("sha256").update(thing).digest("hex").slice(0, 12)}`;
}

function isOurs(folder: string): boolean {
  try {
    return isOwnFolder(statSync(trustedPath(folder)));
  } catch {
    // What is wrong with it is said when the log is written.
    return false;
  }
}
