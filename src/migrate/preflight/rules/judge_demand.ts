import type { Dialect } from "../../../base/dialect.ts";
import type { Snapshot, Table } from "../../../schema/snapshot.ts";
import { sqliteConversion } from "../../../schema/twins/conversion.ts";
import type { Origins, TableOrigin } from "../../rules/origins.ts";
import { markedTable, ownSchemaMark } from "../../../sql/own/schema.ts";
import { postgresType } from "../../../sql/postgres_spelling.ts";
import { quoteName } from "../../../sql/quote.ts";
import { retypedColumns } from "../../rules/retyped.ts";
import { isOfFamily } from "./type_families.ts";
import { type Demand, queryOf, type ReadColumn } from "./demand.ts";

/** What a demand is judged by. */
export interface Evidence {
  /** What is there. */
  readonly live: Snapshot;
  /** Where what the schema to come has comes from in what is there. */
  readonly origins: Origins;
  /** The schema that demands. */
  readonly after: Snapshot;
  /** The statements that lead to it. */
  readonly statements: readonly string[];
  /** Those, and the ones of all steps before that are still to run. */
  readonly passed: readonly string[];
}

/**
 * Returns a demand with a query that can be run on what is there, or `null` where it cannot be judged yet: a script
 * gives values to what it reads, or makes it, or turns it into another type.
 *
 * What has another name by then is read under that name, a column without values as NULL, and a table that is to be
 * made as an empty one.
 */
export function judgeable(
  wanted: Demand,
  { live, origins, after, statements, passed }: Evidence,
): Demand | null {
  const own = origins.get(wanted.table);
  const demand = workedByScript(wanted, own, { statements, live });
  if (demand === null) return null;
  // What becomes of a value may be another thing by then.
  if (demand.work !== undefined && passed.some((sql) => definesTypes.test(sql))) return null;
  // Rows that go may be those that break it.
  if (own === undefined || own.table === null || own.hasFewer) return null;
  const names = [...new Set(demand.reads.map(({ table }) => table))];
  const parent = names.find((name) => name !== demand.table) ?? demand.table;
  // Rows that come may be those that are missing.
  if (demand.kind === "orphan" && origins.get(parent)?.hasMore !== false) return null;
  const views = names.map((name) => {
    const origin = origins.get(name);
    const wanted = after.tables.find((table) => table.name === name);
    return origin === undefined || wanted === undefined
      ? null
      : viewOf(demand, { origin, wanted, live, statements });
  });
  if (views.includes(null)) return null;
  const needed = views.filter((view) => view !== null).filter((view) => !view.isSame);
  // What takes another's name cannot be told from it in one query.
  const isMixed = needed.some((view) => needed.some((other) => other !== view && other.name === view.source));
  if (isMixed) return null;
  if (needed.length === 0) return demand;
  // The schema before a name would lead past the view that has it.
  const seen = needed.reduce(
    (text, view) => text.replaceAll(markedTable(view.name), quoteName(view.name)),
    demand.look,
  );
  const look = `WITH ${needed.map(({ text }) => text).join(", ")} ${seen}`;
  return { ...demand, condition: undefined, look, query: queryOf({ ...demand, look }, live.schemas) };
}

/**
 * Returns a demand with what the script itself makes of the column where it goes by way of other types, since not all that becomes
 * the new type so would become it at once; `null` where that cannot be told.
 */
function workedByScript(
  demand: Demand,
  own: TableOrigin | undefined,
  { statements, live }: Pick<Evidence, "statements" | "live">,
): Demand | null {
  const { work, table } = demand;
  if (work === undefined) return demand;
  const tables = [table, own?.table];
  const columns = [work.column, own?.columns.get(work.column)?.column];
  const found = statements.flatMap((sql) => retypedColumns(sql, live.dialect))
    .filter((each) => tables.includes(each.table) && columns.includes(each.column));
  const types = found.flatMap(({ types }) => types ?? []).map(postgresType);
  const ways = types.filter((type, place) => type !== types[place + 1]);
  if (ways.length < 2) return demand;
  // Of a name in quotes they do not have the capitals.
  if (ways.some((type) => type.includes('"'))) return null;
  const value = ways.reduce((value, type) => `CAST(${value} AS ${type})`, quoteName(work.column));
  const worked = { ...demand, work: { ...work, value } };
  return { ...worked, query: queryOf(worked, live.schemas) };
}

/** A statement by which types, or what leads from one to another, become others. */
const definesTypes = /^(?:\s|--.*\n)*(?:CREATE|ALTER|DROP)\s+(?:TYPE|DOMAIN|CAST|EXTENSION)\b/i;

/** A table as it will be, made of what is there. */
interface View {
  readonly name: string;
  readonly source: string | null;
  /** Whether it is there as it will be. */
  readonly isSame: boolean;
  /** For a `WITH` clause. */
  readonly text: string;
}

