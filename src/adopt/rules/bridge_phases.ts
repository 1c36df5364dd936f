import { quoteName } from "../../sql/quote.ts";
import { sharedTables } from "../../schema/compare/shared_tables.ts";
import type { Statement } from "../../history/scripts/statement.ts";
import { parseScript } from "../../history/scripts/script.ts";
import {
  draft,
  type DraftStatement,
  namedDrafts,
  renderDraft,
} from "../../author/rules/script/draft_statement.ts";
import { firingTriggers, invalidIndexes, missingSchemas, numbering, unvalidated } from "./bridge_postgres.ts";
import type { BridgeStatement, BridgeSubject } from "./bridge_statement.ts";

/** A bridge as a revision would be written: its statements commit in phases, none of which holds a table for long. */
export interface Phases {
  readonly statements: readonly Statement[];
  /** Tables whose rows it fills in batches. */
  readonly filled: readonly string[];
}

/**
 * Completes the statements of a bridge on PostgreSQL that are written as those of a revision are. What drizzle-kit does not
 * know of is put right too, each in the form that lets others work.
 *
 * @returns Why it has to be one transaction instead, where it does
 */
export function phasesOfBridge(drafts: readonly DraftStatement[], subject: BridgeSubject): Phases | string {
  const rewritten = drafts.flatMap(({ sql }) => rewrites(sql, subject) ?? [])[0];
  if (rewritten !== undefined) return `${rewritten} is written anew`;
  const shared = sharedTables(subject);
  const flat = [
    ...missingSchemas(subject).map((sql) => draft(`${sql};`)),
    ...shared.flatMap(([table, target]) =>
      invalidIndexes(table, target).map((name) =>
        draft(`DROP INDEX CONCURRENTLY ${quoteName(name)};`, "harbor:alone")
      )
    ),
    ...drafts,
    ...shared.flatMap(([table, target]) => numbering(table, target)).map((sql) => draft(`${sql};`)),
    ...shared.flatMap(([table, target]) => unvalidated(table, target)).map((sql) =>
      draft(`${sql};`, "harbor:alone")
    ),
  ];
  const statements = parsed(flat);
  const whole = statements.map(({ run, sql }) =>
    run.kind === "transaction" ? /^UPDATE "([^"]+)"/.exec(sql)?.[1] : undefined
  ).find((table) => table !== undefined);
  if (whole !== undefined) return `no key of one column cuts the rows of ${whole}, which are filled`;
  const filled = statements.flatMap(({ run }) => run.kind === "backfill" ? [run.table] : []);
  const trigger = firingTriggers(subject, new Set(filled))[0];
  if (trigger !== undefined) {
    return `the trigger ${trigger.name} rests while ${trigger.table ?? "its table"} is filled`;
  }
  const named = namedDrafts(flat, subject.live.schemas ?? []);
  return { statements: parsed(named), filled: [...new Set(filled)] };
}

/** Returns statements that run in one transaction as those of a script. */
export function inTransaction(statements: readonly BridgeStatement[]): readonly Statement[] {
  return parsed(statements.map(({ sql }) => draft(`${sql};`)));
}

function parsed(statements: readonly DraftStatement[]): readonly Statement[] {
  if (statements.length === 0) return [];
  const text = renderDraft({ name: "The bridge.", remarks: [], statements });
  return parseScript({ file: "the bridge", dialect: "postgresql", text }).statements;
}

/** Returns the column that a statement writes anew in every row, with nobody beside it. */
function rewrites(sql: string, { live }: BridgeSubject): string | undefined {
  const [, name = "", column = "", type = ""] =
    /^ALTER TABLE "([^"]+)" ALTER COLUMN "([^"]+)" SET DATA TYPE ([^;]+);$/s.exec(sql) ?? [];
  const found = live.tables.find((table) => table.name === name)?.columns.find((each) =>
    each.name === column
  );
  if (found === undefined) return undefined;
  const [was, now] = [lengthOf(found.type), lengthOf(type)];
  return was !== null && now !== null && now >= was ? undefined : `${name}.${column}`;
}

/** How much a text may hold; `null` for what is no text of varying length. */
function lengthOf(type: string): number | null {
  const [, length] = /^(?:varchar|character varying)(?:\((\d+)\))?$/i.exec(type.trim()) ?? [];
  if (/^(?:text|varchar|character varying)$/i.test(type.trim())) return Infinity;
  return length === undefined ? null : Number(length);
}
