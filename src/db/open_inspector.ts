import type { Dialect } from "../core/dialect.ts";
import type { Inspector } from "./inspector.ts";

/** Returns what knows the engines of a dialect. */
export async function loadInspector(dialect: Dialect): Promise<Inspector> {
  switch (dialect) {
    case "sqlite":
      return (await import("./sqlite_inspector.ts")).sqliteInspector;
    case "postgresql":
      return (await import("./postgres_inspector.ts")).postgresInspector;
  }
}
