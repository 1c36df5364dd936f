import { quoteName } from "../../../../sql/quote.ts";
import type { BesideTask } from "../../../beside.ts";
import { own } from "../../connection/statement.ts";
import type { BesideFile, BesidePlace } from "../../database.ts";
import { readSourceTable, rowidOf, type SourceTable } from "../form/source_table.ts";
import type { TableForm } from "../form/table.ts";
import { joined } from "../mirror/clear_away.ts";
import {
  changesName,
  dropNotingTriggers,
  makeNotingTriggers,
  type NotingBodies,
  pushedOut,
  stopNoting,
  walkNotes,
} from "../mirror/noting.ts";
import { type PacedRun, startPaced } from "../mirror/paced.ts";
import { createProgress, insertProgress, progressOf } from "../mirror/progress.ts";
import type { DefinitionChange } from "./change.ts";
import { eachRow } from "./demands.ts";
import { look } from "./look.ts";
import { dangling, type NewReference } from "./references.ts";
import { type Check, type Closing, Moved } from "./swap.ts";

/**
 * What is noted of those who write while rows are looked at for new foreign keys. Such a key refuses nobody anything before it stands, nor
 * does it take rows away: so what is noted is looked at again, the last of it in the transaction after which it stands.
 */
export interface ReferenceNotes {
  /** Of the table's rows that come, or get other values. */
  readonly rows: Noted;
  /** By foreign key: of the keys that go, also with rows that REPLACE takes away without a word. */
  readonly keys: readonly NotedKeys[];
}

/** Triggers of a number, and what they do. */
interface Noted {
  readonly id: number;
  readonly bodies: NotingBodies;
}

interface NotedKeys extends Noted {
  readonly reference: NewReference;
  /** Whether an index finds the rows that refer to a key. */
  readonly isFound: boolean;
}

/** How many notes are left to the last transaction. */
const mostLeft = 200;
/** How often what was noted is gone through in the hope that little is left. */
const mostPasses = 10;

/** Begins to note. What an earlier run noted goes: it looked at nothing to the end. */
export function startNotes({ file }: BesidePlace, change: DefinitionChange): Promise<ReferenceNotes> {
  const { after, references, statements } = change;
  return file.transact(() => {
    forget(file, change);
    file.change(own(createProgress));
    const begin = (name: string, table: string): number => {
      const begun = { name, table, phase: "follow", lastRow: null, endRow: null, seen: "" } as const;
      insertProgress(file, { ...begun, statement: joined(statements) });
      return progressOf(file.rows).at(-1)!.id;
    };
    const make = ({ id, bodies }: Noted, columns: string, table: { readonly name: string }) => {
      for (
        const text of [
          `CREATE TABLE ${changesName(id)} (${columns})`,
          ...makeNotingTriggers(id, table, bodies),
        ]
      ) {
        file.change(own(text));
      }
    };
    const id = begin("check of new foreign keys", after.name);
    const rows = { id, bodies: rowNotes(id, change) };
    make(rows, "id INTEGER PRIMARY KEY", after);
    const keys = references.map((reference): NotedKeys => {
      const parent = readSourceTable(file.rows, reference.parent);
      if (parent === null) throw new Moved();
      const id = begin("check of referred keys", parent.name);
      const noted = { id, bodies: keyNotes(id, parent, reference) };
      // Without types a key stays what it was. A note keeps its id: VACUUM gives rows others where no column is the id.
      make(noted, ["id INTEGER PRIMARY KEY", ...keyColumns(reference)].join(", "), parent);
      return { ...noted, reference, isFound: reference.isAlike && isFoundByIndex(file, after, reference) };
    });
    return { rows, keys };
  });
}

function keyColumns({ keys }: NewReference): readonly string[] {
  return keys.map((_, place) => `key_${place}`);
}

/** Notes the rows that refer to anything. */
function rowNotes(id: number, { after, references }: DefinitionChange): NotingBodies {
  const [changes, row] = [changesName(id), `NEW.${rowidOf(after)}`];
  const refers = references.map(({ columns }) =>
    columns.map((column) => `NEW.${quoteName(column)} IS NOT NULL`).join(" AND ")
  );
  const note = `INSERT INTO ${changes} (id) SELECT ${row} WHERE (${
    refers.join(" OR ")
  }) AND ${row} NOT IN (SELECT id FROM ${changes});`;
  return { insert: note, update: note };
}

