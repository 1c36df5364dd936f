import type { OperationPlace } from "./hazard_conditions.ts";
import { type Hazard, hazards } from "./hazards.ts";
import type { ReadStatement } from "./script_operations.ts";
import type { Snapshot } from "../../../schema/snapshot.ts";

/** A hazard in a statement. */
export interface JudgedHazard {
  readonly hazard: Hazard;
  readonly severity: "fail" | "warn";
  /** What is dangerous: `drops files.name, which …`. */
  readonly message: string;
  readonly line: number;
  /** Whether `-- harbor:allow` above the statement accepts it. */
  readonly isAllowed: boolean;
}

/** An `-- harbor:allow` that fits nothing. */
export interface UnusedAllowance {
  readonly id: string;
  readonly line: number;
  readonly isKnown: boolean;
}

/** What a statement gives another name. */
interface Rename {
  readonly from: string;
  readonly to: string;
}

function renamesIn({ operations }: ReadStatement): readonly Rename[] {
  return operations.flatMap((each) =>
    each.kind === "rename table" ? [{ from: each.table, to: each.to }] : []
  );
}

/** What had the new name is gone by then. */
function renamed(schema: Snapshot, { from, to }: Rename): Snapshot {
  const table = schema.tables.find(({ name }) => name === from);
  if (table === undefined) return schema;
  const others = schema.tables.filter(({ name }) => name !== from && name !== to);
  return { ...schema, tables: [...others, { ...table, name: to }] };
}

/** Returns a schema at the beginning and behind each statement. */
function namedAlong(renames: readonly (readonly Rename[])[], schema: Snapshot): readonly Snapshot[] {
  const found = [schema];
  for (const each of renames) found.push(each.reduce(renamed, found.at(-1)!));
  return found;
}

/** Judges the statements of an upgrade script. */
export function judgeScript(
  script: readonly ReadStatement[],
  setting: Omit<OperationPlace, "statement" | "script">,
): { readonly found: readonly JudgedHazard[]; readonly unused: readonly UnusedAllowance[] } {
  const renames = script.map(renamesIn);
  const befores = namedAlong(renames, setting.before);
  const backwards = renames.map((each) => each.map(({ from, to }) => ({ from: to, to: from })).toReversed());
  const afters = namedAlong(backwards.toReversed(), setting.after).toReversed();
  const found = script.flatMap((statement, at) => {
    const place = { ...setting, statement, script, before: befores[at]!, after: afters[at]! };
    return hazards.flatMap((hazard) => {
      const severity = hazard.severity[setting.dialect];
      if (severity === "none") return [];
      const messages = statement.operations.map((operation) => hazard.judge(operation, place));
      const { line, allowed } = statement.statement;
      return [...new Set(messages.filter((message) => message !== null))].map((message) => ({
        hazard,
        severity,
        message,
        line,
        isAllowed: allowed.includes(hazard.id),
      }));
    });
  });
  const unused = script.flatMap(({ statement: { allowed, line } }) =>
    allowed.filter((id) => !found.some((each) => each.hazard.id === id && each.line === line)).map((id) => ({
      id,
      line,
      isKnown: hazards.some((hazard) => hazard.id === id),
    }))
  );
  return { found, unused };
}