interface Subject {
  readonly origin: TableOrigin;
  readonly wanted: Table;
  readonly live: Snapshot;
  readonly statements: readonly string[];
}

function viewOf(demand: Demand, { origin, wanted, live, statements }: Subject): View | null {
  const { name } = wanted;
  const found = live.tables.find((table) => table.name === origin.table);
  const isMissing = origin.table === null ? origin.hasMore : found === undefined;
  if (isMissing) return null;
  const read = demand.reads.filter(({ table }) => table === name);
  const subject = { origin, wanted, found, live, statements, dialect: live.dialect };
  const columns = read.map((each) => valueOf(each, demand, subject));
  if (columns.includes(null)) return null;
  const values = columns.filter((value) => value !== null);
  const list = values.map(({ text }) => text).join(", ");
  const given = values.flatMap(({ given }) => given).map((column) => `${column} IS NOT NULL`);
  const conditions = origin.table === null ? ["1 = 0"] : given;
  const from = origin.table === null ? "" : ` FROM ${places[live.dialect]}${quoteName(origin.table)}`;
  const where = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
  return {
    name,
    source: origin.table,
    isSame: origin.table === name && conditions.length === 0 && values.every(({ isSame }) => isSame),
    text: `${quoteName(name)} AS NOT MATERIALIZED (SELECT ${list}${from}${where})`,
  };
}

/** What stands before a table's name, so that it is not taken for the one that the WITH clause makes. */
const places: Readonly<Record<Dialect, string>> = { sqlite: "main.", postgresql: ownSchemaMark };

/** A column of a view. */
interface Value {
  readonly text: string;
  readonly isSame: boolean;
  /** The columns that must have a value for a row to be judged. */
  readonly given: readonly string[];
}

function valueOf(
  { column: name, isTested }: ReadColumn,
  { kind, columns, hasExpression, from }: Demand,
  { origin, wanted, found, statements, dialect }: Subject & {
    readonly found: Table | undefined;
    readonly dialect: Dialect;
  },
): Value | null {
  const column = wanted.columns.find((each) => each.name === name);
  const source = origin.columns.get(name);
  if (column === undefined || source === undefined) return null;
  const { values } = source;
  if (values === "filled" && kind === "null" && columns.includes(name)) return null;
  if (source.column === null || origin.table === null) {
    // Until it is filled there is nothing in it.
    return values === "same"
      ? { isSame: false, given: [], text: `CAST(NULL AS ${castType(column.type)}) AS ${quoteName(name)}` }
      : null;
  }
  const old = found?.columns.find((each) => each.name === source.column);
  if (old === undefined || (from !== undefined && columns.includes(name) && !isOfFamily(old.type, from))) {
    return null;
  }
  const own = quoteName(source.column);
  const { script, text } = converted[dialect](old.type, column.type, own);
  // A script that works the values out otherwise than is known may have its own for those that break the demand.
  const isKnown = script === null
    ? values === "same" || values === "filled"
    : values === "copied anew" && statements.some((sql) => sql.includes(script));
  // Of what is there before it is converted.
  const isOld = ["null", "too long", "unreadable"].includes(kind) ||
    (kind === "not allowed" && !hasExpression);
  const value = isOld ? own : text;
  if (!isKnown || value === null) return null;
  return {
    isSame: source.column === name && value === own,
    // What is there already stays; what comes where there is nothing is the script's.
    given: values === "filled" && isTested ? [own] : [],
    text: `${value} AS ${quoteName(name)}`,
  };
}

/** What a value is in another type. */
interface Converted {
  /** What a script has where the engine does not do it by itself. */
  readonly script: string | null;
  /** `null` where it is not known. */
  readonly text: string | null;
}

const converted: Readonly<Record<Dialect, (from: string, to: string, column: string) => Converted>> = {
  sqlite: (from, to, column) => {
    const { worked, value } = sqliteConversion(from, to, column);
    return { script: worked, text: isOfFamily(from, to) ? column : value };
  },
  postgresql: (from, to, column) => {
    // A cast cuts what is too long.
    const type = castType(to).replace(/^character varying(?:\(\d+\))?/, "text")
      .replace(/^character\(\d+\)/, "bpchar");
    const isKnown = type !== "text" || /^(?:text|character varying)/.test(to);
    const text = /^character\(/.test(from) ? `CAST(${column} AS text)` : column;
    return {
      script: null,
      text: isOfFamily(from, to) ? column : isKnown ? `CAST(${text} AS ${type})` : null,
    };
  },
};

/** A type that every server has; one that a script has still to make is spelled as text, in which NULL is NULL as well. */
function castType(type: string): string {
  const isUsual =
    /^(?:smallint|integer|bigint|int|numeric|real|double|boolean|bool|text|character|varchar|char|timestamp|datetime|date|time|uuid|jsonb?|bytea|blob)\b/i;
  return isUsual.test(type) ? type : "text";
}
