import { test } from "node:test";
import { backupCase } from "../support/backups.ts";
import { driverEngines, withFolder } from "../support/databases.ts";
import { openKillBench, operations } from "../support/kill_rounds.ts";

// scripts/soak does the same at hundreds of random points. A file is killed at both for each operation, a server at one and the other
// in turn.
const shares = [0.5, 0.85];

for (const engine of driverEngines) {
  test(`${engine.name}: kill -9 during backup, upgrade and restore loses nothing and leaves nothing`, () =>
    engine.withDatabase((url) =>
      withFolder(async (cwd) => {
        const bench = await openKillBench(backupCase(engine, url, cwd), 1_500);
        for (const [turn, operation] of operations.entries()) {
          const own = engine.name === "sqlite file" ? shares : [shares[turn % shares.length]!];
          for (const share of own) await bench.round(operation, share);
        }
        await bench.finish();
      })
    ));
}
