import type { Dialect } from "../../src/base/dialect.ts";
import { counted } from "../../src/base/quantity.ts";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Bench, databasesOf, paired, type Part, type Section, withFolders } from "./bench.ts";
import { stampFirst } from "./beside_case.ts";
import { harborCommand } from "./harbor.ts";
import { type Measure, medianOf, rounded } from "./stats.ts";
import { run } from "./process.ts";
import type { Target, Tool } from "./tool.ts";

/** What a rehearsal takes beside all that is done anyway. */
export const rehearsalPart: Part = {
  name: "rehearsal",
  summary: "a rehearsal of all revisions beside backup, proof and upgrade, 1 GB",
  hasPeers: false,
  measure: async (bench) => [await rehearsal(bench, "sqlite"), await rehearsal(bench, "postgresql")],
};

const names = {
  copy: "copy, ms",
  proof: "proof, ms",
  rehearsal: "rehearsal on the copy, ms",
  upgrade: "upgrade without a backup, ms",
  memory: "peak memory of the rehearsal, MB",
};

/** About 1 GB for the usual million. */
const times = 4;

async function rehearsal(bench: Bench, dialect: Dialect): Promise<Section> {
  const files = bench.files * times;
  // One takes minutes.
  const runs = Math.ceil(bench.runs / 7);
  const title = `Rehearsal on ${dialect === "sqlite" ? "SQLite" : "PostgreSQL"}`;
  bench.note(`${title}, ${files} files`);
  const own: readonly Tool[] = bench.tools.filter(({ name }) => name === "harbor-db");
  const { measures, failures } = await withFolders(
    own,
    () => {},
    (folderOf) =>
      paired(
        { ...bench, runs },
        own,
        (tool) =>
          databasesOf(bench, dialect).withDatabase(
            { files, journalMode: "wal", statements: [] },
            async (url) => {
              const target = { dialect, url, folder: folderOf(tool), to: "head" };
              await stampFirst(bench, target);
              return await sampleOf(bench.binary, target);
            },
          ),
      ),
  );
  return {
    title,
    text: `${files.toLocaleString("en-US")} files, all revisions behind the first, ${counted(runs, "run")}${
      dialect === "sqlite" ? ", in WAL mode" : ""
    }. The upgrade makes its pauses, nobody else being at work; the rehearsal counts them.`,
    measures,
    failures,
    goals: goalsOf(measures),
  };
}

async function sampleOf(binary: string, target: Target): Promise<Readonly<Record<string, number>>> {
  const folder = join(target.folder, "backups");
  const harbor = (...args: readonly string[]) =>
    run(harborCommand(binary, target, [...args, "--json", "--backup-dir", folder]));
  try {
    const made = await harbor("backup");
    const { backup: { copyMs } } = JSON.parse(made.stdout) as { backup: { copyMs: number } };
    rmSync(folder, { recursive: true });
    const tried = await harbor("upgrade", "--rehearse");
    const { rehearsal: { rehearsalMs } } = JSON.parse(tried.stdout) as { rehearsal: { rehearsalMs: number } };
    const ran = await harbor("upgrade", "--no-backup");
    return {
      [names.copy]: copyMs,
      [names.proof]: made.ms - copyMs,
      [names.rehearsal]: rehearsalMs,
      [names.upgrade]: ran.ms,
      [names.memory]: tried.peakMb,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function goalsOf(measures: readonly Measure[]) {
  const middleOf = (name: string) => medianOf(measures.find((each) => each.name === name)!, "harbor-db")!;
  const rehearsed = middleOf(names.rehearsal);
  const others = middleOf(names.copy) + middleOf(names.proof) + middleOf(names.upgrade);
  return [{
    text: "at most twice as long as copy, proof and upgrade together",
    found: `${rounded(rehearsed)} to ${rounded(others)}`,
    isReached: rehearsed <= 2 * others,
  }];
}
