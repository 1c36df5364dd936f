import type { Dialect } from "../../base/dialect.ts";
import { HarborError } from "../../base/errors.ts";
import type { ProjectCheck, ProjectFinding } from "../rules/folder/finding.ts";
import type { History, Revision } from "../../history/history.ts";
import { schemasOfHistory } from "../../history/revision_schema.ts";
import { withPlainTexts } from "../../history/plain_texts.ts";
import type { Operation } from "../../sql/operations/operation.ts";
import { postgresOperations } from "../../sql/operations/postgres.ts";
import type { Script } from "../../history/scripts/script.ts";
import { readOperations, type ReadStatement } from "../check/rules/script_operations.ts";
import { sqliteOperations } from "../../sql/operations/sqlite.ts";
import { loadPostgresParser } from "../../sql/operations/postgres_parser.ts";

/** The upgrade scripts of a dialect by revision, with what their statements do. */
export type ReadScripts = ReadonlyMap<string, readonly ReadStatement[]>;

type OperationsOf = (sql: string) => readonly Operation[];

const readers: Readonly<Record<Dialect, () => Promise<OperationsOf>>> = {
  sqlite: () => Promise.resolve(sqliteOperations),
  postgresql: async () => {
    const parser = await loadPostgresParser();
    return (sql) => orNull(() => postgresOperations(parser.parse(sql))) ?? [];
  },
};

/** Reads what the upgrade scripts do. What cannot be read is passed over here and found elsewhere. */
export async function readScripts(history: History): Promise<ReadScripts> {
  const { dialect, revisions } = history;
  const schemas = schemasOfHistory(history);
  const operationsOf = await readers[dialect]();
  return new Map(revisions.flatMap((revision) => {
    const script = scriptOf(revision.upgrade);
    return script === null
      ? []
      : [[revision.id, readOperations(plain(script, schemas), operationsOf)] as const];
  }));
}

/** Reads what the statements of a script do. */
export async function readScript(
  script: Script,
  { dialect, schemas }: { readonly dialect: Dialect; readonly schemas: readonly string[] },
): Promise<readonly ReadStatement[]> {
  return readOperations(plain(script, schemas), await readers[dialect]());
}

function plain(script: Script, schemas: readonly string[]): Script {
  return { ...script, statements: withPlainTexts(script, [{ schemas }]) };
}

/** Reads a script; `null` when it is missing or broken, which is found elsewhere. */
export function scriptOf(read: () => Script | null): Script | null {
  return orNull(read);
}

/** Returns the path of a revision's upgrade script as it is shown. */
export function fileOf(revision: Revision): string {
  return scriptOf(revision.upgrade)?.file ?? `${revision.tag}.sql`;
}

/** Does work whose failure is found elsewhere. */
export function orNull<T>(work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (error instanceof HarborError) return null;
    throw error;
  }
}

/** Makes a finding. */
export function found(
  check: ProjectCheck,
  { status = "fail", message, details = {} }: Partial<ProjectFinding> & Pick<ProjectFinding, "message">,
  hint: string | null,
): ProjectFinding {
  return { check, status, message, hint, details };
}
