import { quoteName } from "../../../../sql/quote.ts";
import type { SourceTable } from "../form/source_table.ts";
import { changesName, makeNotingTriggers, pushedOut } from "./noting.ts";
import { notingNames } from "../../../../sql/own/triggers.ts";

/**
 * A table that is filled with what the rows of another one say, while others write to that one. Triggers note which rows
 * changed, nothing else: what they note is copied anew in batches, the last of it in the transaction that puts the mirror
 * in its place. So the application's own statements never do the mirror's work, and no conflict clause of theirs, which
 * would override one in a trigger, meets a key of the mirror.
 */
export interface Mirror {
  /** Tells its names from those of other mirrors. */
  readonly id: number;
  readonly source: SourceTable;
  readonly columns: readonly MirrorColumn[];
  /** How its own row id is called, in quotes: it is the source's. */
  readonly rowId: string;
  /** Which rows are mirrored; `null` for all. */
  readonly where: string | null;
}

/** A column beside the row id, and the expression over the source's row that it holds. */
export interface MirrorColumn {
  readonly name: string;
  readonly from: string;
  /** Whether its affinity makes values of another type of them. */
  readonly isConverted?: boolean;
}

/** Row ids behind the first, if there is one, up to the last. */
export interface Range {
  readonly after: bigint | null;
  readonly to: bigint;
}

/** What the table of a mirror is called. */
export const mirrorName = (id: number): string => `harbor_beside_${id}`;
/** Whether something of this name belongs to a mirror: its table, its index, its triggers and what they note in. */
export const isOfMirror = (name: string): boolean => ofMirror.test(name);
const ofMirror = new RegExp(`^harbor_beside_\\d+(?:_(?:changed|index(?:_\\d+)?|${notingNames.join("|")}))?$`);

/** Returns the statements that begin to note changes. */
export function startNoting({ id, source }: Mirror): readonly string[] {
  const changes = changesName(id);
  const { rowId } = source;
  const noted = (row: string) =>
    `INSERT INTO ${changes} (id) SELECT ${row}.${rowId} WHERE ${row}.${rowId} NOT IN (SELECT id FROM ${changes});`;
  const out = source.uniqueKeys.flatMap((key) => pushedOut(key, source)).map((condition) =>
    `INSERT INTO ${changes} (id) SELECT ${rowId} FROM ${
      quoteName(source.name)
    } WHERE ${condition} AND ${rowId} NOT IN (SELECT id FROM ${changes});`
  ).join(" ");
  return [
    `CREATE TABLE ${changes} (id INTEGER PRIMARY KEY)`,
    ...makeNotingTriggers(id, source, {
      before_insert: out,
      before_update: out,
      insert: noted("NEW"),
      update: `${noted("OLD")} ${noted("NEW")}`,
      delete: noted("OLD"),
    }),
  ];
}

/** Returns the statements that mirror rows nobody has mirrored, and note those that a key or rule of the mirror refuses. */
export function fillRange(mirror: Mirror, range: Range): readonly string[] {
  const { id, source, rowId } = mirror;
  const changes = changesName(id);
  return [
    copyRows(mirror, within(source.rowId, range)),
    `INSERT INTO ${changes} (id) SELECT ${source.rowId} FROM ${quoteName(source.name)} WHERE ${
      within(source.rowId, range)
    }${and(mirror.where)} AND ${source.rowId} NOT IN (SELECT ${rowId} FROM ${
      mirrorName(id)
    }) AND ${source.rowId} NOT IN (SELECT id FROM ${changes})`,
  ];
}

/**
 * Returns the statements that mirror anew what changed; noted stays what a key or rule of the mirror refuses.
 *
 * @param range A condition on the notes
 */
export function copyChanged(mirror: Mirror, range: string): readonly string[] {
  const { id, source, rowId, where } = mirror;
  const [target, changes] = [mirrorName(id), changesName(id)];
  const changed = `(SELECT id FROM ${changes} WHERE ${range})`;
  return [
    `DELETE FROM ${target} WHERE ${rowId} IN ${changed}`,
    copyRows(mirror, `${source.rowId} IN ${changed}`),
    `DELETE FROM ${changes} WHERE ${range} AND (id IN (SELECT ${rowId} FROM ${target}) OR NOT EXISTS (SELECT 1 FROM ${
      quoteName(source.name)
    } WHERE ${source.rowId} = ${changes}.id${and(where)}))`,
  ];
}

/** Returns the statement that fails with what a key or rule of the mirror has against a row. */
export function copyRefused(mirror: Mirror): string {
  const { id, source } = mirror;
  return copyRows(mirror, `${source.rowId} = (SELECT min(id) FROM ${changesName(id)})`).replace(
    " OR IGNORE",
    "",
  );
}

function copyRows({ id, source, columns, rowId, where }: Mirror, condition: string): string {
  const names = [rowId, ...columns.map(({ name }) => quoteName(name))];
  const values = [source.rowId, ...columns.map(({ from }) => from)];
  return `INSERT OR IGNORE INTO ${mirrorName(id)} (${names.join(", ")}) SELECT ${values.join(", ")} FROM ${
    quoteName(source.name)
  } WHERE ${condition}${and(where)}`;
}

/** Returns the query that counts rows whose mirror is not what it should be and that are not noted either. */
export function countWrong(mirror: Mirror, range: Range): string {
  const { id, source, columns, rowId, where } = mirror;
  const [target, changes, table] = [mirrorName(id), changesName(id), quoteName(source.name)];
  const values = columns.map(({ from }, at) => `, ${from} AS c${at}`).join("");
  const differs = columns.map(({ name, isConverted }, at) => {
    const held = `s.${quoteName(name)}`;
    // Without an affinity of its own a value is compared as the column would store it.
    return isConverted
      ? ` OR (+o.c${at}) COLLATE BINARY IS NOT ${held}`
      : ` OR typeof(o.c${at}) <> typeof(${held}) OR o.c${at} COLLATE BINARY IS NOT ${held}`;
  }).join("");
  const own = within(source.rowId, range);
  return `SELECT (SELECT count(*) FROM (SELECT ${source.rowId} AS i${values} FROM ${table} WHERE ${own}${
    and(where)
  }) AS o LEFT JOIN ${target} AS s ON s.${rowId} = o.i WHERE (s.${rowId} IS NULL${differs}) AND o.i NOT IN (SELECT id FROM ${changes})) + (SELECT count(*) FROM ${target} AS s WHERE ${
    within(`s.${rowId}`, range)
  } AND NOT EXISTS (SELECT 1 FROM ${table} WHERE ${source.rowId} = s.${rowId}${
    and(where)
  }) AND s.${rowId} NOT IN (SELECT id FROM ${changes})) AS wrong`;
}

function within(rowId: string, { after, to }: Range): string {
  return `${after === null ? "" : `${rowId} > ${after} AND `}${rowId} <= ${to}`;
}

/** The line break ends a comment that the condition may end with. */
function and(where: string | null): string {
  return where === null ? "" : ` AND (${where}\n)`;
}
