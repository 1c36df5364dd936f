import type { Finding } from "../../base/finding.ts";
import type { RunFigures } from "./figures.ts";
import type { QueryReport } from "./queries.ts";

/** What a rehearsal says of the run on the database itself. */
export interface Forecast extends RunFigures {
  /** What failed, and why; `null` when nothing did. */
  readonly failure: Failure | null;
  /** In what the schema is another one afterwards, as sentences. */
  readonly schema: readonly string[];
  /** Where rows or columns that nothing was to change are others afterwards. */
  readonly losses: readonly string[];
  /** How many columns were compared for that, and what was not. */
  readonly compared: Compared;
  /** What `verify` finds on the result that is not as it should be. */
  readonly findings: readonly Finding[];
  /** What becomes of the application's queries; `null` where none were given, or the way there failed. */
  readonly queries: QueryReport | null;
  /** `null` where it was not tried, since the way there failed. */
  readonly wayBack: WayBack | null;
  /** How long it took to make and prove the copy, in milliseconds. */
  readonly copyMs: number;
  /** How long the rehearsal took after that, all looks included. */
  readonly rehearsalMs: number;
  /** What of the figures will be otherwise on the database itself. */
  readonly remarks: readonly string[];
}

/** Why a step failed. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: readonly string[];
}

/** What was compared value by value. */
export interface Compared {
  readonly columns: number;
  /** Tables that could not be: those without a primary key, whose rows nothing tells apart. */
  readonly notCompared: readonly string[];
}

/** How going down and up again went. */
export interface WayBack {
  /** Why nothing leads back; `null` when it was tried. */
  readonly why: string | null;
  /** What failed on the way. */
  readonly failure: Failure | null;
  /** In what the schema and the rows were others than before when it had gone down, and than after when up again. */
  readonly differences: readonly string[];
}

/** Whether all went as it should: the plan, the queries, the way back, and what `verify` looks at. */
export function isSound({ failure, losses, findings, queries, wayBack }: Forecast): boolean {
  return failure === null && losses.length === 0 && findings.every(({ status }) => status === "warn") &&
    (queries === null || queries.broken.length === 0) &&
    (wayBack === null || (wayBack.failure === null && wayBack.differences.length === 0));
}
