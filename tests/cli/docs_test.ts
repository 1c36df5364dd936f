import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cp, readFile, realpath, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { engines, sqliteUrl, withFolder } from "../support/databases.ts";
import {
  type Block,
  blocksOf,
  isAsWritten,
  runShell,
  type Scratch,
  steady,
  transcriptsOf,
} from "../support/docs.ts";
import { projectFile } from "../support/project.ts";
import { overwritten, runCli } from "../support/run_cli.ts";
import { addFiles } from "../support/samples/application.ts";
import { makeOrigin, origins } from "../support/samples/origins.ts";
import { sharedPostgres, withClient, withFreshPostgres } from "../support/servers/postgres_server.ts";

const folders = ["docs", "docs/running"];
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  ...folders.flatMap((folder) =>
    readdirSync(projectFile(folder)).filter((file) => file.endsWith(".md")).map((file) => `${folder}/${file}`)
  ),
];

/** Where the pages say that all this is. */
const home = "/srv/harbor";

/** Blocks that are not run, by their first line, and why. */
const notRun: Readonly<Record<string, string>> = {
  "./bin/harbor-db upgrade     # installs what it needs and brings openharbor.db to head":
    "it is of a fresh clone: tests/cli/launcher_test.ts has the one, and this run of the tests is the other",
  "sh install.sh --from . --prefix /usr/local      # or --from its URL: checks signature and sum before it puts anything in place":
    "it is of a release: tests/cli/release_test.ts installs one elsewhere",
  "install -d -m 755 /etc/harbor-db":
    "it sets up the machine: tests/cli/bucket_test.ts delivers and restores with such settings elsewhere",
  "install -m 755 harbor-db /usr/local/bin/harbor-db": "it writes where root's programs are",
  "docker run --rm --init --read-only --tmpfs /tmp -v harbor:/data \\":
    "it takes a container engine: tests/cli/container_test.ts has what is like a container",
  "sudo harbor-db schedule --install --report /srv/status/db.html --prometheus /var/lib/node_exporter/harbor_db.prom":
    "it sets up systemd on the machine: tests/cli/schedule_test.ts installs units elsewhere",
};

/** Writes what the commands print into the pages, to be read with `git diff`. */
const isUpdate = process.env["HARBOR_DB_UPDATE_GOLDEN"] === "1";

const sqlite = engines[0]!;

function pageOf(path: string): string {
  return readFileSync(projectFile(path), "utf8");
}

interface Place extends Scratch {
  /** Runs harbor-db in the scratch folder; it has to succeed. */
  harbor(line: string): Promise<string>;
  readonly url: string;
}

/** What a block needs before it is run, by the name above it. */
const setUps: Readonly<Record<string, (place: Place) => Promise<void>>> = {
  "a thousand files at 5b09ebe23c76": async ({ harbor, url }) => {
    await harbor("upgrade 5b09ebe23c76");
    await addFiles(sqlite, url, 1000);
  },
  "models stamped and upgraded by Alembic": async ({ url }) => await makeAdoptable(url),
  "a bridged database": async ({ harbor, url }) => {
    await makeAdoptable(url);
    await harbor("adopt --yes");
  },
  "a backup, and an encrypted one elsewhere": async ({ harbor, url, cwd, names }) => {
    await harbor("upgrade 71dda59686db");
    await addFiles(sqlite, url, 10);
    const id = /[\w-]+-(\d{8}T\d{4})\d+Z-\w+/.exec(await harbor("backup"))!;
    names.set("openharbor-20260728T101112123Z-71dda59686db", id[0]);
    names.set("openharbor-20260728T1011", id[0].slice(0, "openharbor-20260728T101112".length));
    const key = await generateIdentity();
    await writeFile(join(cwd, "key.txt"), key);
    const encrypt = `backup --compress zstd --encrypt-to ${await identityToRecipient(
      key,
    )} --backup-dir copies`;
    const copy = /[\w-]+-\d{8}T\d+Z-\w+\.db\.zst\.age/.exec(await harbor(encrypt))!;
    names.set("openharbor-20260728T101112123Z-71dda59686db.db.zst.age", copy[0]);
  },
  "an index in the way of 5b09ebe23c76": async ({ harbor, url }) => {
    await harbor("upgrade 71dda59686db");
    await sqlite.query(url, "CREATE INDEX ix_files_storage_backend ON files (size)");
  },
  "three files of another backend": async ({ harbor, url }) => {
    await harbor("upgrade");
    await addFiles(sqlite, url, 1000);
    await sqlite.query(url, "UPDATE files SET storage_path = 'collections/x' WHERE id IN (4, 7, 9)");
    await harbor("backup");
  },
  "a thousand files of which ten lie in R2": async ({ harbor, url }) => {
    await harbor("upgrade f27bd10b7ec4");
    await addFiles(sqlite, url, 1000);
    await sqlite.query(
      url,
      "UPDATE files SET storage_backend = CASE WHEN id > 990 THEN 'r2' ELSE 'local' END",
    );
  },
  "a database in use": async ({ harbor, url }) => {
    await harbor("upgrade");
    await addFiles(sqlite, url, 10);
    await harbor("backup");
  },
  "a theme for users in schema.ts": async ({ harbor, cwd, names }) => {
    await harbor("upgrade");
    await cp(projectFile("drizzle"), join(cwd, "drizzle"), { recursive: true });
    const schema = await readFile(projectFile("schema.ts"), "utf8");
    const [, columns = "", rest = ""] = pageOf("docs/writing-revisions.md").match(
      /pgTable\("users", \{\n +\/\/ …\n([^]*?)\}, \(users\) => \[\n +\/\/ …\n([^]*?)\]\);/,
    )!;
    const [, before = "", users = "", after = ""] = schema.match(
      /^([^]*?)(pgTable\("users", \{[^]*?\n\]\);)([^]*)$/,
    )!;
    const changed = users.replace(/\}, \((\w+)\) => \[/, (line) => columns + line).replace(
      /\]\);$/,
      () => `${rest}]);`,
    );
    await writeFile(join(cwd, "schema.ts"), before + changed + after);
    names.set("postgresql://postgres@localhost/postgres", `'${await sharedPostgres(18)}'`);
  },
};

