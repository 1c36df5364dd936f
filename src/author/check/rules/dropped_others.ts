import { keyOf } from "../../../base/fold_name.ts";
import { namesIn } from "../../../sql/expression_columns.ts";
import type { Operation } from "../../../sql/operations/operation.ts";
import { elementType } from "../../../sql/postgres_spelling.ts";
import { makersOf, type OperationPlace } from "./hazard_conditions.ts";

type DropOther = Extract<Operation, { readonly kind: "drop other" }>;

/**
 * Says that a view, type, function or the like goes, and what other objects of the schema lose by it; `null` where nobody knew
 * it, or it is there again when the transaction ends, and nothing went with it.
 */
export function droppedOther(operation: DropOther, place: OperationPlace): string | null {
  const { what, name, isCascade } = operation;
  if (isStopgap(operation, place)) return null;
  const again = makersOf(operation, place.script);
  const isBack = (makers: typeof again) => makers.some(({ phase }) => phase === place.statement.phase);
  const readers = readersOf(operation, place);
  const along = [
    ...columnsAndTables(operation, place),
    ...readers.filter((view) => isCascade && !isBack(makersOf({ what: "view", name: view }, place.script))),
  ];
  if (isBack(again)) return along.length === 0 ? null : `drops ${along.join(", ")} with the ${what} ${name}`;
  const unread = isCascade || again.length > 0 ? [] : readers;
  return [
    `drops the ${what} ${name}`,
    ...along.length === 0 ? [] : [` and ${along.join(", ")} with it`],
    ...again.length === 0 ? [] : [" until a later transaction makes it again"],
    ...unread.length === 0 ? [] : [`, without which ${unread.join(", ")} cannot be read`],
  ].join("");
}

/** Says which rows or values go with it; `null` where none do. */
export function droppedWith(operation: DropOther, place: OperationPlace): string | null {
  const along = isStopgap(operation, place) ? [] : columnsAndTables(operation, place);
  return along.length === 0 ? null : `drops ${along.join(", ")} with the ${operation.what} ${operation.name}`;
}

/** Says whether the script itself made something, or gave it the name, so that nobody else knows it. */
function isStopgap(operation: DropOther, { script, statement }: OperationPlace): boolean {
  return makersOf(operation, script.slice(0, script.indexOf(statement))).length > 0;
}

/** Returns what has rows and goes with a type or a schema. */
function columnsAndTables(
  { what, name, isCascade }: DropOther,
  { before: { tables }, script, statement }: OperationPlace,
): readonly string[] {
  if (!isCascade) return [];
  if (what === "schema") {
    return tables.map((table) => table.name).filter((each) => each.startsWith(`${name}.`));
  }
  if (what !== "type" && what !== "domain") return [];
  const isOfIt = (type: string) => elementType(type).replaceAll('"', "") === name;
  const earlier = script.slice(0, script.indexOf(statement)).flatMap(({ operations }) => operations);
  const isOtherNow = (table: string, column: string) =>
    earlier.some((each) =>
      each.kind === "change type" && each.table === table && each.column === column && !isOfIt(each.type)
    );
  return tables.flatMap((table) =>
    table.columns.filter((column) => isOfIt(column.type) && !isOtherNow(table.name, column.name))
      .map((column) => `${table.name}.${column.name}`)
  );
}

/** Returns the views that read one which goes: those that go with it, or those that are left without it, as SQLite leaves them. */
function readersOf(
  { what, name, isCascade }: DropOther,
  { dialect, before, after }: OperationPlace,
): readonly string[] {
  if (what !== "view") return [];
  return (isCascade ? before : after).others.filter((other) =>
    /view$/.test(other.kind) && other.name !== name &&
    namesIn(other.sql ?? "", dialect).has(keyOf(name, dialect))
  ).map((view) => view.name);
}
