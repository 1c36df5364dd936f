import { resolve } from "node:path";
import type { DatabaseUrl } from "../core/database_url.ts";
import type { App } from "./app.ts";

/**
 * Returns the address by which logs and metrics know a database: without a password, and the same from whichever
 * folder harbor-db is run.
 */
export function databaseIdentity({ system, databaseUrl }: Pick<App, "system" | "databaseUrl">): string {
  const url: DatabaseUrl = databaseUrl();
  return url.driver === "sqlite_file" ? `sqlite:///${resolve(system.cwd, url.path)}` : url.display;
}
