import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { withFolder } from "../support/databases.ts";
import { installedBun } from "../../scripts/build_binary.ts";
import { projectFile } from "../support/project.ts";
import { makeCertificates } from "../support/servers/tls_certificates.ts";

const folder = mkdtempSync(join(tmpdir(), "harbor_db_binary_"));
after(() => rm(folder, { recursive: true }));

/** The binary that `HARBOR_DB_BIN` names, else one that is built for these tests. */
const binary = process.env["HARBOR_DB_BIN"] ?? build("harbor-db");

const bun = installedBun(projectFile("."));

function build(name: string): string {
  const path = join(folder, name);
  execFileSync(projectFile("scripts/build"), ["--outfile", path], { stdio: ["ignore", "ignore", "pipe"] });
  return path;
}

interface Folders {
  readonly cwd: string;
  /** The only folders that it is told to keep anything in, all of them empty. */
  readonly home: string;
  readonly temporary: string;
}

interface Started extends Folders {
  run(args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }>;
}

/** Runs `work` with the binary in an empty folder, with no program on its PATH. */
async function withNothingElse(work: (started: Started) => Promise<void>): Promise<void> {
  await withFolder(async (parent) => {
    const [cwd, home, temporary] = ["cwd", "home", "tmp"].map((name) => join(parent, name)) as [
      string,
      string,
      string,
    ];
    for (const path of [cwd, home, temporary]) await mkdir(path);
    const env = { HOME: home, TMPDIR: temporary, PATH: "" };
    await work({
      cwd,
      home,
      temporary,
      run: (args) => promisify(execFile)(binary, args, { cwd, env }),
    });
  });
}

test("the binary says what it is", () =>
  withNothingElse(async ({ run }) => {
    const { version } = JSON.parse(await readFile(projectFile("package.json"), "utf8"));
    const { stdout } = await run(["--version"]);
    assert.match(
      stdout,
      new RegExp(`^harbor-db ${version} \\((?:[0-9a-f]{7,}(?:-dirty)?|unknown commit), Bun [\\d.]+\\)\n$`),
    );
  }));

test("the binary makes a database at head in an empty folder, and no other file anywhere", () =>
  withNothingElse(async ({ cwd, home, temporary, run }) => {
    await run(["upgrade"]);
    assert.deepEqual(JSON.parse((await run(["status", "--json"])).stdout).pending, []);
    assert.deepEqual(await readdir(cwd), ["openharbor.db"]);
    assert.deepEqual([...await readdir(home), ...await readdir(temporary)], []);
  }));

test("the binary's history is the one in drizzle/", () =>
  withNothingElse(async ({ run }) => {
    const builtIn = await run(["history", "--json"]);
    const onDisk = await run(["history", "--json", "--dir", projectFile("drizzle")]);
    assert.equal(builtIn.stdout, onDisk.stdout);
    assert.match(builtIn.stdout, /71dda59686db/);
  }));

test("the binary reads .env by its own rules, not by those of the runtime inside it", () =>
  withNothingElse(async ({ cwd, run }) => {
    // Bun would end the value at the "#" and fill in $x.
    await writeFile(join(cwd, ".env"), "DATABASE_URL=sqlite:///a#b$x.db\n");
    await run(["upgrade"]);
    assert.deepEqual((await readdir(cwd)).sort(), [".env", "a#b$x.db"]);
  }));

test("the binary takes no notice of the files that configure the runtime inside it", () =>
  withNothingElse(async ({ cwd, run }) => {
    await writeFile(join(cwd, "bunfig.toml"), 'preload = ["./absent.ts"]\n');
    await writeFile(join(cwd, "tsconfig.json"), "{ not JSON");
    await writeFile(join(cwd, "package.json"), "{ not JSON");
    assert.match((await run(["current"])).stdout, /^base$/m);
  }));

test("the binary starts in a moment, since it loads only what a command needs", () =>
  withNothingElse(async ({ run }) => {
    // Beside the runtime that is in it with an empty program: without bytecode or lazy imports it takes three times as long.
    const measured = [() => run(["--version"]), () => promisify(execFile)(bun, ["-e", "0"])].map((work) => ({
      work,
      fastestMs: Infinity,
    }));
    for (let time = 0; time < 15; time++) {
      for (const each of measured) {
        const start = performance.now();
        await each.work();
        each.fastestMs = Math.min(each.fastestMs, performance.now() - start);
      }
    }
    const [program, runtime] = measured.map(({ fastestMs }) => fastestMs) as [number, number];
    assert.ok(program < 2 * runtime, `${program.toFixed(1)} ms, ${runtime.toFixed(1)} ms of the runtime`);
  }));

test("the same sources give the same binary, byte for byte", async () => {
  const hash = async (path: string) => createHash("sha256").update(await readFile(path)).digest("hex");
  assert.equal(await hash(build("again")), await hash(binary), "HARBOR_DB_BIN is of other sources");
});

test("the binary looks at certificates whatever NODE_TLS_REJECT_UNAUTHORIZED says, which commands of the operator's get as it was", () =>
  withFolder(async (cwd) => {
    const { serverCertificate, serverKey } = await makeCertificates(cwd);
    const asked: unknown[] = [];
    const options = { cert: await readFile(serverCertificate), key: await readFile(serverKey) };
    const server = createServer(options, (request, response) => {
      asked.push(request.url);
      response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
    const place = `https://localhost:${(server.address() as { readonly port: number }).port}`;
    const env = {
      PATH: process.env["PATH"],
      NODE_TLS_REJECT_UNAUTHORIZED: "0",
      AWS_ACCESS_KEY_ID: "a",
      AWS_SECRET_ACCESS_KEY: "b",
    };
    try {
      for (
        const args of [
          ["status", "--database-url", place],
          ["backup", "list", "--from", `s3://copies/nightly?endpoint=${place}`],
        ]
      ) {
        const { stderr } = await promisify(execFile)(binary, args, { cwd, env }).catch((error) => error);
        assert.match(stderr, /^error: .*certificate.* is not trusted/m);
      }
      assert.deepEqual(asked, []);
    } finally {
      server.close();
    }
    await promisify(execFile)(binary, ["upgrade"], { cwd, env });
    await promisify(execFile)(
      binary,
      ["backup", "--after-backup", "printenv NODE_TLS_REJECT_UNAUTHORIZED > said"],
      { cwd, env },
    );
    assert.equal(await readFile(join(cwd, "said"), "utf8"), "0\n");
  }));
