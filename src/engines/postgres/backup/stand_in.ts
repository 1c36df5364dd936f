import { quoteName, quoteText } from "../../../sql/quote.ts";
import { isWord, nameOf } from "../../../sql/lexer.ts";
import { type ScriptStatement, statementsIn } from "./script.ts";
import { hostTable, placeOfName } from "../../../sql/table_names.ts";
import type { HostReference } from "../../backup/engine.ts";
import { inTransaction, query } from "./session.ts";
import type { Schemas } from "./tables.ts";
import type { Session } from "../session/session.ts";

/** Rows of tables that a copy does not hold, made up in a scratch database. */
export interface StandIns {
  /** The references to them, for people: `notes (owner) to auth.users (id)`. */
  readonly notFollowed: readonly string[];
  /** Whether a constraint of that name is one of the references. */
  isFor(constraint: string | undefined): boolean;
  /**
   * Makes those to which the rows of a copy refer, in the transaction of the restore: with the rows in place, before the definitions
   * that come behind them. Where a table takes no such rows, those definitions fail.
   */
  forCopy(definitions: string, schemas: Schemas): Promise<void>;
  /** Makes those to which its rows would refer by more references. */
  forMore(references: readonly HostReference[]): Promise<void>;
}

/** Opens the stand-ins of a scratch database. */
export function openStandIns(scratch: Session): StandIns {
  const references: OutsideReference[] = [];
  const notFollowed: string[] = [];
  let home = "";
  async function add(more: readonly OutsideReference[]): Promise<void> {
    references.push(...more);
    notFollowed.push(...more.map((each) => referenceText(each, home)));
    await makeStandIns(scratch, more);
  }
  return {
    notFollowed,
    isFor: (name) => references.some(({ constraint }) => constraint === name),
    async forCopy(definitions, schemas) {
      home = schemas[0];
      await add(outsideReferences(definitions, schemas));
    },
    async forMore(more) {
      const found = more.flatMap(({ table, columns, host, keys }) => {
        const { schema, bare } = placeOfName(table, scratch.named);
        const to = hostTable(host);
        return to === null ? [] : [{
          constraint: null,
          from: { schema: schema ?? home, name: bare },
          columns,
          to: { schema: to.schema, name: to.bare },
          keys,
        }];
      });
      await inTransaction(scratch, { mode: "write" }, () => add(found));
    },
  };
}

/** A table as catalogs name it. */
interface NamedTable {
  readonly schema: string;
  readonly name: string;
}

/** A reference from a table of a copy to one that the copy does not hold. */
interface OutsideReference {
  /** `null` where it is still to be made. */
  readonly constraint: string | null;
  readonly from: NamedTable;
  readonly columns: readonly string[];
  readonly to: NamedTable;
  readonly keys: readonly string[];
}

function referenceText({ from, columns, to, keys }: OutsideReference, home: string): string {
  const table = from.schema === home ? from.name : `${from.schema}.${from.name}`;
  return `${table} (${columns.join(", ")}) to ${to.schema}.${to.name} (${keys.join(", ")})`;
}

/** Returns the references out of a copy's schemas that its definitions make. */
function outsideReferences(definitions: string, schemas: Schemas): readonly OutsideReference[] {
  // Reading a long script token by token takes its time, and few have any.
  if (!/\bREFERENCES\b/.test(definitions)) return [];
  return statementsIn(definitions).flatMap((statement) => referenceIn(statement) ?? [])
    .filter(({ to }) => !schemas.includes(to.schema));
}

/**
 * Makes the rows to which a copy's own refer, and the tables where nothing made those before: with nothing but the keys that the copy
 * says. So its references are made, and held to while something is tried, as any other; whether the rows are there in truth, nobody
 * looks.
 */
