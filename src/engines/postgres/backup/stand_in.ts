import { quoteName, quoteText } from "../../../sql/quote.ts";
import { HarborError, messageOf } from "../../../base/errors.ts";
import { isWord, nameOf } from "../../../sql/lexer.ts";
import { type ScriptStatement, statementsIn } from "./script.ts";
import { hostTable, placeOfName } from "../../../sql/table_names.ts";
import type { HostReference } from "../../backup/engine.ts";
import { sqlStateOf } from "../session/errors.ts";
import { inTransaction, query } from "./session.ts";
import type { Schemas } from "./tables.ts";
import type { Session } from "../session/session.ts";

/** Rows of tables that a copy does not hold, made up in a scratch database. */
export interface StandIns {
  /** The references of the copy to them, for people: `notes (owner) to auth.users (id)`. */
  readonly notFollowed: readonly string[];
  /** With those that are still to be made. */
  readonly madeUp: readonly string[];
  /** Why a table took no such rows, which says nothing of who refers to it; `null` where none refused. */
  readonly refusal: unknown;
  /**
   * Makes those to which the rows of a copy refer, in the transaction of the restore: with the rows in place, before the definitions
   * that come behind them.
   */
  forCopy(definitions: string, schemas: Schemas): Promise<void>;
  /**
   * Makes those to which its rows would refer by more references.
   *
   * @throws {HarborError} `rehearsal_failed` where a table takes none
   */
  forMore(references: readonly HostReference[]): Promise<void>;
}

/** Opens the stand-ins of a scratch database. */
export function openStandIns(scratch: Session): StandIns {
  const madeUp: string[] = [];
  let notFollowed: readonly string[] = [];
  const made = new Set<string>();
  let home = "";
  let refusal: unknown = null;
  async function add(references: readonly OutsideReference[]): Promise<void> {
    for (const reference of references) {
      const text = referenceText(reference, home);
      madeUp.push(text);
      await makeStandIn(scratch, reference, made).catch((error) => {
        if (!isOfRow(error)) throw error;
        refusal = error;
        throw new HarborError("rehearsal_failed", `Cannot make up the rows behind ${text}`, {
          state: messageOf(error),
          hint:
            "Nothing was changed. Let that table take rows with nothing but their keys, in host.sql beside the history; or leave the rehearsal out, and the budgets.",
        });
      });
    }
  }
  return {
    madeUp,
    get notFollowed() {
      return notFollowed;
    },
    get refusal() {
      return refusal;
    },
    async forCopy(definitions, schemas) {
      home = schemas[0];
      await add(outsideReferences(definitions, schemas));
      notFollowed = [...notFollowed, ...madeUp];
    },
    async forMore(more) {
      const found = more.flatMap(({ table, columns, host, keys }) => {
        const { schema, bare } = placeOfName(table, scratch.named);
        const to = hostTable(host);
        return to === null ? [] : [{
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

/** Whether the server has something against a value, a row or a definition, by the class of its code; else it lacks room or the like. */
function isOfRow(error: unknown): boolean {
  return /^(22|23|42|P0)/.test(sqlStateOf(error) ?? "");
}

/** A table as catalogs name it. */
interface NamedTable {
  readonly schema: string;
  readonly name: string;
}

/** A reference from a table of a copy to one that the copy does not hold. */
interface OutsideReference {
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
 * Makes the rows to which a copy's own refer by one reference, and the table where nothing made it before: with nothing but the keys
 * that the copy says. So its references are made, and held to while something is tried, as any other; whether the rows are there in
 * truth, nobody looks.
 *
 * @param made Tables that this made, which it gives more keys
 */
async function makeStandIn(
  scratch: Session,
  reference: OutsideReference,
  made: Set<string>,
): Promise<void> {
  const { from, columns, to, keys } = reference;
  const table = textOf(to);
  if (await isMissing(scratch, to)) {
    await scratch.script(`CREATE SCHEMA IF NOT EXISTS ${quoteName(to.schema)}; CREATE TABLE ${table} ()`);
    made.add(table);
  }
  if (made.has(table)) await addKeys(scratch, reference);
  await loosen(scratch, to, keys);
  const pairs = columns.map((name, index) => [`child.${quoteName(name)}`, quoteName(keys[index]!)] as const);
  await scratch.script(
    `ALTER TABLE ${table} DISABLE TRIGGER USER;
    INSERT INTO ${table} (${pairs.map(([, key]) => key).join(", ")}) OVERRIDING SYSTEM VALUE
    SELECT DISTINCT ${pairs.map(([value]) => value).join(", ")} FROM ${textOf(from)} AS child
    WHERE ${pairs.map(([value]) => `${value} IS NOT NULL`).join(" AND ")} AND NOT EXISTS (
      SELECT FROM ${table} AS host WHERE ${
      pairs.map(([value, key]) => `host.${key} = ${value}`).join(" AND ")
    }
    );
    ALTER TABLE ${table} ENABLE TRIGGER USER`,
  );
}

/** Reads `ALTER TABLE ONLY a.b ADD CONSTRAINT c FOREIGN KEY (d, e) REFERENCES f.g(h, i) …;`, as servers write it. */
function referenceIn({ tokens }: ScriptStatement): OutsideReference | null {
  const start = isWord(tokens[2], "ONLY") ? 3 : 2;
  const [schema, , name, add, , , foreign] = tokens.slice(start);
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

/** Gives a table of keys alone those of a reference, of the types of who refers to them. */
async function addKeys(
  scratch: Session,
  { from, columns, to, keys }: OutsideReference,
): Promise<void> {
  const types = await query<{ name: string; type: string }>(
    scratch,
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
    WHERE attrelid = ${quoteText(textOf(from))}::regclass AND attnum > 0 AND NOT attisdropped`,
  );
  const parts = keys.map((key, index) => {
    const type = types.find(({ name }) => name === columns[index])?.type;
    return `ADD COLUMN IF NOT EXISTS ${quoteName(key)} ${type}`;
  });
  await scratch.script(
    `ALTER TABLE ${textOf(to)} ${parts.join(", ")}, ADD UNIQUE (${keys.map(quoteName).join(", ")})`,
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
