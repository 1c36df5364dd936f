import { keyOf } from "../../base/fold_name.ts";
import { schemasOfHistory } from "../../history/revision_schema.ts";
import type { History, Revision } from "../../history/history.ts";
import type { Passage } from "../../migrate/rules/origins.ts";
import { withPlainTexts } from "../../history/plain_texts.ts";
import type { Effect } from "../../migrate/rules/effects/effect.ts";
import { effectsOf } from "../../migrate/rules/statement_effects.ts";

/** Says of a table whether a way back is said to lose some of it. */
export type MeantLosses = (table: string) => boolean;

/**
 * Reads of which tables a revision's way back is said to lose something: those on which a statement with
 * `harbor:allow lossy_downgrade` has an effect, under all the names that they have on the way, and those whose foreign
 * keys carry it on. A statement that may do anything excuses every table.
 */
export function meantLosses(
  { history, revision, down }: {
    readonly history: History;
    readonly revision: Revision;
    readonly down: readonly Passage[];
  },
): MeantLosses {
  const script = revision.downgrade();
  const statements = script === null
    ? []
    : withPlainTexts(script, [{ schemas: schemasOfHistory(history) }]).map(({ sql, allowed }) => ({
      isMeant: allowed.includes("lossy_downgrade"),
      effects: effectsOf(sql, history.dialect),
    }));
  const meant = statements.flatMap(({ isMeant, effects }) => isMeant ? effects : []);
  if (meant.some(({ kind }) => kind === "hidden" || kind === "rename schema")) return () => true;
  const renames = statements.flatMap(({ effects }) => effects).flatMap(renamedBy);
  const references = down.flatMap(({ before, after }) => [...before.tables, ...after.tables]).flatMap((
    table,
  ) =>
    table.foreignKeys.filter(({ onDelete, onUpdate }) => carries(onDelete) || carries(onUpdate))
      .map((key): Link => [key.table, table.name])
  );
  const links = [...renames, ...renames.map(([from, to]): Link => [to, from]), ...references];
  const tables = new Set(
    meant.flatMap((effect) => "table" in effect ? [keyOf(effect.table, history.dialect)] : []),
  );
  // What is added on the way is gone through, too.
  for (const table of tables) {
    for (const [from, to] of links) {
      if (keyOf(from, history.dialect) === table) tables.add(keyOf(to, history.dialect));
    }
  }
  return (table) => tables.has(keyOf(table, history.dialect));
}

type Link = readonly [from: string, to: string];

function renamedBy(effect: Effect): readonly Link[] {
  return effect.kind === "rename" ? [[effect.table, effect.to]] : [];
}

/** Whether what happens to a row happens to those that refer to it. */
function carries(action: string): boolean {
  return action !== "no action" && action !== "restrict";
}