async function makeStandIns(
  scratch: Session,
  references: readonly OutsideReference[],
): Promise<void> {
  for (const [index, reference] of references.entries()) {
    const { from, columns, to, keys } = reference;
    const table = textOf(to);
    const others = references.slice(index).filter((each) => textOf(each.to) === table);
    await scratch.script("SAVEPOINT harbor_stand_in");
    try {
      if (await isMissing(scratch, to)) await make(scratch, to, others);
      await loosen(scratch, to, keys);
      const values = columns.map(quoteName).join(", ");
      await scratch.script(
        `ALTER TABLE ${table} DISABLE TRIGGER USER;
        INSERT INTO ${table} (${keys.map(quoteName).join(", ")}) OVERRIDING SYSTEM VALUE
        SELECT DISTINCT ${values} FROM ${textOf(from)}
        WHERE ${columns.map((name) => `${quoteName(name)} IS NOT NULL`).join(" AND ")}
        ON CONFLICT DO NOTHING;
        ALTER TABLE ${table} ENABLE TRIGGER USER`,
      );
    } catch (error) {
      if (scratch.hasEnded()) throw error;
      await scratch.script("ROLLBACK TO harbor_stand_in");
    }
    await scratch.script("RELEASE harbor_stand_in");
  }
}

/** Reads `ALTER TABLE ONLY a.b ADD CONSTRAINT c FOREIGN KEY (d, e) REFERENCES f.g(h, i) …;`, as servers write it. */
function referenceIn({ tokens }: ScriptStatement): OutsideReference | null {
  const start = isWord(tokens[2], "ONLY") ? 3 : 2;
  const [schema, , name, add, , constraint, foreign] = tokens.slice(start);
  if (!isWord(tokens[1], "TABLE") || !isWord(add, "ADD") || !isWord(foreign, "FOREIGN")) return null;
  const at = tokens.findIndex((token) => isWord(token, "REFERENCES"));
  const names = (from: number) => {
    const end = tokens.findIndex(({ text }, index) => index > from && text === ")");
    return tokens.slice(from + 1, end).filter(({ text }) => text !== ",").map((token) => nameOf(token) ?? "");
  };
  const named = (from: number): NamedTable => ({
    schema: nameOf(tokens[from]) ?? "",
    name: nameOf(tokens[from + 2]) ?? "",
  });
  return {
    constraint: nameOf(constraint) ?? "",
    from: { schema: nameOf(schema) ?? "", name: nameOf(name) ?? "" },
    columns: names(start + 8),
    to: named(at + 1),
    keys: names(at + 4),
  };
}

function textOf({ schema, name }: NamedTable): string {
  return `${quoteName(schema)}.${quoteName(name)}`;
}

async function isMissing(scratch: Session, table: NamedTable): Promise<boolean> {
  const [row] = await query<{ missing: boolean }>(
    scratch,
    `SELECT to_regclass(${quoteText(textOf(table))}) IS NULL AS missing`,
  );
  return row!.missing;
}

/** Makes a table of the keys alone, of the types of those who refer to them. */
async function make(
  scratch: Session,
  table: NamedTable,
  references: readonly OutsideReference[],
): Promise<void> {
  const types = new Map<string, string>();
  for (const { from, columns, keys } of references) {
    const rows = await query<{ name: string; type: string }>(
      scratch,
      `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
      WHERE attrelid = ${quoteText(textOf(from))}::regclass AND attnum > 0 AND NOT attisdropped`,
    );
    for (const [index, key] of keys.entries()) {
      const column = rows.find(({ name }) => name === columns[index]);
      if (column !== undefined) types.set(key, column.type);
    }
  }
  const keys = new Set(references.map(({ keys }) => keys.map(quoteName).join(", ")));
  const parts = [
    ...[...types].map(([name, type]) => `${quoteName(name)} ${type}`),
    ...[...keys].map((names) => `UNIQUE (${names})`),
  ];
  await scratch.script(
    `CREATE SCHEMA IF NOT EXISTS ${quoteName(table.schema)}; CREATE TABLE ${textOf(table)} (${
      parts.join(", ")
    })`,
  );
}

/** Lets a stand-in take rows that have nothing but keys. */
async function loosen(scratch: Session, table: NamedTable, keys: readonly string[]): Promise<void> {
  const rows = await query<{ text: string }>(
    scratch,
    `SELECT format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', a.attrelid::regclass, a.attname) AS text
    FROM pg_attribute a WHERE a.attrelid = ${quoteText(textOf(table))}::regclass AND a.attnum > 0
      AND NOT a.attisdropped AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
      AND a.attname NOT IN (${keys.map(quoteText).join(", ")})
      AND NOT EXISTS (SELECT FROM pg_index x WHERE x.indrelid = a.attrelid AND x.indisprimary
        AND a.attnum = ANY (x.indkey))`,
  );
  for (const { text } of rows) await scratch.script(text);
}
