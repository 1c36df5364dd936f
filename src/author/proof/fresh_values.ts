import { effectsOf } from "../../migrate/rules/statement_effects.ts";
import { follow, type Passage, startOf } from "../../migrate/rules/origins.ts";
import { type Contents, type Filled, nullText, type Row } from "./contents.ts";
import { hasKey, keyOf, type LawOfRevision } from "./law.ts";

/** What is said of values that are others each time. */
export interface Freshness {
  /** Makes of contents behind some passages what can be compared with those behind the same passages at another time. */
  readonly compared: (contents: Contents) => Contents;
  readonly unseen: LawOfRevision["unseen"];
}

/** What is another value each time. */
const moving =
  /\b(?:now|current_(?:timestamp|date|time)|localtime(?:stamp)?|(?:clock|statement|transaction)_timestamp|timeofday|unixepoch|random(?:blob)?|gen_random_\w+|uuid_generate_\w+|uuidv[47])\b/i;

/**
 * Finds the values that passages fill from the clock or by chance, which nobody can hold to be the same twice, and lets them
 * stand for each other: those of rows that had none, see {@link Freshness}. A value that is missing stays one.
 *
 * @param from What was there before the passages
 */
export function freshBehind(
  { contents: before }: Pick<Filled, "contents">,
  passages: readonly Passage[],
): Freshness {
  const [first, last] = [passages[0], passages.at(-1)];
  if (first === undefined || last === undefined || !passages.some(fillsAnew)) {
    return { compared: (contents) => contents, unseen: [] };
  }
  const origins = passages.reduce(follow, startOf(first.before));
  const found = last.after.tables.flatMap((table) => {
    const origin = origins.get(table.name);
    const old = before.get(origin?.table ?? "") ?? [];
    const sourceOf = (name: string) => origin?.columns.get(name)?.column ?? name;
    const keyBefore = (row: Row) =>
      keyOf(
        table,
        Object.fromEntries(table.primaryKey.map((name) => [name, row[sourceOf(name)] ?? nullText])),
      );
    return table.columns.flatMap(({ name }) => {
      const { column = null, values = "same" } = origin?.columns.get(name) ?? {};
      const empty = column === null || values === "same" ? [] : old.filter((row) => row[column] === nullText);
      return empty.length === 0 ? [] : [{ table, name, keys: new Set(empty.map(keyBefore)) }];
    });
  });
  const compared = (contents: Contents) =>
    found.reduce<Contents>((reached, { table, name, keys }) => {
      // Without a key nobody knows which rows they are.
      const isFresh = (row: Row) => row[name] !== nullText && (!hasKey(table) || keys.has(keyOf(table, row)));
      const rows = reached.get(table.name) ?? [];
      const marked = rows.map((row) => isFresh(row) ? { ...row, [name]: "a value of the moment" } : row);
      return new Map([...reached, [table.name, marked]]);
    }, contents);
  const unseen = found.map(({ table, name }) => ({
    table: table.name,
    reason: `what ${name} gets from the clock or by chance where it is NULL`,
  }));
  return { compared, unseen };
}

function fillsAnew({ before: { dialect }, statements }: Passage): boolean {
  return statements.some((sql) =>
    moving.test(sql) &&
    effectsOf(sql, dialect).some((effect) =>
      effect.kind === "copy"
        ? effect.columns.some(({ from, isFilled }) => isFilled || from === null)
        : effect.kind === "write"
    )
  );
}
