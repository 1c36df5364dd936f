/**
 * Runs harbor-db thousands of times on arguments, URLs, environment files, manifests, journals, scripts, databases and
 * servers' answers that nobody should give it, and checks after each that it ended in words of its own: no hang, no stack
 * trace, an exit code of the README's table, one JSON document with `--json`, no password, and nothing changed where it failed.
 */
import { spawn } from "node:child_process";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { globalOptions } from "../src/cli/global_options.ts";
import { longName } from "../src/cli/options.ts";
import { commandEntries, loadCommand } from "../src/commands/all.ts";
import { engines } from "../tests/support/databases.ts";
import { addFiles, handToAlembic, initial } from "../tests/support/samples/application.ts";
import { type Seeded, seeded } from "../tests/support/seeded.ts";
import { type LibsqlGateway, withLibsqlGateway } from "../tests/support/servers/libsql_gateway.ts";
import { withFreshPostgres } from "../tests/support/servers/postgres_server.ts";
import { projectFile } from "../tests/support/project.ts";
import { commands, type Files, type Folder, kinds, type Run, serverRun } from "./fuzz_kinds.ts";
import { garbleLibsql, startPostgresGarbler } from "./fuzz_servers.ts";

const usage = `Usage: scripts/fuzz [--runs N] [--minutes N] [--seed N] [--only N] [--jobs N] [--kind NAME]

  --runs N     how often to run it (10000)
  --minutes N  after how long to stop (15)
  --seed N     repeats another fuzz
  --only N     repeats one run of it, and keeps its folder
  --jobs N     how many at a time (2)
  --kind NAME  runs of one kind only
`;

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "10000" },
    minutes: { type: "string", default: "15" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    only: { type: "string" },
    jobs: { type: "string", default: "2" },
    kind: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
});

/** Milliseconds after which a run counts as hung. */
const limitMs = 60_000;

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

const binary = process.env["HARBOR_DB_BIN"]!;

function runBinary(cwd: string, { args, env = {} }: Run): Promise<Result> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(binary, [...args], {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env["PATH"] ?? "/usr/bin:/bin",
        HOME: cwd,
        XDG_STATE_HOME: join(dirname(cwd), "state"),
        HARBOR_DB_LOCK_WAIT: "1",
        ...env,
      },
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => output[name] += text);
    }
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code, ...output, ms: performance.now() - began });
    });
  });
}

/** Reads all files below a folder. */
function filesIn(folder: string, at = folder): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const entry of readdirSync(at, { withFileTypes: true })) {
    const path = join(at, entry.name);
    if (entry.isDirectory()) { for (const [name, bytes] of filesIn(folder, path)) files.set(name, bytes); }
    else if (entry.isFile()) files.set(relative(folder, path), readFileSync(path));
  }
  return files;
}

/** What a database file holds but for the lock; its bytes when it cannot be read. */
function contentOf(path: string): string {
  const hash = createHash("sha256");
  try {
    const file = new DatabaseSync(path, { enableForeignKeyConstraints: false });
    try {
      const things = file.prepare("SELECT name, type, sql FROM sqlite_schema ORDER BY name, type").all();
      for (const { name, type, sql } of things) {
        if (/^harbor_(?!version$)/.test(String(name))) continue;
        const rows = type === "table" ? file.prepare(`SELECT * FROM "${name}"`).all() : [];
        // An empty version table says what none says.
        if (/harbor_version/.test(`${name} ${sql}`) && rows.length === 0) continue;
        hash.update(
          JSON.stringify(
            [name, type, sql, rows],
            (_, value) => typeof value === "bigint" ? `${value}` : value,
          ),
        );
      }
    } finally {
      file.close();
    }
    return hash.digest("hex");
  } catch {
    return `bytes ${createHash("sha256").update(readFileSync(path)).digest("hex")}`;
  }
}

const isOwnCopy = /^openharbor\.db(-wal|-shm|-journal)?$|^backups\/\./;

/** Where text of a broken address ends up that is no longer said to be a password: user, host, path. */
const noPassword =
  /\/\/[^\s:/@"]*@([^\s:/@"]*)|"(user|host)": ".*"|sqlite:[^\s"]*|:\d+\/[^\s"]*|"database": ".*"|(ENOTFOUND|name|--host) \S+/g;

