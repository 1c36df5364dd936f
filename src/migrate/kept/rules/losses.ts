import type { Dialect } from "../../../base/dialect.ts";
import { keyOf } from "../../../base/fold_name.ts";
import { isGenerated } from "../../../schema/generated.ts";
import type { Snapshot, Table } from "../../../schema/snapshot.ts";
import { commaParts, tokensOf } from "../../../sql/cursor.ts";
import { isWord, nameOf } from "../../../sql/lexer.ts";
import { type Copy, type Effect, withSchemaRenamed } from "../../rules/effects/effect.ts";
import { droppedTypes } from "../../rules/effects/dropped.ts";
import { effectsOf } from "../../rules/statement_effects.ts";
import { retypedColumns, staysUpTo } from "../../rules/retyped.ts";

/**
 * What becomes of the values of a column:
 * - `filled`: where there were none, there are some.
 * - `changed`: they may be others.
 */
export type Change = "filled" | "changed";

/** What statements would destroy of a table. */
export type Loss =
  | { readonly kind: "table"; readonly table: Table }
  | { readonly kind: "columns"; readonly table: Table; readonly columns: readonly string[] }
  | {
    readonly kind: "changed";
    readonly table: Table;
    /** What the table is called afterwards. */
    readonly now: string;
    readonly columns: readonly {
      readonly name: string;
      readonly change: Change;
      /** Of more characters alone they may be others, of a column that gets a shorter type; `null` where any may be. */
      readonly length: number | null;
    }[];
    /** What each column that is there afterwards is called then, by its name of before. */
    readonly names: ReadonlyMap<string, string>;
  };

/** Returns the columns of which something goes; none where the table goes with all of them. */
export function columnsGone(loss: Loss): readonly string[] {
  switch (loss.kind) {
    case "table":
      return [];
    case "columns":
      return loss.columns;
    case "changed":
      return loss.columns.map(({ name }) => name);
  }
}

/** Where a column's values come from, and what was done to them. */
interface Values {
  readonly origin: string;
  readonly change: Change | null;
  readonly length: number | null;
}

interface Rows {
  /** The table at the start whose rows they are; `null` for a table that was made since. */
  readonly origin: string | null;
  readonly columns: ReadonlyMap<string, Values>;
  /** The types that it was made with, of a table without rows yet. */
  readonly types?: ReadonlyMap<string, string>;
}

/**
 * Returns the names of the tables on which depends what statements lose, as they write them: none where they lose nothing,
 * whatever there is. `null` where their texts do not tell.
 */
export function tablesOfLosses(statements: readonly string[], dialect: Dialect): readonly string[] | null {
  if (!statements.some((sql) => losingWords.test(sql))) return [];
  if (statements.some((sql) => droppedTypes(sql, dialect).length > 0)) return null;
  const retyped = statements.flatMap((sql) => retypedColumns(sql, dialect)).map(({ table }) => table);
  const effects = statements.flatMap((sql) => effectsOf(sql, dialect));
  if (effects.some(({ kind }) => kind === "rename schema")) return null;
  if (retyped.length === 0 && !effects.some(({ kind }) => losing.has(kind))) return [];
  const named = effects.flatMap((effect) => {
    if (effect.kind === "hidden" || effect.kind === "rename schema") return [];
    const { table } = effect;
    return effect.kind === "rename"
      ? [table, effect.to]
      : effect.kind === "copy"
      ? [table, effect.source]
      : [table];
  });
  return [...new Set([...retyped, ...named])];
}

/** One of them stands in every statement that loses something: most need not be read further. */
const losingWords = /\b(?:drop|update|insert|replace|type)\b/i;

const losing: ReadonlySet<Effect["kind"]> = new Set(["drop", "drop column", "write", "copy"]);

/** Returns what is lost of the tables that there are, as far as the statements' texts tell: whole tables last. */
export function lossesOf(
  { tables, dialect }: Pick<Snapshot, "tables" | "dialect">,
  statements: readonly string[],
): readonly Loss[] {
  const start: State = new Map(tables.map((table): [string, Rows] => [keyOf(table.name, dialect), {
    origin: table.name,
    columns: new Map(
      table.columns.map((
        { name },
      ) => [keyOf(name, dialect), { origin: name, change: null, length: null }]),
    ),
  }]));
  const end = statements.reduce(
    (state: State, sql) => afterStatement(state, sql, { dialect, tables }),
    start,
  );
  return tables.flatMap((table) => lossesIn(table, end))
    .toSorted((a, b) => Number(a.kind === "table") - Number(b.kind === "table"));
}

type State = ReadonlyMap<string, Rows>;

