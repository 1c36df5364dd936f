/**
 * Kills harbor-db with SIGKILL at random points of backup, upgrade, downgrade and restore, on every kind of database, and checks
 * after each that no row is lost or doubled, that no backup is called proven that is not, and that the next run goes on. With
 * `--beside`, kills what leads large tables up, down and over beside a writer.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { backupCase } from "../tests/support/backups.ts";
import { engines, withFolder } from "../tests/support/databases.ts";
import { seeded } from "../tests/support/seeded.ts";
import { cases } from "./soak_beside/cases.ts";
import { soakBeside } from "./soak_beside/rounds.ts";
import { openKillBench, operations } from "../tests/support/kill_rounds.ts";

const usage =
  `Usage: scripts/soak [--beside] [--points N] [--minutes N] [--engine NAME] [--files N] [--seed N]

  --beside       large tables beside a writer, in every way that they are changed, on SQLite files and PostgreSQL
  --points N     how often to kill, for each engine, with --beside in all (200)
  --minutes N    after how long to go on to the next engine (no limit)
  --only PATTERN of --beside only the cases whose name matches: "bridge"
  --engine NAME  one of ${engines.map(({ name }) => `"${name}"`).join(", ")}; else all
  --files N      rows in the database (3000)
  --seed N       repeats the points of another run
`;

const { values } = parseArgs({
  options: {
    beside: { type: "boolean", default: false },
    points: { type: "string", default: "200" },
    minutes: { type: "string", default: "Infinity" },
    engine: { type: "string" },
    only: { type: "string", default: "" },
    files: { type: "string", default: "3000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    help: { type: "boolean", short: "h" },
  },
});

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(usage);
  const points = Number(values.points);
  process.stdout.write(`seed ${values.seed}\n`);
  if (values.beside) return await soakAllBeside(points);
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

/** Goes from case to case, with a new file each time. */
async function soakAllBeside(points: number): Promise<void> {
  const random = seeded(Number(values.seed));
  const stopAt = performance.now() + Number(values.minutes) * 60_000;
  const durations = new Map<string, number>();
  let point = 0;
  const phases = new Map<string, number>();
  const isMore = () => point < points && performance.now() < stopAt;
  const onKill = (what: string, phase: string) => {
    process.stdout.write(`${++point}/${points}: ${what}\n`);
    phases.set(phase, (phases.get(phase) ?? 0) + 1);
    return isMore();
  };
  const onEnded = (what: string) => void process.stdout.write(`not killed: ${what}\n`);
  let busy = 0;
  const onBusy = (what: string) => {
    process.stdout.write(`turned away by the application's lock: ${what}\n`);
    if (++busy > points / 100) throw new Error(`${what}: turned away ${busy} times`);
  };
  const wanted = cases.filter(({ name, engine }) =>
    new RegExp(values.only).test(name) && (values.engine ?? engine.name) === engine.name
  );
  if (wanted.length === 0) throw new Error(`Cannot soak "${values.only}": no case has such a name`);
  try {
    for (let turn = 0; isMore(); turn++) {
      await soakBeside(wanted[turn % wanted.length]!, { random, durations, onKill, onEnded, onBusy });
    }
  } finally {
    for (const [phase, count] of [...phases].toSorted()) process.stdout.write(`${count} × ${phase}\n`);
  }
  process.stdout.write(`${point} points passed, ${busy} runs turned away by the application's lock\n`);
}

try {
  await main();
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exit(1);
}
