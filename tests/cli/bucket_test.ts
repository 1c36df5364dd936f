import assert from "node:assert/strict";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { runHere } from "../support/run_here.ts";
import { type S3Server, withS3Server } from "../support/servers/s3_server.ts";

interface Backup {
  readonly id: string;
  readonly path: string;
  readonly deliveries: readonly { readonly to: string; readonly error: string | null }[];
}

interface Document {
  readonly backup: Backup;
  readonly backups: readonly Backup[];
  readonly removed: readonly Backup[];
  readonly removedThere: readonly Backup[] | null;
  readonly findings: readonly {
    readonly status: string;
    readonly message: string;
    readonly hint: string | null;
  }[];
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
}

interface Case {
  readonly cwd: string;
  /** The place of this case's copies, as the command line says it. */
  readonly place: string;
  /** What is below it, by name. */
  there(): Promise<readonly string[]>;
  run(...args: readonly string[]): ReturnType<typeof runHere>;
  /** The same, which has to end with that exit code; as programs read it. */
  expect(code: number, ...args: readonly string[]): Promise<Document>;
}

let cases = 0;

/** Runs `work` with a database at the first revision, and a place in the bucket that nothing is in. */
function withCase(server: S3Server, work: (given: Case) => Promise<void>): Promise<void> {
  const prefix = `case_${++cases}`;
  return withFolder(async (cwd) => {
    const run: Case["run"] = (...args) => runHere(args, { cwd, env: server.env });
    const expect: Case["expect"] = async (code, ...args) => {
      const result = await run(...args, "--json");
      assert.equal(result.code, code, result.stdout + result.stderr);
      assert.doesNotMatch(result.stdout + result.stderr, /aws4_request|Signature=/);
      return result.json<Document>();
    };
    await expect(0, "upgrade", "71dda59686db", "--no-backup");
    await work({
      cwd,
      place: `s3://copies/${prefix}?endpoint=${server.endpoint}`,
      there: async () =>
        (await server.keys()).filter((key) => key.startsWith(`${prefix}/`)).map((key) =>
          key.slice(prefix.length + 1)
        ),
      run,
      expect,
    });
  });
}

const denied = () => Promise.resolve({ status: 403, body: "<Error><Code>AccessDenied</Code></Error>" });