function lossesIn(table: Table, end: State): readonly Loss[] {
  const stored = table.columns.filter((column) => !isGenerated(column));
  const found = [...end].filter(([, rows]) => rows.origin === table.name);
  const [last] = found;
  if (last === undefined) return [{ kind: "table", table }];
  const fates = stored.map(({ name }) => {
    const kept = found.flatMap(([, rows]) => [...rows.columns].filter(([, { origin }]) => origin === name));
    return { name, kept: kept.find(([, { change }]) => change === null) ?? kept[0] };
  });
  const gone = fates.flatMap(({ name, kept }) => kept === undefined ? [name] : []);
  const changed = fates.flatMap(({ name, kept }) => {
    const { change = null, length = null } = kept?.[1] ?? {};
    return change === null ? [] : [{ name, change, length }];
  });
  return [
    ...gone.length > 0 ? [{ kind: "columns" as const, table, columns: gone }] : [],
    ...changed.length > 0
      ? [{ kind: "changed" as const, table, now: last[0], columns: changed, names: namesIn(last[1]) }]
      : [],
  ];
}

function namesIn({ columns }: Rows): ReadonlyMap<string, string> {
  return new Map([...columns].map(([name, { origin }]) => [origin, name]));
}

/** Leaves out what an earlier statement of the same script made: nobody had anything in it before. */
export function withoutMade(
  losses: readonly Loss[],
  earlier: readonly string[],
  dialect: Dialect,
): readonly Loss[] {
  const effects = earlier.flatMap((sql) => effectsOf(sql, dialect));
  const isMade = (table: string, column: string | null) =>
    effects.some((effect) =>
      effect.kind === (column === null ? "make" : "add column") &&
      keyOf(effect.table, dialect) === keyOf(table, dialect) &&
      (effect.kind !== "add column" || keyOf(effect.column, dialect) === keyOf(column ?? "", dialect))
    );
  return losses.flatMap((loss): readonly Loss[] => {
    const { name } = loss.table;
    if (isMade(name, null)) return [];
    switch (loss.kind) {
      case "table":
        return [loss];
      case "columns": {
        const columns = loss.columns.filter((column) => !isMade(name, column));
        return columns.length > 0 ? [{ ...loss, columns }] : [];
      }
      case "changed": {
        const columns = loss.columns.filter((column) => !isMade(name, column.name));
        return columns.length > 0 ? [{ ...loss, columns }] : [];
      }
    }
  });
}

interface Setting {
  readonly dialect: Dialect;
  readonly tables: readonly Table[];
}

function afterStatement(state: State, sql: string, setting: Setting): State {
  const { dialect } = setting;
  const types = declaredTypes(sql, dialect);
  const effects = effectsOf(sql, dialect);
  const reached = effects.reduce(
    (from, effect) => afterEffect(from, effect, { ...setting, types }),
    withoutTypes(state, droppedTypes(sql, dialect), setting),
  );
  return retypedColumns(sql, dialect).reduce((from, { table, column, types }) => {
    const rows = from.get(keyOf(table, dialect));
    const values = rows?.columns.get(keyOf(column, dialect));
    if (rows === undefined || values === undefined) return from;
    const was = typeOf(setting, rows.origin, values.origin);
    const stays = types === null || was === null ? -1 : staysUpTo(dialect, was, types);
    if (stays === Infinity) return from;
    const next = changed(rows, [column], "changed", dialect);
    const isOnlyCut = stays >= 0 && values.change === null;
    return withTable(from, table, {
      dialect,
      rows: isOnlyCut
        ? {
          ...next,
          columns: new Map([...next.columns, [keyOf(column, dialect), {
            ...values,
            change: "changed",
            length: stays,
          }]]),
        }
        : next,
    });
  }, reached);
}

function afterEffect(
  state: State,
  effect: Effect,
  setting: Setting & { readonly types: ReadonlyMap<string, string> },
): State {
  const { dialect } = setting;
  if (effect.kind === "hidden") return state;
  if (effect.kind === "rename schema") return withSchemaRenamed(state, effect);
  const rows = state.get(keyOf(effect.table, dialect));
  if (effect.kind === "make") {
    if (rows !== undefined && !effect.isCertain) return state;
    return withTable(state, effect.table, {
      dialect,
      rows: { origin: null, columns: new Map(), types: setting.types },
    });
  }
  if (rows === undefined) return state;
  const put = (next: Rows | null) => withTable(state, effect.table, { dialect, rows: next });
  switch (effect.kind) {
    case "drop":
      return put(null);
    case "rename":
      return withTable(put(null), effect.to, { dialect, rows });
    case "drop column":
      return put(without(rows, keyOf(effect.column, dialect)));
    case "rename column": {
      const old = keyOf(effect.column, dialect);
      const values = rows.columns.get(old);
      if (values === undefined) return state;
      const { columns } = without(rows, old);
      return put({ ...rows, columns: new Map([...columns, [keyOf(effect.to, dialect), values]]) });
    }
    case "write":
      return put(changed(rows, effect.columns, effect.isFill ? "filled" : "changed", dialect));
    case "copy": {
      const source = state.get(keyOf(effect.source, dialect));
      const isCopy = source !== undefined && rows.origin === null && rows.columns.size === 0;
      return isCopy ? put(copied(effect, { ...setting, source, types: rows.types })) : state;
    }
    default:
      return state;
  }
}

