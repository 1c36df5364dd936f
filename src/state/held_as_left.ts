import { isLeft } from "../engines/inspector.ts";
import type { Revision } from "../history/history.ts";
import { snapshotIfThere } from "../history/revision_schema.ts";
import { comparesAlike } from "../schema/compare/indexes.ts";
import type { Index, Snapshot } from "../schema/snapshot.ts";
import { leftOpen } from "./rules/left_open.ts";
import { upgradeTexts } from "../history/plain_texts.ts";

/**
 * Returns a live schema in which what scripts of its revisions leave, and no snapshot can say or its kit did not, counts as the
 * snapshot has it: constraints that are `NOT VALID`, and how an index compares where the script that makes it says so.
 *
 * @param applied In order; their scripts are only read where there is such a thing
 */
export function heldAsLeft(live: Snapshot, applied: readonly Revision[]): Snapshot {
  return withIndexesAsMade(withValid(live, applied), applied);
}

function withIndexesAsMade(live: Snapshot, applied: readonly Revision[]): Snapshot {
  const last = applied.at(-1);
  if (
    !live.tables.some(({ indexes }) => indexes.some((each) => wordsOf(each).length > 0)) || last === undefined
  ) {
    return live;
  }
  const expected = snapshotIfThere(last);
  if (expected === null) return live;
  const texts = upgradeTexts(applied, live).map(partsOf).filter((parts) => parts.includes("index"));
  const asMade = (index: Index, wanted: Index | undefined): Index => {
    const words = wordsOf(index);
    if (wanted === undefined || words.length === 0) return index;
    if (index.method === wanted.method && comparesAlike(wanted, index)) return index;
    const said = [index.name, ...words].flatMap(partsOf);
    if (!texts.some((parts) => said.every((part) => parts.includes(part)))) return index;
    const { method: _, comparing: __, ...bare } = index;
    return {
      ...bare,
      ...wanted.method === undefined ? {} : { method: wanted.method },
      ...wanted.comparing === undefined ? {} : { comparing: wanted.comparing },
    };
  };
  const tables = live.tables.map((table) => {
    const there = expected.tables.find(({ name }) => name === table.name)?.indexes ?? [];
    return {
      ...table,
      indexes: table.indexes.map((each) => asMade(each, there.find(({ name }) => name === each.name))),
    };
  });
  return { ...live, tables };
}

/** Returns the words of a text, and those of a name, as no case tells them apart. */
function partsOf(text: string): readonly string[] {
  return text.toLowerCase().split(/\W+/);
}

/** What a script says where an index compares in another way than is the rule. */
function wordsOf({ method, comparing = [] }: Index): readonly string[] {
  return [method, ...comparing.flatMap(({ collation, operatorClass }) => [collation, operatorClass])]
    .filter((each) => each !== undefined);
}

function withValid(live: Snapshot, applied: readonly Revision[]): Snapshot {
  const isOpen = ({ valid }: { readonly valid: boolean }) => !valid;
  if (!live.tables.some(({ checks, foreignKeys }) => checks.some(isOpen) || foreignKeys.some(isOpen))) {
    return live;
  }
  const left = leftOpen(upgradeTexts(applied, live));
  const held =
    <T extends { readonly name: string | null; readonly valid: boolean }>(table: string) => (each: T): T =>
      each.name !== null && isLeft(left, { table, name: each.name }, "NOT VALID")
        ? { ...each, valid: true }
        : each;
  const tables = live.tables.map((table) => ({
    ...table,
    checks: table.checks.map(held(table.name)),
    foreignKeys: table.foreignKeys.map(held(table.name)),
  }));
  return { ...live, tables };
}