/** Says what is wrong with how a run ended, if anything. */
function faultsOf(
  folder: Folder,
  run: Run,
  before: ReadonlyMap<string, Uint8Array>,
  result: Result,
): readonly string[] {
  const { code, stdout, stderr, ms } = result;
  const faults: string[] = [];
  const all = stdout + stderr;
  if (code === null) faults.push(ms >= limitMs ? "hangs" : "was ended by a signal");
  else if (![0, 1, 2, 3, 4, 5, 130].includes(code)) faults.push(`ends with ${code}`);
  if (/This is a defect|harbor-db itself failed|"code":\s*"internal"/.test(all)) {
    faults.push("calls itself defective");
  }
  if (/^\s+at .*:\d+|bunfs|\.[jt]s:\d+:\d+|(Type|Range|Reference)Error|panic|\[object /m.test(all)) {
    faults.push("shows its insides");
  }
  const given = JSON.stringify(run) + Buffer.from(before.get(".env") ?? []).toString();
  if (
    /[:=]["'\\]*hunter7/.test(given) &&
    /hunter[78]/.test(all.replaceAll(noPassword, ""))
  ) {
    faults.push("tells a password");
  }
  // deno-lint-ignore no-control-regex -- it is what is looked for
  if (!run.args.includes("--sql") && /[\x00-\x08\x0b-\x1f\x7f\u202e]/.test(all)) {
    faults.push("prints control characters");
  }
  const isHelp = run.args.some((arg) => ["--help", "-h", "help", "--version"].includes(arg));
  if (wantsJson(run.args) && !isHelp && code !== null) {
    try {
      const { ok } = JSON.parse(stdout);
      if (ok !== (code === 0)) faults.push(`says ok ${ok} with exit code ${code}`);
    } catch {
      faults.push("prints no JSON document");
    }
  } else if (code !== 0 && code !== 3 && code !== null && stderr === "" && stdout === "") {
    faults.push("fails without a word");
  }
  if (code !== 0 && code !== 3) {
    const changed = changedIn(
      folder.path,
      before,
      /"done": ?\[[^\]]/.test(all) || /^(up|down)graded |(^|\\n) +(half )?done: \S/m.test(all),
    );
    if (changed.length > 0) faults.push(`failed and changed ${changed.join(", ")}`);
  }
  return faults;
}

/** Whether `--json` stands there as an option, and not as the value of the one before it. */
function wantsJson(args: readonly string[]): boolean {
  const at = args.indexOf("--json");
  const options = [
    ...Object.values(globalOptions),
    ...commands.flatMap((each) => Object.values(each.options)),
  ];
  return at >= 0 &&
    !options.some((each) => each.flags.includes("<") && `--${longName(each)}` === args[at - 1]);
}

function changedIn(
  path: string,
  before: ReadonlyMap<string, Uint8Array>,
  mayChange: boolean,
): readonly string[] {
  const changed: string[] = [];
  for (const [name, bytes] of before) {
    if (/^openharbor\.db-/.test(name)) continue;
    const now = join(path, name);
    if (!existsSync(now)) changed.push(`${name} (gone)`);
    else if (Buffer.compare(readFileSync(now), bytes) !== 0) {
      if (isOwnCopy.test(name) && (mayChange || sameContent(path, name, before))) continue;
      changed.push(name);
    }
  }
  return changed;
}

function sameContent(path: string, name: string, before: ReadonlyMap<string, Uint8Array>): boolean {
  const aside = mkdtempSync(join(tmpdir(), "harbor_db_fuzz_was_"));
  try {
    for (const end of ["", "-wal", "-journal"]) {
      const bytes = before.get(name + end);
      if (bytes !== undefined) writeFileSync(join(aside, name + end), bytes);
    }
    const was = contentOf(join(aside, name));
    const now = contentOf(join(path, name));
    // What cannot be read as a database can only be compared by its bytes, and those differ.
    return was === now;
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** Makes the databases to begin with, in the folder where they are used: manifests name it. */
async function makeDatabases(cwd: string): Promise<ReadonlyMap<string, Files>> {
  const databases = new Map<string, Files>();
  const sqlite = engines[0]!;
  const address = `sqlite:///${join(cwd, "openharbor.db")}`;
  const expect = async (...args: readonly string[]) => {
    const result = await runBinary(cwd, { args });
    if (result.code !== 0) {
      throw new Error(`Cannot prepare: ${args.join(" ")}\n${result.stdout}${result.stderr}`);
    }
  };
  const keep = (name: string) => databases.set(name, filesIn(cwd));
  await expect("upgrade", initial);
  await addFiles(sqlite, address, 20);
  keep("initial");
  await expect("backup");
  await expect("upgrade", "+1");
  keep("with backups");
  await expect("upgrade", "--compress", "gzip");
  keep("head");
  rmSync(cwd, { recursive: true });
  mkdirSync(cwd);
  await expect("upgrade", "+2", "--no-backup");
  await addFiles(sqlite, address, 5);
  await handToAlembic(sqlite, address, "5b09ebe23c76");
  keep("Alembic's");
  databases.set("none", new Map());
  databases.set("empty", new Map([["openharbor.db", new Uint8Array()]]));
  return databases;
}

/** One of those that run beside each other: a folder of its own, and servers of its own. */
interface Worker {
  readonly folder: Folder;
  readonly gateway: LibsqlGateway;
  postgres(seed: number): string;
}

function emptyFolder(path: string, databases: ReadonlyMap<string, Files>): Folder {
  const put: Folder["put"] = (name, content) => {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content);
  };
  const history = new Map(
    [...filesIn(projectFile("drizzle"))].map(([name, bytes]) => [`drizzle/${name}`, bytes]),
  );
  return {
    path,
    databases,
    history,
    put,
    putAll: (files) => files.forEach((bytes, name) => put(name, bytes)),
  };
}

async function withWorker(work: (worker: Worker) => Promise<void>): Promise<void> {
  const base = mkdtempSync(join(tmpdir(), "harbor_db_fuzz_"));
  try {
    const cwd = join(base, "work");
    mkdirSync(cwd);
    const folder = emptyFolder(cwd, await makeDatabases(cwd));
    await withLibsqlGateway((gateway) =>
      withFreshPostgres(15, async (address) => {
        const garbler = await startPostgresGarbler(Number(new URL(address).port));
        const postgres = (seed: number) => {
          garbler.arm(seed);
          const url = new URL(address);
          url.port = String(garbler.port);
          // The answer to whether there is TLS is no message.
          url.searchParams.set("sslmode", "disable");
          return url.href;
        };
        try {
          await work({ folder, gateway, postgres });
        } finally {
          garbler.close();
        }
      })
    );
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

interface Prepared {
  readonly kind: string;
  readonly run: Run;
}

/** Makes run number `number`: the same one whenever the seed is the same. */
function prepare({ folder, gateway, postgres }: Worker, seed: number): Prepared {
  rmSync(folder.path, { recursive: true, force: true });
  mkdirSync(folder.path);
  const random = seeded(seed);
  const name = values.kind ?? drawKind(random);
  const kind = kinds.find(([each]) => each === name)?.[2];
  if (kind !== undefined) return { kind: name, run: kind(folder, random) };
  if (name === "libSQL's answers") {
    garbleLibsql(gateway, random);
    return { kind: name, run: serverRun(gateway.url, random) };
  }
  return { kind: name, run: serverRun(postgres(random.below(2 ** 31)), random) };
}

function drawKind(random: Seeded): string {
  let left = random.below(100);
  for (const [name, share] of kinds) {
    if ((left -= share) < 0) return name;
  }
  return random.oneOf(["libSQL's answers", "PostgreSQL's answers"]);
}

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(usage);
  commands.push(...await Promise.all(commandEntries.map(loadCommand)));
  const seed = Number(values.seed);
  const first = Number(values.only ?? 0);
  let end = values.only === undefined ? Number(values.runs) : first + 1;
  const stopAt = performance.now() + Number(values.minutes) * 60_000;
  process.stdout.write(`seed ${seed}\n`);
  process.once("SIGTERM", () => void (end = 0));
  const counts = new Map<string, number>();
  const codes = new Map<string, number>();
  const spent = new Map<string, number>();
  let slowest = 0;
  let faulty = 0;
  let next = first;
  const worker = async (each: Worker) => {
    while (next < end && performance.now() < stopAt) {
      const number = next++;
      // Neighbouring seeds have nothing in common after this.
      const { kind, run } = prepare(
        each,
        Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b),
      );
      const before = filesIn(each.folder.path);
      const result = await runBinary(each.folder.path, run);
      const faults = faultsOf(each.folder, run, before, result);
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      codes.set(String(result.code), (codes.get(String(result.code)) ?? 0) + 1);
      spent.set(kind, (spent.get(kind) ?? 0) + Math.round(result.ms));
      if (result.ms > slowest) {
        slowest = result.ms;
        process.stdout.write(
          `the slowest until now: ${number} (${kind}), ${Math.round(slowest)} ms: ${JSON.stringify(run)}\n`,
        );
      }
      if (faults.length > 0) {
        faulty++;
        process.stdout.write(
          `${number} (${kind}) ${faults.join("; ")}: ${JSON.stringify(run)}\n${shorten(result.stdout)}${
            shorten(result.stderr)
          }\n`,
        );
      }
      if (values.only !== undefined) {
        const kept = mkdtempSync(join(tmpdir(), "harbor_db_fuzz_kept_"));
        cpSync(each.folder.path, join(kept, "after"), { recursive: true });
        for (const [name, bytes] of before) {
          mkdirSync(dirname(join(kept, "before", name)), { recursive: true });
          writeFileSync(join(kept, "before", name), bytes);
        }
        process.stdout.write(
          `${kind}: ${JSON.stringify(run)}\nexit code ${result.code} after ${
            Math.round(result.ms)
          } ms; ${kept}\n${result.stdout}${result.stderr}\n`,
        );
      }
    }
  };
  await Promise.all(
    Array.from({ length: values.only === undefined ? Number(values.jobs) : 1 }, () => withWorker(worker)),
  );
  const shown = (map: ReadonlyMap<string, number>) =>
    [...map].sort().map(([name, count]) => `${name}: ${count}`).join(", ");
  process.stdout.write(
    `${next - first} runs, ${faulty} faulty; ${shown(counts)}; exit codes ${shown(codes)}; ms in all ${
      shown(spent)
    }; the slowest took ${Math.round(slowest)} ms\n`,
  );
  if (faulty > 0) process.exitCode = 1;
}

function shorten(text: string): string {
  return text.length > 1200 ? `${text.slice(0, 1200)} …\n` : text;
}

try {
  await main();
  process.exit(process.exitCode ?? 0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exit(1);
}
