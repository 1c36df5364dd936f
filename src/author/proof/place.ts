import { type ErrorDetails, HarborError } from "../../base/errors.ts";
import type { History, Revision } from "../../history/history.ts";
import { schemasOfHistory, snapshotIfThere } from "../../history/revision_schema.ts";
import type { Passage } from "../../migrate/rules/origins.ts";
import { plainTexts } from "../../history/plain_texts.ts";
import type { Snapshot } from "../../schema/snapshot.ts";
import type { Breach } from "./law.ts";

/** A way through the history. Places count the revisions that are done. */
export interface Walk {
  readonly from: number;
  readonly to: number;
  /** To the end and back. */
  readonly directions: readonly ("upgrade" | "downgrade")[];
  /** Whether an application writes between them, and what it does not write has to be what it was. */
  readonly writes?: boolean;
}

/** Returns the schema after so many revisions. */
export function schemaAt({ dialect, revisions }: History, place: number): Snapshot {
  const revision = revisions[place - 1];
  if (revision === undefined) return { dialect, tables: [], others: [] };
  return snapshotIfThere(revision) ?? schemaAt({ dialect, revisions }, place - 1);
}

/** Returns the passages from one place to another, up or down. */
export function passagesBetween(history: History, from: number, to: number): readonly Passage[] {
  const { revisions } = history;
  if (from > to) {
    return Array.from({ length: from - to }, (_, step) => ({
      before: schemaAt(history, from - step),
      after: schemaAt(history, from - step - 1),
      statements: textsOf(revisions[from - step - 1]!.downgrade(), history),
    }));
  }
  return Array.from({ length: to - from }, (_, step) => ({
    before: schemaAt(history, from + step),
    after: schemaAt(history, from + step + 1),
    statements: textsOf(revisions[from + step]!.upgrade(), history),
  }));
}

function textsOf(script: ReturnType<Revision["downgrade"]>, history: History): readonly string[] {
  return script === null ? [] : plainTexts(script, [{ schemas: schemasOfHistory(history) }]);
}

/** Where in a walk something went wrong. */
export interface ProofPlace extends Pick<Walk, "from" | "to"> {
  readonly history: History;
  readonly direction: "upgrade" | "downgrade";
  readonly isSecond: boolean;
}

interface Wrong {
  readonly cause?: unknown;
  readonly details?: Readonly<Record<string, unknown>>;
  /** What is not proven, to go before where that is. */
  readonly what?: string;
  readonly hint?: string;
}

/** Returns the error that says what went wrong, and where. */
export function notProven(
  { history: { revisions, host }, from, to, direction, isSecond }: ProofPlace,
  state: string,
  { cause, details, what: whole = "", hint = "Mend the script, then look again: harbor-db check" }: Wrong,
): HarborError {
  const idAt = (place: number) => revisions[place - 1]?.id ?? "base";
  const last = revisions[to - 1]!;
  const ends = direction === "upgrade" ? [from, to] : [to, from];
  const what = to - from === 1
    ? `the ${direction}${isSecond ? " after a downgrade" : ""} of "${last.id}"`
    : `the ${direction} in one go from "${idAt(ends[0]!)}" to "${idAt(ends[1]!)}"`;
  const facts = { revision: last.id, ...details, direction };
  return new HarborError("not_proven", `Cannot prove ${whole}${what}`, {
    state,
    hint: [...failedStatement(facts), ...hostHint(host, facts), ...refusedHint(cause), hint],
    details: facts,
    cause,
  });
}

/** What there is none of, as PostgreSQL says it: schemas, functions, roles and types, tables. */
const undefinedThings: readonly unknown[] = ["3F000", "42883", "42704", "42P01"];

/** Returns the remedy where a script names what a hosting service may bring; nothing elsewhere. */
export function hostHint(host: History["host"], { sqlState }: ErrorDetails): readonly string[] {
  if (host === undefined || !undefinedThings.includes(sqlState)) return [];
  return [
    `Where no revision makes it, since the hosting service brings it, say so in ${host.file}, which runs first in each scratch database`,
  ];
}

/** Returns the remedy where a proof does not run what the server might, which may be right, or cannot read a script. */
export function refusedHint(cause: unknown): readonly string[] {
  const isItsOwn = cause instanceof HarborError && ["check_failed", "bad_script"].includes(cause.code);
  return isItsOwn ? cause.hintLines : [];
}

/** Returns the error that says what a way down and up again makes of what nobody wrote. */
export function lawBroken(place: ProofPlace, breaches: readonly Breach[]): HarborError {
  return notProven(place, `${few(breaches.map(({ text }) => text))}, and nobody wrote that`, {
    what: "what is kept over ",
    details: { breaches },
    hint:
      "Mend the script, then look again: harbor-db check --prove. Or say why not, above the downgrade's statement that does it: -- harbor:allow lossy_downgrade REASON",
  });
}

/** Joins the first of some sentences, and says how many more there are. */
export function few(texts: readonly string[]): string {
  const first = texts.slice(0, mostTexts).join("; ");
  return texts.length <= mostTexts ? first : `${first}; and ${texts.length - mostTexts} more`;
}

const mostTexts = 3;

/** Returns what shows the statement that failed, which may be in no file yet; nothing where none did. */
export function failedStatement({ statement }: ErrorDetails): readonly string[] {
  return statement === undefined ? [] : [`The statement is: ${statement.trim().replace(/\s+/g, " ")}`];
}