function keyNotes(id: number, parent: SourceTable, reference: NewReference): NotingBodies {
  const into = `INSERT INTO ${changesName(id)} (${keyColumns(reference).join(", ")}) SELECT`;
  const names = reference.keys.map(quoteName);
  const old = names.map((name) => `OLD.${name}`).join(", ");
  const differs = names.map((name) => `OLD.${name} COLLATE BINARY IS NOT NEW.${name}`).join(" OR ");
  const sameRow = `${parent.rowId} = NEW.${parent.rowId}`;
  const out = [...parent.uniqueKeys.flatMap((key) => pushedOut(key, parent)), sameRow].map((condition) =>
    `${into} ${names.join(", ")} FROM ${quoteName(parent.name)} WHERE ${condition};`
  );
  return {
    before_insert: out.join(" "),
    before_update: out.join(" "),
    update: `${into} ${old} WHERE ${differs};`,
    delete: `${into} ${old};`,
  };
}

function isFoundByIndex({ rows }: BesideFile, { name }: TableForm, { columns }: NewReference): boolean {
  const condition = columns.map((column) => `${quoteName(column)} = ?`).join(" AND ");
  const plan = rows<{ readonly detail: string }>({
    text: `EXPLAIN QUERY PLAN SELECT 1 FROM ${quoteName(name)} WHERE ${condition}`,
    values: columns.map(() => null),
  });
  return plan.every(({ detail }) => detail.startsWith("SEARCH"));
}

/**
 * Looks at what was noted, again and again, until little of it is left. A row that refers to nothing stays noted: who wrote it may
 * write the other one next.
 *
 * @throws {HarborError} `dangling_reference` where all rows have to be looked at for a key that is gone
 */
export async function followNotes(
  place: BesidePlace,
  change: DefinitionChange,
  { rows, keys, task }: ReferenceNotes & { readonly task: BesideTask },
): Promise<void> {
  const { file } = place;
  const paced = await startPaced(file, task, `looking at what changes in ${change.after.name}`);
  for (let pass = 0; pass < mostPasses; pass++) {
    await forgetIn(file, paced, { id: rows.id, texts: (range) => [soundRows(change, rows.id, range)] });
    for (const noted of keys) {
      await forgetIn(file, paced, { id: noted.id, texts: (range) => soundKeys(change, noted, range) });
      if (!noted.isFound) await lookForKeys(place, change, { noted, task });
    }
    const isLeft = ({ id }: Noted, most: number) =>
      file.rows(own(`SELECT 1 FROM ${changesName(id)} LIMIT 1 OFFSET ${most}`)).length > 0;
    if (!isLeft(rows, mostLeft) && !keys.some((noted) => isLeft(noted, noted.isFound ? mostLeft : 0))) return;
  }
}

async function forgetIn(
  file: BesideFile,
  paced: PacedRun,
  { id, texts }: { readonly id: number; readonly texts: (range: string) => readonly string[] },
): Promise<void> {
  await walkNotes(file, paced, {
    id,
    batch: (range) =>
      file.transact(() => {
        for (const text of texts(range)) file.change(own(text));
      }),
  });
}

/** Forgets the rows that refer to nothing which is not there. */
function soundRows({ after, references }: DefinitionChange, id: number, range: string): string {
  const noted = `SELECT id FROM ${changesName(id)} WHERE ${range}`;
  const broken = references.map((reference) => `(${dangling(after, reference)})`).join(" OR ");
  return `DELETE FROM ${changesName(id)} WHERE ${range} AND id NOT IN (SELECT harbor_row FROM ${
    eachRow(after, `${rowidOf(after)} IN (${noted})`)
  } WHERE ${broken})`;
}

/** Forgets the keys that are there, and where an index tells, those to which nothing refers. */
function soundKeys({ after }: DefinitionChange, noted: NotedKeys, range: string): readonly string[] {
  const { id, isFound } = noted;
  const forgotten = `DELETE FROM ${changesName(id)} WHERE ${range} AND`;
  return [
    `${forgotten} ${isThere(noted)}`,
    ...isFound ? [`${forgotten} NOT ${isMissed(after, noted)}`] : [],
  ];
}

