/** Measures harbor-db beside other tools, in the same runs, and writes tables. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { projectFile } from "../../tests/support/project.ts";
import type { Bench, Part, Section } from "./bench.ts";
import { sqliteDatabases, withPostgresDatabases } from "./databases.ts";
import { backfillPart, largeBackfillPart } from "./part_backfill.ts";
import { backupPart } from "./part_backup.ts";
import { keptPart } from "./part_kept.ts";
import { historyPart } from "./part_history.ts";
import { revisionsPart } from "./part_revisions.ts";
import { verifyPart } from "./part_verify.ts";
import { wayPart } from "./part_way.ts";
import { startupPart } from "./part_startup.ts";
import { markdownOf, reportOf } from "./report.ts";
import { findTools } from "./tools.ts";
import { forecastPart } from "./forecast/part.ts";
import { harborTool } from "./harbor.ts";
import { rehearsalPart } from "./part_rehearsal.ts";

/** Of each page of docs/bench the parts. */
const pages: Readonly<Record<string, readonly Part[]>> = {
  "start-up": [startupPart, revisionsPart, historyPart],
  backup: [backupPart],
  verify: [verifyPart],
  way: [wayPart],
  backfill: [backfillPart],
  "large-tables": [largeBackfillPart],
  kept: [keptPart],
  rehearsal: [rehearsalPart],
  forecast: [forecastPart],
};

const parts = Object.values(pages).flat();

const usage = `Usage: scripts/bench [PART…] [options]
       scripts/bench --all [options]

Parts, all of them unless some are named:
${parts.map(({ name, summary }) => `  ${name.padEnd(11)} ${summary}`).join("\n")}

  --quick          three runs and a tenth of the rows: to see that it works
  --runs N         runs of each (7)
  --files N        files in the larger parts (1000000)
  --tools NAMES    of the tools only these: harbor-db,dbmate
  --only PATTERN   of way, kept, the backfills and forecast only what has a title that matches: "PostgreSQL$", "WAL"
  --binary PATH    the harbor-db to measure (dist/harbor-db)
  --out NAME       write NAME.md and NAME.json; without it the tables go to the terminal
  --all            write every page of docs/bench anew, or into the folder of --out: hours of a quiet machine

Tools that are not there are installed where that is possible (npm; apt-get as root), and named as missing where not.
`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean" },
      runs: { type: "string" },
      files: { type: "string" },
      tools: { type: "string" },
      only: { type: "string" },
      binary: { type: "string" },
      out: { type: "string" },
      all: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return void process.stdout.write(usage);
  if (values.all && positionals.length > 0) throw new Error("Cannot take --all beside parts");
  const named = positionals.map((name) => partOf(name));
  const reports = values.all
    ? pagesIn(values.out ?? projectFile("docs/bench"))
    : [{ parts: named.length > 0 ? named : parts, out: values.out }];
  const binary = resolve(values.binary ?? projectFile("dist/harbor-db"));
  if (!existsSync(binary)) {
    throw new Error(`Cannot measure "${binary}": there is no such file; run scripts/build`);
  }
  const cache = projectFile(".cache/bench");
  mkdirSync(cache, { recursive: true });
  const note = (text: string) => void process.stderr.write(`${text}\n`);
  const isAlone = reports.every(({ parts }) => parts.every(({ hasPeers }) => hasPeers === false));
  const { tools: all, missing } = isAlone
    ? { tools: [harborTool(binary)], missing: [] }
    : findTools(binary, cache);
  const names = values.tools?.split(",");
  const tools = all.filter(({ name }) => names === undefined || names.includes(name));
  for (const { name, reason } of missing) note(`missing: ${name} (${reason})`);
  await withPostgresDatabases(async (postgres) => {
    const bench: Bench = {
      tools,
      missing,
      binary,
      cache,
      runs: Number(values.runs ?? (values.quick ? 3 : 7)),
      files: Number(values.files ?? (values.quick ? 100_000 : 1_000_000)),
      sqlite: sqliteDatabases(cache),
      only: values.only ?? "",
      postgres,
      note,
    };
    for (const { parts, out } of reports) {
      try {
        await write(bench, parts, out);
      } catch (error) {
        if (!values.all) throw error;
        // The pages that can be made are worth hours.
        fail(error);
      }
    }
  });
}

async function write(bench: Bench, parts: readonly Part[], out: string | undefined): Promise<void> {
  const sections: Section[] = [];
  for (const part of parts) sections.push(...await part.measure(bench));
  const runs = parts.some(({ hasPeers }) => hasPeers !== false) ? bench.runs : null;
  const report = reportOf(bench, { sections, runs }, new Date());
  if (out === undefined) return void process.stdout.write(`${markdownOf(report)}\n`);
  writeFileSync(`${out}.md`, markdownOf(report));
  writeFileSync(`${out}.json`, `${JSON.stringify(report, null, 1)}\n`);
}

function pagesIn(folder: string) {
  mkdirSync(folder, { recursive: true });
  return Object.entries(pages).map(([name, parts]) => ({ parts, out: join(folder, name) }));
}

function partOf(name: string): Part {
  const part = parts.find((each) => each.name === name);
  if (part === undefined) throw new Error(`Cannot measure "${name}": there is no such part\n${usage}`);
  return part;
}

function fail(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
}

await main().catch(fail);
