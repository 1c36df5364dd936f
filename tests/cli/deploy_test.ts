import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { engines, sqliteUrl, withFolder } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";
import { baseEnvironment, cliCommand } from "../support/run_cli.ts";
import { runHere } from "../support/run_here.ts";
import { initial } from "../support/samples/application.ts";

/** What stands for systemd: it writes down what it is asked, and a file says whether the application runs. */
const systemctl = `#!/bin/sh
echo "$*" >> "$OPENHARBOR_HOME/asked"
if [ "$1" = stop ]; then rm -f "$OPENHARBOR_HOME/running"; else touch "$OPENHARBOR_HOME/running"; fi
`;

interface Deployment {
  readonly code: number | null;
  readonly output: string;
  /** The release in service. */
  readonly current: string;
  readonly asked: readonly string[];
  readonly revision: string | null;
}

/** Runs the script on a database, with an application that answers with a status for each release. */
async function deploy(
  url: string,
  { release, statuses, isFirst = false }: {
    readonly release: string;
    readonly statuses: Readonly<Record<string, number>>;
    /** Whether nothing is in service yet. */
    readonly isFirst?: boolean;
  },
): Promise<Deployment> {
  return await withFolder(async (home) => {
    for (const folder of ["bin", "releases/old", "releases/new"]) {
      await mkdir(join(home, folder), { recursive: true });
    }
    if (!isFirst) await symlink("releases/old", join(home, "current"));
    await writeFile(join(home, "running"), "");
    await writeFile(join(home, ".env"), `DATABASE_URL=${url}\n`);
    const harbor = cliCommand([]).map((word) => `'${word}'`).join(" ");
    for (
      const [name, text] of [["systemctl", systemctl], ["harbor-db", `#!/bin/sh\nexec ${harbor} "$@"\n`]]
    ) {
      await writeFile(join(home, "bin", name!), text!);
      await chmod(join(home, "bin", name!), 0o755);
    }
    const server = createServer(async (_, response) => {
      const status = statuses[await readlink(join(home, "current"))] ?? 500;
      response.writeHead(existsSync(join(home, "running")) ? status : 502, { connection: "close" }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const base = baseEnvironment();
    const child = spawn("sh", [projectFile("docs/running/deploy.sh"), release], {
      env: {
        ...base,
        PATH: `${home}/bin:${base["PATH"]}`,
        OPENHARBOR_HOME: home,
        OPENHARBOR_HEALTH_URL: `http://127.0.0.1:${port}/health`,
        OPENHARBOR_HEALTH_TIMEOUT: "1s",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => output += text);
    }
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    await new Promise((resolve) => server.close(resolve));
    const { stdout } = await runHere(["current", "--json", "--database-url", url], { cwd: home });
    return {
      code,
      output,
      current: await readlink(join(home, "current")),
      asked: existsSync(join(home, "asked"))
        ? (await readFile(join(home, "asked"), "utf8")).trimEnd().split("\n")
        : [],
      revision: (JSON.parse(stdout) as { current: string }).current,
    };
  });
}

const head = "7b1f73160408";
const well = { "releases/old": 200, "releases/new": 200 };

for (const engine of engines.filter(({ name }) => ["sqlite file", "postgres 18"].includes(name))) {
  test(`${engine.name}: docs/running/deploy.sh puts a release into service, with the database at head`, () =>
    engine.withDatabase(async (url) => {
      await runHere(["upgrade", initial, "--no-backup", "--database-url", url], { cwd: "/" });
      const done = await deploy(url, { release: "new", statuses: well });
      assert.equal(done.code, 0, done.output);
      assert.deepEqual([done.current, done.revision], ["releases/new", head]);
      assert.deepEqual(done.asked, ["stop openharbor", "restart openharbor"]);
    }));

  test(`${engine.name}: docs/running/deploy.sh goes back where the new release is not well`, () =>
    engine.withDatabase(async (url) => {
      await runHere(["upgrade", initial, "--no-backup", "--database-url", url], { cwd: "/" });
      const done = await deploy(url, { release: "new", statuses: { ...well, "releases/new": 500 } });
      assert.equal(done.code, 1, done.output);
      assert.match(done.output, /restored: the database is at 71dda59686db again/);
      assert.doesNotMatch(done.output, /and then:/);
      assert.deepEqual([done.current, done.revision], ["releases/old", initial]);
      const round = ["stop openharbor", "restart openharbor"];
      assert.deepEqual(done.asked, [...round, ...round]);
    }));
}

test("docs/running/deploy.sh puts the first release into service, where no database is yet", () =>
  withFolder(async (folder) => {
    const url = sqliteUrl(join(folder, "new.db"));
    const done = await deploy(url, { release: "new", statuses: well, isFirst: true });
    assert.equal(done.code, 0, done.output);
    assert.deepEqual([done.current, done.revision], ["releases/new", head]);
  }));

test("docs/running/deploy.sh touches nothing for a release that is not there", () =>
  engines[0]!.withDatabase(async (url) => {
    const done = await deploy(url, { release: "newer", statuses: well });
    assert.equal(done.code, 2);
    assert.match(done.output, /there is no .*\/releases\/newer/);
    assert.deepEqual([done.current, done.asked], ["releases/old", []]);
  }));
