import { sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { userStatement } from "../../engines/statement_names.ts";
import { readHost } from "../../history/host.ts";
import { keyOf } from "../../schema/declared_objects.ts";
import type { Difference } from "../../schema/compare/snapshots.ts";
import type { Snapshot } from "../../schema/snapshot.ts";
import { schemasOf } from "../../state/read_unmanaged.ts";
import { stamp } from "../../state/stamp.ts";

/** What the host brought into a scratch database, by `table users` and the like, as far as harbor-db looks at it. */
export type Brought = ReadonlySet<string>;

/**
 * Makes in an empty scratch database what the project says that its host brings.
 *
 * @throws {HarborError} `bad_script` where the file is wrong, fails, or makes what a revision makes
 */
export async function bringHost(context: RunContext): Promise<Brought> {
  const host = readHost(context.history);
  if (host === null) return new Set();
  const { database } = context;
  const { file, roles, statements } = host;
  const all = [...roles, ...statements];
  try {
    await database.write(all.map((each) => userStatement(sql.raw(each.sql))), "schema");
  } catch (error) {
    if (!(error instanceof HarborError) || error.code === "interrupted") throw error;
    const line = all[error.details.index ?? -1]?.line;
    throw new HarborError("bad_script", `Cannot run "${file}"${line === undefined ? "" : ` line ${line}`}`, {
      state: error.state,
      hint: "It runs first in each scratch database. Mend it, then run the command again.",
      details: { ...error.details, file, line: line ?? null },
      cause: error,
    });
  }
  const brought = namesIn(await database.introspect());
  const known = new Set(schemasOf(context.history).flatMap(({ snapshot }) => [...namesIn(snapshot)]));
  const both = [...brought].filter((each) => known.has(each));
  if (both.length > 0) {
    throw new HarborError("bad_script", `Cannot use "${file}"`, {
      state: `it makes what revisions make: ${both.join(", ")}`,
      hint: "Leave it out there: what the file makes is not proven of the scripts.",
      details: { file, both },
    });
  }
  // Where there are tables already, upgrade wants it said that they are another program's.
  if ([...brought].some((each) => each.startsWith("table "))) await stamp(context, "base", 0);
  return brought;
}

/** Returns the differences that are the scripts' own: without what the host brought, and with what they took of it. */
export function withoutBrought(
  differences: readonly Difference[],
  brought: Brought,
  live: Snapshot,
): readonly Difference[] {
  if (brought.size === 0) return differences;
  const left = namesIn(live);
  return [
    ...differences.filter(({ kind, path }) => kind !== "extra" || !brought.has(path)),
    ...[...brought].filter((path) => !left.has(path)).map((path) => ({
      kind: "missing" as const,
      path,
      expected: "what the host brings",
      actual: null,
    })),
  ];
}

function namesIn({ tables, others }: Snapshot): ReadonlySet<string> {
  return new Set([...tables.map(({ name }) => `table ${name}`), ...others.map(keyOf)]);
}
