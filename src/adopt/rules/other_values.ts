import type { Obstacle } from "../../migrate/preflight/rules/obstacle.ts";
import { bareType } from "../../schema/compare/bare_type.ts";
import type { Column, Snapshot, Table } from "../../schema/snapshot.ts";
import { quoteName, quoteText } from "../../sql/quote.ts";
import { quoteTable } from "../../sql/table_names.ts";

/**
 * Returns the enum types that have other values than those of a target, or have them in another order. A value may be in rows, and
 * no statement takes one away, so a bridge leaves them alone.
 *
 * @param shared The tables that both schemas have, each as it is there and as it should be
 */
export function otherValues(
  shared: readonly (readonly [Table, Table])[],
  live: Snapshot,
): readonly Obstacle[] {
  const types = new Map(
    shared.flatMap(([found, wanted]) =>
      found.columns.flatMap((column) => {
        const to = wanted.columns.find(({ name }) => name === column.name);
        return to?.values === undefined || column.values === undefined ||
            bareType(to.type) !== bareType(column.type)
          ? []
          : [[column.type, [column.values, to.values]] as const];
      })
    ),
  );
  return [...types].flatMap(([type, [found, wanted]]): readonly Obstacle[] => {
    if (found.join("\0") === wanted.join("\0")) return [];
    const missing = wanted.filter((value) => !found.includes(value));
    const extra = found.filter((value) => !wanted.includes(value));
    const isOrdered = wanted.filter((value) => found.includes(value)).join("\0") === found.join("\0");
    return [{
      path: `type ${type}`,
      state: missing.length + extra.length === 0
        ? `the type ${type} has its values in another order (${listed(found)}) than they should have (${
          listed(wanted)
        })`
        : [
          ...missing.length === 0 ? [] : [`the type ${type} lacks ${listed(missing)}`],
          ...extra.length === 0 ? [] : [`the type ${type} has ${listed(extra)}, which it should not have`],
        ].join(", and "),
      remedy: isOrdered
        ? added(type, found, wanted)
        : `${
          extra.length === 0 ? "" : `See that no row has ${listed(extra)}. `
        }Make the type anew, and with it what else uses it: ${madeAnew(type, wanted, live)}`,
    }];
  });
}

function listed(values: readonly string[]): string {
  return values.map(quoteText).join(", ");
}

/** Returns the statements that put values in their places among those that are there. */
function added(type: string, found: readonly string[], wanted: readonly string[]): string {
  return wanted.flatMap((value, place) => {
    if (found.includes(value)) return [];
    const [before] = place === 0 ? found : [];
    const where = place > 0
      ? ` AFTER ${quoteText(wanted[place - 1]!)}`
      : before === undefined
      ? ""
      : ` BEFORE ${quoteText(before)}`;
    return [`ALTER TYPE ${type} ADD VALUE ${quoteText(value)}${where};`];
  }).join(" ");
}

/** Returns the statements that make a type with other values in the place of one, with the columns that have it. */
function madeAnew(type: string, values: readonly string[], { tables, schemas }: Snapshot): string {
  const [, schema = "", name = ""] = /^((?:"(?:[^"]|"")+"|[^".]+)\.)?(.+)$/.exec(type) ?? [];
  const old = quoteName(`${bareType(name)}_old`);
  const change = ({ name, default: value }: Column) => {
    const column = `ALTER COLUMN ${quoteName(name)}`;
    const cast = `${column} TYPE ${type} USING ${quoteName(name)}::text::${type}`;
    return value === null ? cast : `${column} DROP DEFAULT, ${cast}, ${column} SET DEFAULT ${value}`;
  };
  const columns = tables.flatMap((table) =>
    table.columns.filter((column) => column.type === type).map((column) =>
      `ALTER TABLE ${quoteTable(table.name, schemas)} ${change(column)};`
    )
  );
  return [
    "BEGIN;",
    `ALTER TYPE ${type} RENAME TO ${old};`,
    `CREATE TYPE ${type} AS ENUM (${listed(values)});`,
    ...columns,
    `DROP TYPE ${schema}${old};`,
    "COMMIT;",
  ].join(" ");
}
