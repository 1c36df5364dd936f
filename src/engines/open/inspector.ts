import type { Dialect } from "../../base/dialect.ts";
import type { Inspector } from "../inspector.ts";

/** Returns what knows the engines of a dialect. */
export async function loadInspector(dialect: Dialect): Promise<Inspector> {
  switch (dialect) {
    case "sqlite":
      return (await import("../sqlite/inspector.ts")).sqliteInspector;
    case "postgresql":
      return (await import("../postgres/inspector.ts")).postgresInspector;
  }
}
