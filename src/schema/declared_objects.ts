import { nameIn } from "../sql/table_names.ts";
import { onceFor } from "../base/once_for.ts";
import type { KitSequence, KitSnapshot, KitTable } from "./kit_snapshot.ts";
import type { OtherObject } from "./snapshot.ts";

/** Returns what a snapshot of drizzle-kit has beside its tables, as the live database shows it. */
export function declaredObjects(snapshot: KitSnapshot): readonly OtherObject[] {
  const { tables, views = {}, sequences = {}, enums = {} } = snapshot;
  const hasTypes = Object.keys(enums).length > 0;
  const types = new Set(hasTypes ? Object.values(tables).flatMap(columnTypes) : []);
  const found = [
    ...Object.values(views).filter(({ definition }) => definition !== undefined).map((view) =>
      declared(
        view.materialized === true ? "materialized view" : "view",
        nameIn(view["schema"], view.name),
        view.definition!,
      )
    ),
    ...Object.values(sequences).map((each) =>
      declared("sequence", nameIn(each["schema"], each.name), sequenceText(each))
    ),
    // The values of a type that a column has are compared with the column.
    ...Object.values(enums).map((each) => ({ name: nameIn(each["schema"], each.name), values: each.values }))
      .filter(({ name }) => !types.has(name)).map(({ name, values }) =>
        declared(
          "type",
          name,
          `ENUM (${values.map((value) => `'${value.replaceAll("'", "''")}'`).join(", ")})`,
        )
      ),
    ...Object.values(tables).flatMap(policiesOf),
  ];
  return found.toSorted((a, b) => keyOf(a) < keyOf(b) ? -1 : 1);
}

/** Returns the keys of all that a snapshot has beside its tables, the types of columns among them; see {@link keyOf}. */
export function declaredKeys(snapshot: KitSnapshot): ReadonlySet<string> {
  const types = Object.values(snapshot.enums ?? {}).map((each) =>
    keyOf({ kind: "type", name: nameIn(each["schema"], each.name), table: null })
  );
  return new Set([...declaredObjects(snapshot).map(keyOf), ...types]);
}

/** Whether a snapshot can have an object of that kind, of functions and triggers none says anything. */
export function mayBeDeclared({ kind }: Pick<OtherObject, "kind">): boolean {
  return declarable.includes(kind);
}

const declarable: readonly OtherObject["kind"][] = [
  "view",
  "materialized view",
  "sequence",
  "type",
  "policy",
];

/** Returns what tells an object apart from others of its schema. */
export function keyOf({ kind, name, table }: Pick<OtherObject, "kind" | "name" | "table">): string {
  return `${kind} ${name}${kind === "policy" ? ` of ${table}` : ""}`;
}

function declared(kind: OtherObject["kind"], name: string, sql: string): OtherObject {
  return { kind, name, table: null, sql, isDeclared: true };
}

/** A sequence as drizzle-kit describes it: all of its options, as text. */
interface SequenceOptions {
  readonly increment?: string;
  readonly minValue?: string;
  readonly maxValue?: string;
  readonly startWith?: string;
  readonly cache?: string;
  readonly cycle?: boolean;
}

function sequenceText(sequence: KitSequence): string {
  const { increment = "1", minValue, maxValue, startWith, cache = "1", cycle = false } =
    sequence as SequenceOptions;
  const isDown = increment.startsWith("-");
  const low = minValue ?? (isDown ? "-9223372036854775808" : "1");
  const high = maxValue ?? (isDown ? "-1" : "9223372036854775807");
  const start = startWith ?? (isDown ? high : low);
  return `INCREMENT BY ${increment} MINVALUE ${low} MAXVALUE ${high} START WITH ${start} CACHE ${cache}${
    cycle ? " CYCLE" : ""
  }`;
}

interface KitPolicy {
  readonly name: string;
  readonly as?: string;
  readonly for?: string;
  readonly to?: readonly string[];
  readonly using?: string;
  readonly withCheck?: string;
}

/** Returns the types of a table's columns by name, of arrays that of their values. */
export const columnTypes = onceFor(({ columns }: KitTable) =>
  Object.values(columns).map(({ type, typeSchema }) => nameIn(typeSchema, type.replace(/(?:\[\d*\])+$/, "")))
);

const policiesOf = onceFor((table: KitTable): readonly OtherObject[] =>
  Object.values((table["policies"] ?? {}) as Readonly<Record<string, KitPolicy>>).map((policy) => ({
    ...declared("policy", policy.name, policyText(policy)),
    table: nameIn(table["schema"], table.name),
  }))
);

/** Each condition stands on a line of its own. */
function policyText(policy: KitPolicy): string {
  const { as = "PERMISSIVE", for: command = "ALL", to = ["public"], using, withCheck } = policy;
  const line = (text: string) => text.replaceAll(/\s+/g, " ").trim();
  return [
    `AS ${as.toUpperCase()} FOR ${command.toUpperCase()} TO ${to.toSorted().join(", ")}`,
    ...using === undefined ? [] : [`USING ${line(using)}`],
    ...withCheck === undefined ? [] : [`WITH CHECK ${line(withCheck)}`],
  ].join("\n");
}
