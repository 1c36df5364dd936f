import type { Operation } from "../../sql/operations.ts";
import type { Snapshot } from "../../schema/snapshot.ts";

/**
 * Says why a script does not fit a schema, by the names that it makes and needs; `null` when it does.
 *
 * It finds what another branch made or took away meanwhile; whether the script leaves what it should is for a proof.
 */
export function firstMisfit(operations: readonly Operation[], schema: Snapshot): string | null {
  const names = new Set(schema.tables.flatMap(({ name, columns, indexes }) => [
    name,
    ...columns.map((column) => `${name}.${column.name}`),
    ...indexes.map((index) => `index ${index.name}`),
  ]));
  for (const operation of operations) {
    const { needs, makes, takes } = namesOf(operation);
    const missing = needs.find((name) => !names.has(name));
    if (missing !== undefined) return `${missing} is not there any more`;
    const twice = makes.find((name) => names.has(name) && !takes.includes(name));
    if (twice !== undefined) return `${twice} is there already`;
    for (const taken of takes) {
      for (const name of [...names]) if (name === taken || name.startsWith(`${taken}.`)) names.delete(name);
    }
    for (const made of makes) names.add(made);
    // From here on the names do not tell.
    if (["create table", "rename table", "rebuild table"].includes(operation.kind)) return null;
  }
  return null;
}

interface Names {
  readonly needs: readonly string[];
  readonly makes: readonly string[];
  readonly takes: readonly string[];
}

function namesOf(operation: Operation): Names {
  const names = (needs: readonly string[], makes: readonly string[] = [], takes: readonly string[] = []) => ({
    needs,
    makes,
    takes,
  });
  switch (operation.kind) {
    case "create table":
      return names([], [operation.table]);
    case "drop table":
      return names([operation.table], [], [operation.table]);
    case "rename table":
      return names([operation.table], [operation.to], [operation.table]);
    case "add column":
      return names([operation.table], [`${operation.table}.${operation.column}`]);
    case "drop column": {
      const column = `${operation.table}.${operation.column}`;
      return names([column], [], [column]);
    }
    case "rename column": {
      const column = `${operation.table}.${operation.column}`;
      return names([column], [`${operation.table}.${operation.to}`], [column]);
    }
    case "create index":
      return names([operation.table], [`index ${operation.index}`]);
    case "drop index":
      return names([`index ${operation.index}`], [], [`index ${operation.index}`]);
    case "rename index":
      return names([`index ${operation.index}`], [`index ${operation.to}`], [`index ${operation.index}`]);
    default:
      return "table" in operation ? names([operation.table]) : names([]);
  }
}
