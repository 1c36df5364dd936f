import type { OperationPlace } from "./hazard_rules.ts";
import { type Hazard, hazards } from "./hazards.ts";
import type { ReadStatement } from "./script_operations.ts";

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

/** Judges the statements of an upgrade script. */
export function judgeScript(
  script: readonly ReadStatement[],
  setting: Omit<OperationPlace, "statement" | "script">,
): { readonly found: readonly JudgedHazard[]; readonly unused: readonly UnusedAllowance[] } {
  const found = script.flatMap((statement) => {
    const place = { ...setting, statement, script };
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