/** Whether a noted key is in the table that is referred to. */
function isThere({ id, reference }: NotedKeys): string {
  const same = reference.keys.map((key, place) =>
    `harbor_parent.${quoteName(key)} = ${changesName(id)}.key_${place}`
  );
  return `EXISTS (SELECT 1 FROM ${quoteName(reference.parent)} AS harbor_parent WHERE ${same.join(" AND ")})`;
}

/** Whether a row that refers to nothing refers to a noted key, or where no index finds that, whether there is any such row. */
function isMissed(table: TableForm, { id, reference, isFound }: NotedKeys): string {
  const name = quoteName(table.name);
  const same = reference.columns.map((column, place) =>
    `${name}.${quoteName(column)} = ${changesName(id)}.key_${place} AND `
  );
  return `EXISTS (SELECT 1 FROM ${name} WHERE ${isFound ? same.join("") : ""}${dangling(table, reference)})`;
}

/** Looks at all rows where a key is gone to which any may refer. */
async function lookForKeys(
  place: BesidePlace,
  change: DefinitionChange,
  { noted: { id, reference }, task }: { readonly noted: NotedKeys; readonly task: BesideTask },
): Promise<void> {
  const { file } = place;
  const [row] = file.rows<{ last: number | bigint | null }>(
    own(`SELECT max(rowid) AS last FROM ${changesName(id)}`),
  );
  if (row?.last == null) return;
  const demands = change.demands.filter((demand) => demand.reference === reference);
  await look(place, { ...change, demands }, task);
  await file.transact(() => file.change(own(`DELETE FROM ${changesName(id)} WHERE rowid <= ${row.last}`)));
}

/** Returns what looks at the notes that are left, and what ends the noting. */
export function closingOf(
  { file }: BesidePlace,
  { after, demands }: DefinitionChange,
  { rows, keys }: ReferenceNotes,
): Pick<Closing, "checks" | "ending"> {
  const noted = `SELECT id FROM ${changesName(rows.id)}`;
  const checks = demands.flatMap((demand): readonly Check[] => {
    const of = keys.find(({ reference }) => reference === demand.reference);
    if (of === undefined) return [];
    const [rowsOf, keysOf] = [changesName(rows.id), changesName(of.id)].map((name) =>
      `DELETE FROM ${name} WHERE`
    );
    return [
      {
        ...own(
          `${rowsOf} id IN (SELECT harbor_row FROM ${
            eachRow(after, `${rowidOf(after)} IN (${noted})`)
          } WHERE ${demand.broken})`,
        ),
        demand,
      },
      { ...own(`${keysOf} ${isThere(of)}`), demand: null },
      { ...own(`${keysOf} ${isMissed(after, of)}`), demand },
    ];
  });
  const ids = [rows.id, ...keys.map(({ id }) => id)];
  const isOther = progressOf(file.rows).some(({ id }) => !ids.includes(id));
  const ending = [
    ...[rows, ...keys].flatMap(({ id, bodies }) => [
      ...dropNotingTriggers(id, bodies),
      `DROP TABLE ${changesName(id)}`,
    ]),
    isOther ? `DELETE FROM harbor_beside WHERE id IN (${ids.join(", ")})` : "DROP TABLE harbor_beside",
  ];
  return { checks, ending: ending.map(own) };
}

/** Ends the noting of a change, whatever of it there is. */
export async function endNotes({ file }: BesidePlace, change: DefinitionChange): Promise<void> {
  if (change.references.length > 0) await file.transact(() => forget(file, change));
}

function forget(file: BesideFile, { statements }: DefinitionChange): void {
  const known = progressOf(file.rows);
  // What a mirror has seen is never empty.
  const mine = known.filter(({ statement, seen }) => statement === joined(statements) && seen === "");
  for (const { id } of mine) {
    for (const text of [...stopNoting(id), `DELETE FROM harbor_beside WHERE id = ${id}`]) {
      file.change(own(text));
    }
  }
  if (mine.length > 0 && mine.length === known.length) file.change(own("DROP TABLE harbor_beside"));
}
