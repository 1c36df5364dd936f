/**
 * Kills harbor-db with SIGKILL at random points of backup, upgrade and restore, on every kind of database, and checks
 * after each that no row is lost or doubled, that no backup is called proven that is not, and that the next run goes on.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { backupCase } from "../tests/support/backups.ts";
import { engines, withFolder } from "../tests/support/databases.ts";
import { openKillBench, operations } from "../tests/support/kill_rounds.ts";

const usage = `Usage: scripts/soak [--points N] [--engine NAME] [--files N] [--seed N]

  --points N     how often to kill, for each engine (200)
  --engine NAME  one of ${engines.map(({ name }) => `"${name}"`).join(", ")}; else all
  --files N      rows in the database (3000)
  --seed N       repeats the points of another run
`;

const { values } = parseArgs({
  options: {
    points: { type: "string", default: "200" },
    engine: { type: "string" },
    files: { type: "string", default: "3000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    help: { type: "boolean", short: "h" },
  },
});

/** Random numbers from 0 to 1 that a seed repeats (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(usage);
  const points = Number(values.points);
  process.stdout.write(`seed ${values.seed}\n`);
  for (const engine of engines) {
    if (values.engine !== undefined && values.engine !== engine.name) continue;
    const random = randomFrom(Number(values.seed));
    await engine.withDatabase((url) =>
      withFolder(async (cwd) => {
        const bench = await openKillBench(backupCase(engine, url, cwd), Number(values.files));
        for (let point = 1; point <= points; point++) {
          const operation = operations[Math.floor(random() * operations.length)]!;
          const what = await bench.round(operation, random() * 1.1);
          process.stdout.write(`${engine.name} ${point}/${points}: ${what}\n`);
        }
        await bench.finish();
        process.stdout.write(`${engine.name}: ${points} points passed\n`);
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
