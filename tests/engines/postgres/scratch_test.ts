import assert from "node:assert/strict";
import { test } from "node:test";
import { query } from "../../../src/engines/postgres/backup/session.ts";
import { tryOn } from "../../../src/engines/postgres/backup/scratch.ts";
import { openStandIns } from "../../../src/engines/postgres/backup/stand_in.ts";
import { openSession } from "../../../src/engines/postgres/session/open_session.ts";
import { parsePostgres } from "../../support/postgres_engines.ts";
import { withFreshPostgres } from "../../support/servers/postgres_server.ts";

const told = "SELECT pg_stat_force_next_flush()";

for (const version of [15, 18] as const) {
  test(`postgres ${version}: of a copy that is tried, no rows are left for the server to vacuum or analyze in its own time`, () =>
    withFreshPostgres(version, async (text) => {
      const url = parsePostgres(text);
      const session = await openSession(url, "test");
      try {
        await session.script(told);
        await session.script("CREATE TABLE public.t AS SELECT n FROM generate_series(1, 5000) n");
        const content = { serverVersion: "", tables: [], schema: "" };
        const trial = { content, url, owners: [], standIns: openStandIns(session), reach: null };
        await tryOn(session, trial, async () => {
          await session.script(told);
          const left = await query(
            session,
            "SELECT n_mod_since_analyze::int AS changed, n_ins_since_vacuum::int AS added FROM pg_stat_user_tables",
          );
          assert.deepEqual(left, [{ changed: 0, added: 0 }]);
        });
      } finally {
        await session.close(false);
      }
    }));
}