// One server for all.
test("copies in a bucket", async (t) => {
  await withS3Server(async (server) => {
    const step = (rule: string, work: (given: Case) => Promise<void>) =>
      t.test(rule, () => withCase(server, work));

    await step(
      "a machine that lost everything restores from there, with the same words",
      async ({ cwd, place, expect, there }) => {
        const { backup } = await expect(0, "backup", "--compress", "gzip", "--copy-to", place);
        const { file } = { file: backup.path.split("/").at(-1)! };
        assert.deepEqual(await there(), [file, `${file}.json`]);
        // Another service may have a bucket of the same name.
        const { host } = new URL(server.endpoint);
        assert.deepEqual(backup.deliveries, [
          { ...backup.deliveries[0]!, to: `${place.replace(/\?.*/, "")} at ${host}`, error: null },
        ]);
        for (const name of [file, `${file}.json`]) {
          assert.ok(readdirSync(join(cwd, "backups")).includes(name));
        }
        rmSync(join(cwd, "backups"), { recursive: true });
        rmSync(join(cwd, "openharbor.db"));
        const listed = await expect(0, "backup", "list", "--from", place);
        assert.deepEqual(listed.backups.map(({ id }) => id), [backup.id]);
        await expect(0, "backup", "verify", backup.id, "--from", place);
        await expect(0, "restore", backup.id.slice(0, 20), "--from", place, "--yes");
        await expect(0, "verify", "--only", "schema");
        // What was fetched does not stay.
        assert.deepEqual(readdirSync(join(cwd, "backups")), []);
      },
    );

    await step(
      "what is delivered is looked at, and what is not is a failed check",
      async ({ cwd, place, expect, there }) => {
        const failed = await server.meddling(denied, () => expect(1, "backup", "--copy-to", place));
        assert.equal(failed.error.code, "delivery_failed");
        assert.match(
          failed.error.message,
          /Cannot deliver the backup to "s3:.*: these keys may not \(AccessDenied, HTTP status 403\)/,
        );
        assert.match(
          failed.error.hint,
          /The backup stands, proven and not delivered: .*\n.*backup copy .* --copy-to/,
        );
        const names = readdirSync(join(cwd, "backups"));
        assert.equal(names.filter((name) => name.endsWith(".json")).length, 1);

        const undelivered = await expect(3, "verify", "--only", "backup", "--copy-to", place);
        assert.match(undelivered.findings[0]!.message, /not delivered to s3:.*there is no such manifest/);
        const unasked = await server.meddling(
          denied,
          () => expect(1, "verify", "--only", "backup", "--copy-to", place),
        );
        assert.deepEqual(
          unasked.findings.map(({ status }) => status),
          ["error"],
        );
        const metrics = join(cwd, "metrics.prom");
        await expect(3, "verify", "--only", "backup", "--prometheus", metrics);
        assert.match(readFileSync(metrics, "utf8"), /deliveries_failed{.*to="s3:\/\/copies\/case_.*"} 1/);

        const { backup } = await expect(0, "backup", "copy", "latest", "--copy-to", place);
        assert.deepEqual(backup.deliveries.map(({ error }) => error), [null]);
        const [found] = (await expect(0, "verify", "--only", "backup", "--copy-to", place)).findings;
        assert.match(found!.message, /its copy is in s3:/);
        // A second time nothing is sent.
        const before = server.requests.length;
        await expect(0, "backup", "copy", "latest", "--copy-to", place);
        assert.deepEqual(server.requests.slice(before).filter((each) => !each.startsWith("HEAD")), []);

        await server.put(`${(await server.keys()).find((key) => key.endsWith(".db"))}`, "something else");
        const wrong = await expect(3, "verify", "--only", "backup", "--copy-to", place);
        assert.match(wrong.findings[0]!.message, /bytes? long instead of/);
        assert.match(wrong.findings[0]!.hint!, /backup delete \S+ --from .* && harbor-db backup copy /);
        const refused = await expect(1, "backup", "copy", "latest", "--copy-to", place);
        assert.match(refused.error.message, /something else has its name, and is not replaced/);
        assert.equal((await there()).length, 2);
      },
    );

    await step("only what no rule keeps goes, and nothing of others", async ({ place, expect, there }) => {
      const prefix = /copies\/(\w+)/.exec(place)![1]!;
      const foreign = ["notes.txt", "notes.txt.json", "deeper/a.db.json", "odd name.json"];
      for (const name of foreign) await server.put(`${prefix}/${name}`, "{}");
      // What is no text is no manifest, and in nobody's way.
      const strange = [["photo.json", Uint8Array.of(0xff, 0xfe, 0)], ["mark.json", "\ufeff{}"]] as const;
      for (const [name, content] of strange) await server.put(`${prefix}/${name}`, content);
      const made: string[] = [];
      for (let count = 0; count < 3; count++) {
        const { backup, removedThere } = await expect(0, "backup", "--copy-to", place, "--keep-last", "2");
        made.push(backup.id);
        assert.equal(removedThere!.length, count === 2 ? 1 : 0);
      }
      const kept = (await there()).filter((name) => name.endsWith(".db"));
      assert.deepEqual(kept.map((name) => name.slice(0, -3)), made.slice(1));
      const lied = await server.meddling(
        async ({ method }, pass) => method === "DELETE" ? { status: 204 } : void await pass(),
        () => expect(1, "backup", "prune", "--keep-last", "1", "--from", place, "--yes"),
      );
      assert.match(lied.error.message, /it is still there after/);
      await expect(0, "backup", "prune", "--keep-last", "1", "--from", place, "--yes");
      await expect(0, "backup", "delete", made[2]!, "--from", place, "--yes");
      const left = [...foreign, ...strange.map(([name]) => name)];
      assert.deepEqual([...await there()].toSorted(), left.toSorted());
    });

    await step(
      "a copy that somebody called otherwise here is there under the name that it was written with",
      async ({ place, expect, there }) => {
        const { backup } = await expect(0, "backup");
        const other = join(dirname(backup.path), "mine? 100%41.db");
        for (const ending of ["", ".json"]) renameSync(backup.path + ending, other + ending);
        await expect(0, "backup", "copy", other, "--copy-to", place);
        const file = basename(backup.path);
        assert.deepEqual(await there(), [file, `${file}.json`]);
        await expect(0, "backup", "verify", backup.id, "--from", place);
        await expect(0, "verify", "--only", "backup", "--copy-to", place);
      },
    );

    await step(
      "one that is damaged there, or dated in the future, is not relied on",
      async ({ place, expect, there }) => {
        const { backup } = await expect(0, "backup", "--copy-to", place);
        const prefix = /copies\/(\w+)/.exec(place)![1]!;
        const file = backup.path.split("/").at(-1)!;
        const manifest = JSON.parse(readFileSync(`${backup.path}.json`, "utf8"));
        await server.put(`${prefix}/${file}`, "x".repeat(manifest.bytes), "0".repeat(64));
        const [wrong] = (await expect(3, "verify", "--only", "backup", "--copy-to", place)).findings;
        assert.match(wrong!.message, /stored with another SHA-256/);
        const damaged = await expect(3, "backup", "verify", backup.id, "--from", place);
        assert.match(damaged.findings.at(-1)!.message, /SHA-256 differs/);
        const { error } = await expect(4, "restore", backup.id, "--from", place, "--yes");
        assert.equal(error.code, "damaged_backup");
        assert.match(error.hint, /harbor-db backup list .*--from '?s3:/);

        await server.put(
          `${prefix}/${file}.json`,
          JSON.stringify({ ...manifest, createdAt: "2999-01-01T00:00:00.000Z" }),
        );
        const redated = (await expect(4, "restore", "latest", "--from", place, "--yes")).error;
        assert.match(redated.message, /"createdAt" is 2999-.*, and its "id" says another time/);
        await server.put(`${prefix}/${file}.json`, "no manifest");
        const { problems } = await expect(0, "backup", "list", "--from", place) as unknown as {
          problems: string[];
        };
        assert.match(problems[0]!, /is no JSON/);
        assert.equal((await there()).length, 2);
      },
    );

    await step("an upgrade whose copy is not delivered changes nothing", async ({ place, expect }) => {
      const failed = await server.meddling(
        denied,
        () => expect(1, "upgrade", "5b09ebe23c76", "--copy-to", place),
      );
      assert.equal(failed.error.code, "delivery_failed");
      assert.match(failed.error.hint, /Nothing was changed\.\n.*--copy-to none/);
      const { current } = await expect(0, "current") as unknown as { current: string };
      assert.equal(current, "71dda59686db");
      await server.meddling(denied, () => expect(0, "upgrade", "5b09ebe23c76", "--copy-to", "none"));
      await expect(0, "downgrade", "71dda59686db", "--copy-to", place, "--yes");
    });

    await step("a schedule delivers and looks, and no unit holds a key", async ({ cwd, place }) => {
      writeFileSync(join(cwd, "secret"), "hidden-secret");
      const env = {
        AWS_ACCESS_KEY_ID: "hidden-id",
        AWS_SECRET_ACCESS_KEY_FILE: "secret",
        AWS_REGION: "eu-west-1",
        NODE_EXTRA_CA_CERTS: "authority.pem",
        DATABASE_URL: "sqlite:///openharbor.db",
      };
      const units = await runHere(["schedule", "--backup", "--copy-to", place, "--user", "root"], {
        cwd,
        env,
      });
      assert.equal(units.code, 0, units.stderr);
      assert.doesNotMatch(units.stdout, /hidden/);
      assert.match(units.stdout, /^ExecStart=.* backup .*--copy-to/m);
      assert.match(units.stdout, /^ExecStart=.* verify .*--copy-to/m);
      assert.match(units.stdout, /^LoadCredential=AWS_SECRET_ACCESS_KEY:.*\/secret$/m);
      assert.match(units.stdout, /^# AWS_ACCESS_KEY_ID="…"$/m);
      assert.match(units.stdout, /^Environment="AWS_REGION=eu-west-1"$/m);
      assert.match(units.stdout, /^Environment="NODE_EXTRA_CA_CERTS=\/.*\/authority\.pem"$/m);
      assert.match(units.stdout, /^After=network-online\.target$/m);
      const cron = await runHere(["schedule", "--cron", "--backup", "--copy-to", place, "--user", "root"], {
        cwd,
        // A crontab holds no long lines.
        env: { ...env, NODE_EXTRA_CA_CERTS: "" },
      });
      assert.match(cron.stdout, /AWS_SECRET_ACCESS_KEY_FILE=\S*\/secret/);
      assert.doesNotMatch(cron.stdout, /hidden/);
    });

    await step(
      "keys come from files, too, and are said before anything is made",
      async ({ cwd, place, expect, there }) => {
        const missing = await runHere(["backup", "--copy-to", place], { cwd });
        assert.match(missing.stderr, /there is no AWS_ACCESS_KEY_ID/);
        assert.equal(missing.code, 2);
        assert.deepEqual(readdirSync(cwd).includes("backups"), false);
        writeFileSync(join(cwd, "secret"), `${server.env["AWS_SECRET_ACCESS_KEY"]}\n`);
        const env = {
          HARBOR_DB_S3_ACCESS_KEY_ID: server.env["AWS_ACCESS_KEY_ID"]!,
          HARBOR_DB_S3_SECRET_ACCESS_KEY_FILE: "secret",
          HARBOR_DB_S3_ENDPOINT: server.endpoint,
        };
        const { code, stderr } = await runHere(["backup", "--copy-to", place.replace(/\?.*/, "")], {
          cwd,
          env,
        });
        assert.equal(code, 0, stderr);
        assert.equal((await there()).length, 2);
        writeFileSync(join(cwd, "secret"), "one\ntwo\n");
        const two = await runHere(["backup", "--copy-to", place], { cwd, env });
        assert.deepEqual([two.code, /secret", which .*: it has more than one line/.test(two.stderr)], [
          2,
          true,
        ]);
        await expect(2, "backup", "copy", "latest");
      },
    );
  });
});
