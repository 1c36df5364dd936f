import type { Dialect } from "../../src/base/dialect.ts";
import type { History } from "../../src/history/history.ts";
import { draftWhole } from "../../src/author/draft_revision.ts";
import { loadDrizzleEngine } from "../../src/author/project/drizzle_engine.ts";
import type { ProofSetting } from "../../src/author/proof/begin.ts";
import { type Proof, proveRevisions } from "../../src/author/proof/prove.ts";
import type { CopiedScratch, Scratch } from "../../src/engines/scratch.ts";
import { memoryScratch } from "../../src/engines/sqlite/scratch.ts";
import { testClient, withTestDatabase } from "./databases.ts";
import { withFreshLibsql } from "./servers/sqld_server.ts";
import { type PostgresVersion, withFreshPostgres } from "./servers/postgres_server.ts";

/** What generated scripts are run on. */
export interface ProofEngine {
  readonly name: string;
  readonly dialect: Dialect;
  readonly scratch: CopiedScratch;
}

/** Makes again what there is to be a copy of, on what copies nothing. */
function madeAgain(scratch: Scratch): CopiedScratch {
  return Object.assign<Scratch, Pick<CopiedScratch, "after" | "notRun">>((...task) => scratch(...task), {
    notRun: new Set(),
    after: async (make, work, schemas) =>
      await work(
        (each, more) =>
          scratch(async (database) => {
            await make(database);
            return await each(database);
          }, more),
        await scratch(make, schemas),
      ),
  });
}

/** What libSQL makes of each kind of change is in every_change_test.ts. */
export const libsqlProof: ProofEngine = {
  name: "libSQL",
  dialect: "sqlite",
  scratch: madeAgain((work) => withFreshLibsql((url) => withTestDatabase(url, work))),
};

export const inMemory: ProofEngine = {
  name: "SQLite in memory",
  dialect: "sqlite",
  scratch: memoryScratch(testClient),
};

/** Those that each case of a table is run on. */
export const proofEngines: readonly ProofEngine[] = [inMemory, postgresProof(15)];

/** Returns a PostgreSQL server of a version. */
export function postgresProof(version: PostgresVersion): ProofEngine {
  return {
    name: `PostgreSQL ${version}`,
    dialect: "postgresql",
    scratch: madeAgain((work) => withFreshPostgres(version, (url) => withTestDatabase(url, work))),
  };
}

/** Runs all revisions of a history, or those from `first` on, up, down and up again, on rows. */
export function prove(history: History, scratch: CopiedScratch, first = 0): Promise<Proof> {
  return proveRevisions(history, { first }, proofSetting(scratch));
}

/** How a proof is made that goes the same way each time. */
export function proofSetting(scratch: CopiedScratch): ProofSetting {
  return {
    scratch,
    version: "0.0.0",
    signal: new AbortController().signal,
    now: () => new Date("2026-01-01T00:00:00Z"),
    draftWhole: async (snapshot) =>
      (await draftWhole("From its snapshot", snapshot, await loadDrizzleEngine())).up,
  };
}