async function makeAdoptable(url: string): Promise<void> {
  const name = "create_all before R2, stamped, alembic upgrade f27bd10b7ec4";
  await makeOrigin(sqlite, url, origins.find((origin) => origin.name === name)!);
  await sqlite.query(url, "CREATE VIEW v_r2 AS SELECT id FROM files WHERE storage_backend = 'r2'");
  await sqlite.query(url, "CREATE TRIGGER trg_f AFTER DELETE ON files BEGIN SELECT 1; END");
}

for (const page of pages) {
  const blocks = blocksOf(page);
  if (blocks.length === 0) continue;
  test(`the commands of ${page} do what it says`, async () => {
    for (const [at, block] of blocks.entries()) {
      const [first = ""] = block.text.split("\n");
      if (block.setUp === null) {
        assert.ok(first in notRun, `nothing says how to run this block: ${first}`);
        continue;
      }
      if (block.setUp === "goes on") continue;
      const after = blocks.slice(at + 1);
      const end = after.findIndex(({ setUp }) => setUp !== "goes on");
      await runBlocks([block, ...after.slice(0, end === -1 ? after.length : end)]);
    }
  });
}

/** Runs blocks after each other in one scratch folder. */
async function runBlocks(blocks: readonly Block[]): Promise<void> {
  await withFolder(async (folder) => {
    const cwd = await realpath(folder);
    const names = new Map([[home, cwd]]);
    const [{ setUp, page }] = blocks as readonly [Block];
    const make = setUps[setUp!];
    assert.ok(make !== undefined, `${page}: there is no set-up "${setUp}"`);
    const place: Place = {
      cwd,
      names,
      url: sqliteUrl(join(cwd, "openharbor.db")),
      harbor: async (line) => {
        const { code, output } = await runShell(`harbor-db ${line}`, { cwd, names });
        assert.equal(code, 0, output);
        return output;
      },
    };
    await make(place);
    for (const block of blocks) await runBlock(block, place);
  });
}

async function runBlock({ page, text }: Block, place: Place): Promise<void> {
  const isShown = /^\$ /m.test(text);
  const anew: string[] = [];
  for (const { written, command, output } of transcriptsOf(text)) {
    const answer = /\? \[y\/N\] (\w+)$/m.exec(output)?.[1];
    const result = await runShell(command, place, answer);
    if (!isShown) assert.equal(result.code, 0, `${page}: ${command}\n${result.output}`);
    const actual = inItsHome(result.output.replace(overwritten, ""), place);
    nameAlike(actual, output, place);
    const isRight = !isShown || isAsWritten(actual, output);
    anew.push(`$ ${written}\n${isRight ? output : asNamed(actual, place)}`.trimEnd());
    if (!isRight && !isUpdate) assert.equal(steady(actual), steady(output), `${page}: $ ${command}`);
  }
  if (isUpdate && isShown) {
    writeFileSync(projectFile(page), pageOf(page).replace(text, () => `${anew.join("\n\n")}\n`));
  }
}

/** Calls folders as the page does. */
function inItsHome(output: string, { cwd }: Place): string {
  const programs = [process.env["HARBOR_DB_BIN"] ?? "", projectFile("bin/harbor-db")].filter(Boolean);
  return programs.reduce((text, program) => text.replaceAll(program, "/usr/local/bin/harbor-db"), output)
    .replaceAll(cwd, home).replaceAll(projectFile("drizzle"), "built in").replaceAll(
      "\u00a0",
      " ",
    );
}

