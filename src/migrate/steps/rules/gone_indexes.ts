import { foldName, keyOf } from "../../../base/fold_name.ts";
import type { Dialect } from "../../../base/dialect.ts";
import type { History } from "../../../history/history.ts";
import { snapshotIfThere } from "../../../history/revision_schema.ts";
import type { Snapshot } from "../../../schema/snapshot.ts";
import { foldedName, tokensOf } from "../../../sql/cursor.ts";
import { isWord } from "../../../sql/lexer.ts";
import { effectsOf } from "../../rules/statement_effects.ts";
import type { Step } from "../../rules/plan.ts";

/**
 * Returns the indexes that go with a table which a step puts another in the place of: its revision knows them no more, and
 * its script says nothing of them. SQLite drops them with the table; without this they would outlive it, as those do that
 * no revision knows.
 */
export function goneIndexes({ revisions }: Pick<History, "revisions">, step: Step): readonly string[] {
  const texts = step.script.statements.map(({ sql }) => sql);
  // Snapshots of a long history take their time to read.
  if (!texts.some((text) => /\brename\b/i.test(text))) return [];
  const place = revisions.indexOf(step.revision);
  const schemas = place < 0 ? [] : [revisions[place - 1], step.revision]
    .map((revision) => revision === undefined ? null : snapshotIfThere(revision));
  const [before, after] = step.direction === "upgrade" ? schemas : schemas.toReversed();
  if (!before || !after || !outlivesTable[before.dialect]) return [];
  const dropped = texts.flatMap((text) => effectsOf(text, before.dialect))
    .flatMap((effect) => effect.kind === "drop" ? [foldName(effect.table)] : []);
  const stays = new Set(indexesOf(after).map(({ name }) => name));
  return indexesOf(before)
    .filter(({ name, table }) =>
      dropped.includes(foldName(table)) && !stays.has(name) &&
      !texts.some((text) => isOf(text, name, before.dialect))
    )
    .map(({ name }) => name);
}

/** Whether a statement makes or drops an index of a name. */
function isOf(text: string, name: string, dialect: Dialect): boolean {
  if (!/\bindex\b/i.test(text)) return false;
  const tokens = tokensOf(text, dialect);
  const on = tokens.findIndex((token) => isWord(token, "ON"));
  const head = on < 0 ? tokens : tokens.slice(0, on);
  if (!head.slice(1, 3).some((token) => isWord(token, "INDEX"))) return false;
  return (isWord(head[0], "CREATE") || isWord(head[0], "DROP")) &&
    head.some((token) => foldedName(token, dialect) === keyOf(name, dialect));
}

/** Whether an index that no revision knows is made again with the table that takes the place of its own. */
const outlivesTable: Readonly<Record<Dialect, boolean>> = { sqlite: true, postgresql: false };

function indexesOf({ tables }: Snapshot) {
  return tables.flatMap(({ name: table, indexes }) => indexes.map(({ name }) => ({ name, table })));
}