function copied(
  { columns }: Copy,
  { source, types, ...setting }: Setting & {
    readonly source: Rows;
    readonly types: ReadonlyMap<string, string> | undefined;
  },
): Rows {
  const { dialect } = setting;
  return {
    origin: source.origin,
    columns: new Map(columns.flatMap(({ column, from, isFilled }) => {
      const own = source.columns.get(keyOf(column, dialect));
      const given = from === null ? own : source.columns.get(keyOf(from, dialect));
      if (given === undefined) return [];
      const was = typeOf(setting, source.origin, given.origin);
      const type = types?.get(keyOf(column, dialect));
      const isRetyped = was !== null && type !== undefined && staysUpTo(dialect, was, [type]) !== Infinity;
      const change = from === null || isRetyped ? "changed" : isFilled ? "filled" : null;
      return [
        [keyOf(column, dialect), {
          ...given,
          change: worse(given.change, change),
          length: change === null ? given.length : null,
        }] as const,
      ];
    })),
  };
}

function changed(rows: Rows, columns: readonly string[] | null, change: Change, dialect: Dialect): Rows {
  const names = columns?.map((name) => keyOf(name, dialect));
  return {
    ...rows,
    columns: new Map([...rows.columns].map(([name, values]) => [
      name,
      names === undefined || names.includes(name)
        ? { ...values, change: worse(values.change, change), length: null }
        : values,
    ])),
  };
}

function worse(a: Change | null, b: Change | null): Change | null {
  return a === "changed" || b === "changed" ? "changed" : a ?? b;
}

function without(rows: Rows, column: string): Rows {
  return { ...rows, columns: new Map([...rows.columns].filter(([name]) => name !== column)) };
}

function withTable(
  state: State,
  name: string,
  { dialect, rows }: { readonly dialect: Dialect; readonly rows: Rows | null },
): State {
  const own = keyOf(name, dialect);
  const others = [...state].filter(([other]) => other !== own);
  return new Map(rows === null ? others : [...others, [own, rows]]);
}

/** Takes away the columns of types that are dropped with all that depends on them. */
function withoutTypes(state: State, gone: readonly string[], setting: Setting): State {
  if (gone.length === 0) return state;
  const isGone = (rows: Rows, { origin }: Values) => {
    const type = typeOf(setting, rows.origin, origin)?.replaceAll("[]", "").replace(/^.*\./, "") ?? "";
    return gone.includes(type.replaceAll('"', ""));
  };
  return new Map(
    [...state].map(([name, rows]) => [name, {
      ...rows,
      columns: new Map([...rows.columns].filter(([, values]) => !isGone(rows, values))),
    }]),
  );
}

function typeOf({ tables }: Setting, table: string | null, column: string): string | null {
  return tables.find(({ name }) => name === table)?.columns.find(({ name }) => name === column)?.type ?? null;
}

/** Returns the types that `CREATE TABLE` declares, by the columns' names; only of SQLite, where tables are copied. */
function declaredTypes(sql: string, dialect: Dialect): ReadonlyMap<string, string> {
  const tokens = copiesTables[dialect] ? tokensOf(sql, dialect) : [];
  const open = tokens.findIndex(({ text }) => text === "(");
  if (!isWord(tokens[0], "CREATE") || open < 0) return new Map();
  const close = tokens.findLastIndex(({ text }) => text === ")");
  return new Map(
    commaParts(tokens.slice(open + 1, close)).map(([name, ...rest]) => {
      const end = rest.findIndex((token) => afterType.some((word) => isWord(token, word)));
      const type = (end < 0 ? rest : rest.slice(0, end)).map(({ text }) => text).join(" ");
      return [keyOf(nameOf(name) ?? "", dialect), type.toUpperCase()];
    }),
  );
}

/** Whether a table is changed by a copy that takes its place. */
const copiesTables: Readonly<Record<Dialect, boolean>> = { sqlite: true, postgresql: false };

const afterType = [
  "CONSTRAINT",
  "PRIMARY",
  "NOT",
  "NULL",
  "UNIQUE",
  "CHECK",
  "DEFAULT",
  "COLLATE",
  "REFERENCES",
  "GENERATED",
  "AS",
];
