/**
 * Kills harbor-db with SIGKILL at random points of backup, upgrade, downgrade and restore, on every kind of database, and checks
 * after each that no row is lost or doubled, that no backup is called proven that is not, and that the next run goes on.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { backupCase } from "../tests/support/backups.ts";
import { engines, withFolder } from "../tests/support/databases.ts";
import { seeded } from "../tests/support/seeded.ts";
import { openKillBench, operations } from "../tests/support/kill_rounds.ts";

const usage = `Usage: scripts/soak [--points N] [--minutes N] [--engine NAME] [--files N] [--seed N]

  --points N     how often to kill, for each engine (200)
  --minutes N    after how long to go on to the next engine (no limit)
  --engine NAME  one of ${engines.map(({ name }) => `"${name}"`).join(", ")}; else all
  --files N      rows in the database (3000)
  --seed N       repeats the points of another run
`;

const { values } = parseArgs({
  options: {
    points: { type: "string", default: "200" },
    minutes: { type: "string", default: "Infinity" },
    engine: { type: "string" },
    files: { type: "string", default: "3000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    help: { type: "boolean", short: "h" },
  },
});

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(usage);
  const points = Number(values.points);
  process.stdout.write(`seed ${values.seed}\n`);
  for (const engine of engines) {
    if (values.engine !== undefined && values.engine !== engine.name) continue;
    const random = seeded(Number(values.seed));
    const stopAt = performance.now() + Number(values.minutes) * 60_000;
    await engine.withDatabase((url) =>
      withFolder(async (cwd) => {
        const bench = await openKillBench(backupCase(engine, url, cwd), Number(values.files));
        let point = 0;
        while (point < points && performance.now() < stopAt) {
          point++;
          const what = await bench.round(random.oneOf(operations), random.below(1100) / 1000);
          process.stdout.write(`${engine.name} ${point}/${points}: ${what}\n`);
        }
        await bench.finish();
        process.stdout.write(`${engine.name}: ${point} points passed\n`);
      })
    );
  }
}

try {
  await main();
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exit(1);
}
