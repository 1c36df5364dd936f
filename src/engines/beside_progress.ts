import type { Dialect } from "../base/dialect.ts";
import { sql } from "drizzle-orm";
import type { RowOf } from "../base/row_form.ts";
import type { Database } from "./database.ts";
import { readIfThere } from "./version_table.ts";

/** A row of `harbor_beside`: a change of a large table beside its writers, and how far it has come. */
export const besideForm = {
  id: "integer",
  /** What is made, for people: `index a`. */
  name: "text",
  /** The table that others write to. */
  table: "text",
  /** The statement that it stands for. */
  statement: "text",
  /**
   * `fill`: rows are copied for the first time. `follow`: only changed rows are. `empty`: nothing is left to do but to take
   * the copy away. `keeping`: the change is done, and what goes with it is still being put aside. `left`: no row tells of it, it is but triggers or tables.
   */
  phase: ["fill", "follow", "empty", "keeping", "left"],
  /** The last row id that was copied; `null` before the first. */
  lastRow: "text?",
  /** The row id up to which rows are copied for the first time: what comes behind it is noted. */
  endRow: "text?",
  /** Stands for the schema on which it was begun. */
  seen: "text",
} as const;

/** See {@link besideForm}. */
export type BesideProgress = RowOf<typeof besideForm>;

/** Reads {@link BesideProgress}, the oldest first. */
export const besideQuery =
  'SELECT id, name, table_name AS "table", statement, phase, last_row AS "lastRow", end_row AS "endRow", seen FROM harbor_beside ORDER BY id';

const mayHave: Readonly<Record<Dialect, boolean>> = { sqlite: true, postgresql: false };

/** Finds all that changes beside writers make, by their names. */
const leftQuery =
  "SELECT DISTINCT name, tbl_name AS \"table\" FROM sqlite_schema WHERE (name GLOB 'harbor_beside*' OR name GLOB 'harbor_keeping_*') AND type IN ('table', 'trigger') ORDER BY name";

/** Returns the changes beside writers that are under way, or were interrupted: also those that leave nothing but triggers. */
export async function readBeside(database: Database): Promise<readonly BesideProgress[]> {
  if (!mayHave[database.dialect]) return [];
  const form = { name: "text", table: "text" } as const;
  const left = await readIfThere(database, { table: "sqlite_schema", form, query: sql.raw(leftQuery) }) ?? [];
  if (left.length === 0) return [];
  const query = sql.raw(besideQuery);
  const known = await readIfThere(database, { table: "harbor_beside", form: besideForm, query }) ?? [];
  const ofKnown = new Set(known.map(({ id }) => `harbor_beside_${id}`));
  const others = left.filter(({ name }) => !ofKnown.has(/^harbor_beside_\d+/.exec(name)?.[0] ?? ""));
  const tables = new Set(others.map(({ table }) => table).filter((name) => name !== "harbor_beside"));
  const plain = { id: 0, statement: "", lastRow: null, endRow: null, seen: "" };
  const rows = [...tables].map((table): BesideProgress => {
    const isHanded = table.startsWith("harbor_keeping_");
    if (isHanded) return { ...plain, name: "what goes", table, phase: "keeping" };
    const name = table.startsWith("harbor_beside") ? "what is left" : "change of the definition";
    return { ...plain, name, table, phase: "left" };
  });
  return [...known, ...rows];
}

/** Says for people what is under way. */
export function besideWords({ name, table, phase, lastRow, endRow }: BesideProgress): string {
  switch (phase) {
    case "fill":
      return `${name} of ${table}: copied up to row ${lastRow ?? "-"} of ${endRow ?? "-"}`;
    case "follow":
      return `${name} of ${table}: being compared with the table`;
    case "keeping":
      return `${name} is being put aside out of ${table}`;
    case "left":
      return `${name} of ${table}: its triggers or tables stand`;
    default:
      return `${name} of ${table}: what it was made with is being taken away`;
  }
}
