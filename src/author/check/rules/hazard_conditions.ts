import type { Dialect } from "../../../base/dialect.ts";
import { isGenerated } from "../../../schema/generated.ts";
import type { Operation, OtherKind } from "../../../sql/operations/operation.ts";
import { isSameExpression } from "../../../schema/expressions/compare.ts";
import { postgresType } from "../../../sql/postgres_spelling.ts";
import { quoteName } from "../../../sql/quote.ts";
import type { ReadStatement } from "./script_operations.ts";
import type { Snapshot, Table } from "../../../schema/snapshot.ts";

/** Where an operation stands, and what it stands on. */
export interface OperationPlace {
  readonly dialect: Dialect;
  /** Of PostgreSQL: 15. */
  readonly version: number;
  /** The revision's name in words. */
  readonly name: string;
  readonly statement: ReadStatement;
  /** All statements of the script, in order. */
  readonly script: readonly ReadStatement[];
  /** The schemas before and after the revision, with the names that tables have when the statement runs. */
  readonly before: Snapshot;
  readonly after: Snapshot;
}

/** Says whether a table is there before the revision, and so may have rows. */
export function isFilled(table: string, { before }: OperationPlace): boolean {
  return before.tables.some((each) => each.name === table);
}

/** Returns the table of that name. */
export function tableIn(snapshot: Snapshot, name: string): Table | undefined {
  return snapshot.tables.find((table) => table.name === name);
}

/** Says why an operation writes a whole table anew; `null` when it does not. */
export function rewriting(operation: Operation, place: OperationPlace): string | null {
  if (!("table" in operation) || !isFilled(operation.table, place)) return null;
  switch (operation.kind) {
    case "rewrite table":
      return `runs ${operation.by}`;
    case "add column": {
      const isSlow = operation.value === "each row" ||
        (operation.value === "one for all" && place.version < 11);
      return isSlow ? `adds ${operation.column} with a value that has to be put into every row` : null;
    }
    case "change type": {
      const old = tableIn(place.before, operation.table)?.columns.find(({ name }) =>
        name === operation.column
      );
      const isCheap = old !== undefined && !operation.isComputed && keepsBytes(old.type, operation.type);
      if (isCheap) return null;
      // An enum type that is made anew has the name of the old one; any other conversion says how by itself.
      return old?.type === operation.type
        ? `converts every value of ${operation.column} to ${operation.type} anew`
        : `changes ${operation.column} from ${old?.type ?? "its type"} to ${operation.type}`;
    }
    default:
      return null;
  }
}

/**
 * Says whether the bytes of one type are good for the other, so that PostgreSQL changes its catalogue only.
 *
 * Source: https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
 */
export function keepsBytes(from: string, to: string): boolean {
  const [old, wanted] = [sized(postgresType(from)), sized(postgresType(to))];
  if (old.name === wanted.name && old.sizes.join() === wanted.sizes.join()) return true;
  const isText = (name: string) => name === "text" || name === "character varying";
  if (isText(old.name) && isText(wanted.name)) {
    const [limit] = wanted.sizes;
    return limit === undefined || (old.sizes[0] !== undefined && old.sizes[0] <= limit);
  }
  if (old.name !== wanted.name || !/^(?:numeric|bit varying|timestamp|time|interval)/.test(old.name)) {
    return false;
  }
  if (wanted.sizes.length === 0) return true;
  const [precision = Infinity, scale = 0] = old.sizes;
  const [newPrecision = Infinity, newScale = 0] = wanted.sizes;
  return precision <= newPrecision && scale === newScale;
}

function sized(type: string): { readonly name: string; readonly sizes: readonly number[] } {
  const [, sizes = ""] = /\(([^)]*)\)/.exec(type) ?? [];
  return {
    name: type.replace(/\([^)]*\)/, ""),
    sizes: sizes === "" ? [] : sizes.split(",").map(Number),
  };
}

/** Says why an operation keeps others off a table for long; `null` when it does not. */
export function locking(operation: Operation, place: OperationPlace): string | null {
  if (!("table" in operation) || !isFilled(operation.table, place)) return null;
  const { table } = operation;
  switch (operation.kind) {
    case "set not null":
      return isGuarded(table, operation.column, place)
        ? null
        : `looks at every row of ${table} while nobody can read or write it`;
    case "validate constraint": {
      const added = place.script.find(({ operations }) =>
        operations.some((each) => each.kind === "add constraint" && each.name === operation.name)
      );
      return added?.phase === place.statement.phase
        ? `looks at every row of ${table} while the lock of ADD CONSTRAINT in the same transaction is held`
        : null;
    }
    case "add constraint": {
      const builds = ["unique", "primary key", "exclusion"].includes(operation.constraint) &&
        !operation.usesIndex;
      return builds ? `builds an index while nobody can read or write ${table}` : null;
    }
    case "lock table":
      return `${operation.by} keeps others off ${table}`;
    default:
      return null;
  }
}

/** Says whether a check that is known to hold spares SET NOT NULL the reading (PostgreSQL 12 and later). */
function isGuarded(
  table: string,
  column: string,
  { script, statement, version, before }: OperationPlace,
): boolean {
  if (version < 12) return false;
  const known = tableIn(before, table)?.checks.some(({ expression, valid }) =>
    valid && isSameExpression(expression, `${quoteName(column)} IS NOT NULL`, "postgresql")
  );
  if (known) return true;
  const earlier = script.slice(0, script.indexOf(statement) + 1).flatMap(({ operations }) => operations);
  return earlier.some((guard) =>
    guard.kind === "add constraint" && guard.table === table && guard.notNullOf === column &&
    (!guard.isNotValid ||
      earlier.some((each) => each.kind === "validate constraint" && each.name === guard.name))
  );
}

