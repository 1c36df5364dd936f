import assert from "node:assert/strict";
import { test } from "node:test";
import { driverEngines } from "../support/databases.ts";
import { runCli } from "../support/run_cli.ts";

const racers = 20;

for (const engine of driverEngines) {
  test(`${racers} upgrades at once apply every revision exactly once (${engine.name})`, () =>
    engine.withDatabase(async (url) => {
      const env = { DATABASE_URL: url };
      const results = await Promise.all(
        Array.from({ length: racers }, () => runCli(["upgrade", "--json"], { env, limitMs: 120_000 })),
      );
      const steps: string[] = [];
      for (const result of results) {
        const document = result.json<
          { ok: boolean; steps: { revision: string }[]; error?: { code: string } }
        >();
        if (result.code !== 0) assert.equal(document.error?.code, "locked", result.stdout + result.stderr);
        else steps.push(...document.steps.map((step) => step.revision));
      }
      const { revisions } = (await runCli(["history", "--json"], { env }))
        .json<{ revisions: { revision: string; applied: boolean; checksumMatches: boolean }[] }>();
      assert.deepEqual(steps.toSorted(), revisions.map((each) => each.revision).toSorted());
      assert.ok(revisions.every((each) => each.applied && each.checksumMatches));
      const rows = await engine.query(url, "SELECT revision FROM harbor_version");
      assert.equal(rows.length, revisions.length);
      const status = (await runCli(["status", "--json"], { env })).json<
        { lock: unknown; pending: unknown[] }
      >();
      assert.deepEqual([status.lock, status.pending], [null, []]);
    }));
}