/** Returns an output with the names that the page has for what is called otherwise here. */
function asNamed(actual: string, { names }: Place): string {
  return [...names].reduce((text, [name, value]) => text.replaceAll(value, name), actual);
}

/** A backup is called by its time: what the page calls so and so is another one here. */
function nameAlike(actual: string, written: string, { names }: Place): void {
  const backup = /[\w-]+-\d{8}T\d{9}Z-\w+/g;
  const own = actual.match(backup) ?? [];
  for (const [at, name] of (written.match(backup) ?? []).entries()) {
    if (own[at] !== undefined) names.set(name, own[at]);
  }
}

test("the page on Kubernetes gives harbor-db arguments that it takes", () =>
  withFolder(async (cwd) => {
    const [upgrade, verify, backup] = pageOf("docs/running/kubernetes.md").match(/\["\w+".*?\]/g)!;
    for (const list of [upgrade!, backup!, verify!]) {
      const args: readonly string[] = JSON.parse(list.replaceAll("/backups", join(cwd, "backups")));
      const { code, stdout, stderr } = await runCli(args, {
        cwd,
        env: { DATABASE_URL: "sqlite:///openharbor.db" },
      });
      assert.equal(code, 0, stdout + stderr);
    }
  }));

test("systemd takes the units of the page on servers", () =>
  // deno-lint-ignore require-await -- a failure has to be a rejection
  withFolder(async (cwd) => {
    const units = [...pageOf("docs/running/server.md").matchAll(/```ini\n# \S*\/(\S+)\n([^]*?)```/g)];
    const paths = units.map(([, name = "", text = ""]) => {
      const path = join(cwd, name);
      writeFileSync(path, text.replace(/^(Exec\w+=)\S+/gm, "$1/bin/true"));
      return path;
    });
    assert.equal(paths.length, 3);
    const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", ...paths], {
      encoding: "utf8",
    });
    assert.deepEqual([status, stdout + stderr], [0, ""]);
  }));

test("what the pages' units and crontab lines run works, one after the other", () =>
  withFolder(async (cwd) => {
    const units = pageOf("docs/running/server.md").matchAll(/^Exec\w+=(\/usr\/local\/bin\/harbor-db .*)$/gm);
    const lines = pageOf("docs/running/cron.md").matchAll(/^\d+ \d+ \* \* \* (.*harbor-db backup .*)$/gm);
    const commands = [...units, ...lines].map(([, command = ""]) => command);
    assert.equal(commands.length, 4);
    const names = new Map([["/usr/local/bin/", ""], [home, cwd]]);
    for (const command of commands) {
      const { code, output } = await runShell(command, { cwd, names });
      assert.equal(code, 0, `${command}: ${output}`);
      // Cron mails, and the journal keeps, what --quiet lets through.
      if (command.includes("--quiet")) assert.equal(output, "", command);
    }
  }));

test("with the rights of docs/verify.md a role verifies also what later revisions make", () =>
  withFreshPostgres(18, async (url) => {
    const grants = /```sql\n((?:(?!```)[^])*?GRANT[^]*?)```/.exec(pageOf("docs/verify.md"))![1]!;
    const monitor = `monitor_${randomBytes(6).toString("hex")}`;
    const admin = await sharedPostgres(18);
    await withClient(admin, (sql) => sql.unsafe(`CREATE ROLE ${monitor} LOGIN PASSWORD 'secret'`));
    try {
      await withClient(url, (sql) => sql.unsafe(grants.replaceAll("monitor", monitor)));
      assert.equal((await runCli(["upgrade", "--database-url", url, "--no-backup"])).code, 0);
      const address = new URL(url);
      [address.username, address.password] = [monitor, "secret"];
      const { code, stdout } = await runCli(["verify", "--skip", "backup", "--database-url", address.href]);
      assert.equal(code, 0, stdout);
    } finally {
      await withClient(url, (sql) => sql.unsafe(`DROP OWNED BY CURRENT_USER CASCADE`));
      await withClient(admin, (sql) => sql.unsafe(`DROP ROLE ${monitor}`));
    }
  }));

test("every set-up of the pages' commands and every reason not to run some is used", () => {
  const blocks = pages.flatMap(blocksOf);
  const used = new Set(blocks.flatMap(({ setUp }) => setUp ?? []));
  assert.deepEqual(Object.keys(setUps).filter((name) => !used.has(name)), []);
  const unrun = blocks.filter(({ setUp }) => setUp === null).map(({ text }) => text.split("\n")[0]);
  assert.deepEqual(Object.keys(notRun).filter((line) => !unrun.includes(line)), []);
});
