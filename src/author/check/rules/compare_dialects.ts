import type { Operation } from "../../../sql/operations/operation.ts";
import type { ReadStatement } from "./script_operations.ts";

/** What a script does, in words that do not depend on the dialect, and the line where it does it. */
type Effects = ReadonlyMap<string, number>;

/** Something that one dialect's script does and the other's does not. */
export interface DialectDifference {
  /** `drops column files.name`. */
  readonly what: string;
  /** The place in the pair of the script that does it. */
  readonly side: 0 | 1;
  readonly line: number;
}

/**
 * Compares what two scripts of one revision do.
 *
 * A table that SQLite rebuilds is left out, since its statements do not say what changes in it; that both leave the
 * same schema is what the snapshots are for. So it is for a constraint, which only answers for the index of its name that
 * the other script makes or drops.
 */
export function compareDialects(
  scripts: readonly [readonly ReadStatement[], readonly ReadStatement[]],
): readonly DialectDifference[] {
  const all = scripts.flat().flatMap(({ operations }) => operations);
  const rebuilt = new Set(all.filter((each) => each.kind === "rebuild table").map((each) => each.table));
  const indexes = new Map(
    all.filter((each) => each.kind === "create index").map((each) => [each.index, each.table]),
  );
  const isCompared = (operation: Operation) => {
    const table = "table" in operation
      ? operation.table
      : "index" in operation
      ? indexes.get(operation.index)
      : undefined;
    return table === undefined ? rebuilt.size === 0 : !rebuilt.has(table);
  };
  const [first, second] = scripts.map((script) => effectsOf(script, isCompared)) as [Effects, Effects];
  const only = (side: 0 | 1, own: Effects, other: Effects) => {
    const answers = new Set(scripts[1 - side]!.flatMap(({ operations }) => operations).flatMap(answersOf));
    return [...own].filter(([what]) => !other.has(what) && !answers.has(what))
      .map(([what, line]) => ({ what, side, line }));
  };
  return [...only(0, first, second), ...only(1, second, first)];
}

function effectsOf(script: readonly ReadStatement[], isCompared: (operation: Operation) => boolean): Effects {
  const effects = new Map<string, number>();
  for (const { statement, operations } of script) {
    for (const operation of operations.filter(isCompared)) {
      for (const what of wordsFor(operation)) {
        // What is made and taken away again was a stopgap, and what goes and comes made way for another change.
        const opposite = oppositeOf(what);
        if (opposite !== null && effects.delete(opposite)) continue;
        if (!effects.has(what)) effects.set(what, statement.line);
      }
    }
  }
  return effects;
}

/** Returns what undoes something that is done with an index or a column; `null` where nothing does. */
function oppositeOf(what: string): string | null {
  const [, verb = "", thing] = /^(makes|drops|adds) ((?:index|column) .*)$/s.exec(what) ?? [];
  if (thing === undefined) return null;
  return `${verb === "drops" ? thing.startsWith("index") ? "makes" : "adds" : "drops"} ${thing}`;
}

/** Says of constraints what is the same as making or dropping an index. */
function answersOf(operation: Operation): readonly string[] {
  switch (operation.kind) {
    case "create table":
      return (operation.uniques ?? []).map((name) => `makes index ${name}`);
    case "add constraint":
      return operation.constraint === "unique" ? [`makes index ${operation.name}`] : [];
    case "drop constraint":
      return [`drops index ${operation.name}`];
    case "rename constraint":
      return [`drops index ${operation.name}`, `makes index ${operation.to}`];
    default:
      return [];
  }
}

function wordsFor(operation: Operation): readonly string[] {
  switch (operation.kind) {
    case "create table":
      return [`makes table ${operation.table}`];
    case "drop table":
      return [`drops table ${operation.table}`];
    case "rename table":
      return [`calls table ${operation.table} ${operation.to}`];
    case "add column":
      return [`adds column ${operation.table}.${operation.column}`];
    case "drop column":
      return [`drops column ${operation.table}.${operation.column}`];
    case "rename column":
      return [`calls column ${operation.table}.${operation.column} ${operation.to}`];
    case "create index":
      return [`makes index ${operation.index}`];
    case "drop index":
      return [`drops index ${operation.index}`];
    case "rename index":
      return [`drops index ${operation.index}`, `makes index ${operation.to}`];
    case "update":
    case "delete":
    case "insert":
    case "truncate":
      return [`${operation.kind}s rows of ${operation.table}`];
    default:
      return [];
  }
}