/** Says what an operation takes away from whoever reads it now; `null` when it takes nothing. */
export function takenAway(operation: Operation, place: OperationPlace, alsoRenamed = true): string | null {
  if (operation.kind === "rename other") {
    const { what, name, value, to } = operation;
    const said = value === undefined ? `${what} ${name}` : `value ${value} of ${name}`;
    const wasThere = what === "table" ? isFilled(name, place) : !isMadeHere(operation, place);
    return alsoRenamed && wasThere ? `calls the ${said} ${to}` : null;
  }
  if (!("table" in operation) || !isFilled(operation.table, place)) return null;
  const { table } = operation;
  switch (operation.kind) {
    case "drop table":
      return `drops ${table}`;
    case "drop column":
      if (isMadeAnew(table, operation.column, place)) return null;
      return `drops ${table}.${operation.column}`;
    case "rename table":
      // Nobody reads a name that a table has for a moment only.
      return alsoRenamed && !isRenamedTo(table, place) ? `calls ${table} ${operation.to}` : null;
    case "rename column":
      // Nobody reads a name that a column has for a moment only.
      return alsoRenamed && hadColumn(table, operation.column, place)
        ? `calls ${table}.${operation.column} ${operation.to}`
        : null;
    case "rebuild table": {
      const kept = tableIn(place.after, table)?.columns.map(({ name }) => name) ?? [];
      const renamed = renamedColumns(table, place);
      const gone = tableIn(place.before, table)!.columns.map(({ name }) => name)
        .filter((name) => !kept.includes(name) && !renamed.has(name));
      return gone.length === 0 ? null : `drops ${gone.map((name) => `${table}.${name}`).join(", ")}`;
    }
    default:
      return null;
  }
}

/** Says whether a script makes something of the name: before, so that nobody knows it, or anew, so that there is one. */
function isMadeHere(
  { what, name, value }: Extract<Operation, { readonly kind: "rename other" }>,
  { script }: OperationPlace,
): boolean {
  // The values of one that only gets the name are known.
  return makersOf({ what, name }, script).some(({ operations }) =>
    value === undefined || operations.some(({ kind }) => kind === "create other")
  );
}

/** Returns the statements that make something else than a table, or give the name to another one. */
export function makersOf(
  { what, name }: { readonly what: OtherKind | "table"; readonly name: string },
  script: readonly ReadStatement[],
): readonly ReadStatement[] {
  return script.filter(({ operations }) =>
    operations.some((each) =>
      (each.kind === "create other" && each.what === what && each.name === name) ||
      (each.kind === "rename other" && each.what === what && each.to === name)
    )
  );
}

function isRenamedTo(table: string, { script, statement }: OperationPlace): boolean {
  return script.slice(0, script.indexOf(statement)).some(({ operations }) =>
    operations.some((each) => each.kind === "rename table" && each.to === table)
  );
}

function hadColumn(table: string, column: string, { before }: OperationPlace): boolean {
  return tableIn(before, table)!.columns.some(({ name }) => name === column);
}

/** Says whether a generated column comes back in the transaction in which it goes. */
function isMadeAnew(table: string, column: string, { before, script, statement }: OperationPlace): boolean {
  const was = tableIn(before, table)?.columns.find(({ name }) => name === column);
  return was !== undefined && isGenerated(was) &&
    script.some(({ operations, phase }) =>
      phase === statement.phase &&
      operations.some((each) => each.kind === "add column" && each.table === table && each.column === column)
    );
}

function renamedColumns(table: string, { script }: OperationPlace): ReadonlySet<string> {
  const renames = script.flatMap(({ operations }) => operations).filter((each) =>
    each.kind === "rename column"
  );
  return new Set(renames.filter((each) => each.table === table).map((each) => each.column));
}

/** Says whose rows an operation deletes; `null` when it deletes none. */
export function emptied(operation: Operation): string | null {
  return operation.kind === "delete" || operation.kind === "truncate"
    ? `deletes rows of ${operation.table}`
    : null;
}

/** Returns the columns that an operation makes NOT NULL and that have no default in the end. */
export function newlyRequired(operation: Operation, place: OperationPlace): readonly string[] {
  if (!("table" in operation) || !isFilled(operation.table, place)) return [];
  const { table } = operation;
  const after = tableIn(place.after, table)?.columns ?? [];
  const before = tableIn(place.before, table)!.columns;
  const lacksDefault = (name: string) => {
    const column = after.find((each) => each.name === name);
    return column === undefined || (column.default === null && !column.identity);
  };
  if (operation.kind === "set not null" || (operation.kind === "add column" && operation.notNull)) {
    return lacksDefault(operation.column) ? [`${table}.${operation.column}`] : [];
  }
  if (operation.kind !== "rebuild table") return [];
  return after.filter(({ name, notNull }) => {
    const was = before.find((each) => each.name === name);
    return notNull && lacksDefault(name) && was?.notNull !== true && !renamedTo(table, name, place);
  }).map(({ name }) => `${table}.${name}`);
}

function renamedTo(table: string, name: string, { script }: OperationPlace): boolean {
  return script.flatMap(({ operations }) => operations).some((each) =>
    each.kind === "rename column" && each.table === table && each.to === name
  );
}
