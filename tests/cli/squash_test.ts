import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { changedFiles, leaveKilled } from "../support/killed_write.ts";
import { type SchemaProject, withUnreleasedProject } from "../support/samples/schema_project.ts";
import { sharedPostgres, withFreshPostgres } from "../support/servers/postgres_server.ts";

const [initial, second, third, head] = ["71dda59686db", "5b09ebe23c76", "f27bd10b7ec4", "7b1f73160408"];

/** Runs a command on a database of the project, and returns what it prints as JSON. */
async function run<T>(project: SchemaProject, url: string, ...args: readonly string[]): Promise<T> {
  const result = await project.run([...args, "--json"], { env: { DATABASE_URL: url } });
  assert.equal(result.code, 0, `${args}: ${result.stdout}${result.stderr}`);
  return result.json<T>();
}

async function goTo(project: SchemaProject, url: string, ...args: readonly string[]) {
  const flags = ["--no-backup", ...args[0] === "downgrade" ? ["--yes"] : []];
  const { steps } = await run<{ steps: { revision: string }[] }>(project, url, ...args, ...flags);
  return steps.map(({ revision }) => revision);
}

async function squash(project: SchemaProject, ...args: readonly string[]) {
  const { revision, covers, written, reason } = await run<{
    revision: { revision: string; parent: string | null };
    covers: { revision: string }[];
    written: string;
    reason: string | null;
  }>(project, "sqlite:///none.db", "squash", ...args);
  return {
    id: revision.revision,
    parent: revision.parent,
    covers: covers.map((each) => each.revision),
    written,
    reason,
  };
}

/** The schema, the version table and the data are as they should be. */
async function verified(project: SchemaProject, url: string): Promise<void> {
  await run(project, url, "verify", "--skip", "backup");
}

/** Reads what is in the files of a database; puts some in where there are none: two that lie in R2, and one that does not. */
function withFiles({ cwd }: SchemaProject): readonly unknown[] {
  const database = new DatabaseSync(join(cwd, "a.db"));
  try {
    const read = () => database.prepare("SELECT * FROM files ORDER BY id").all().map((row) => ({ ...row }));
    if (read().length > 0) return read();
    const now = "'2026-01-02 03:04:05'";
    const file = (id: number, backend: string, more: string) =>
      `(${id}, 'f${id}', 'n', 'n', 'm', 1, 'p', ${now}, 1, '${backend}', ${more}, 'thumb')`;
    database.exec(`
      INSERT INTO users (id, uuid, email, password_hash) VALUES (1, 'u1', 'a@example.org', 'x');
      INSERT INTO collections (id, uuid, name, created_at, user_id) VALUES (1, 'c1', 'one', ${now}, 1);
      INSERT INTO files (id, uuid, filename, original_filename, mime_type, size, storage_path, created_at, collection_id, storage_backend, metadata_json, thumb_path)
        VALUES ${file(1, "local", "NULL")}, ${file(2, "r2", "NULL")}, ${file(3, "r2", "'{}'")}`);
    return read();
  } finally {
    database.close();
  }
}

test("databases at any of the revisions that were squashed go on, up and down, and new ones take the one", () =>
  withFreshPostgres(15, (postgres) =>
    withUnreleasedProject(async (project) => {
      const at = (name: string) => `sqlite:///${name}.db`;
      for (
        const [url, place] of [[at("a"), second], [at("b"), third], [at("c"), head], [
          postgres,
          second,
        ]] as const
      ) {
        await goTo(project, url, "upgrade", place);
      }
      await project.write("drizzle/BASELINE", `${third}\n`);
      const { id, ...said } = await squash(project, third, "--prove-url", await sharedPostgres(15));
      assert.deepEqual(said, {
        parent: null,
        covers: [initial, second, third],
        written: "anew",
        reason: null,
      });
      assert.match(await project.read("drizzle/BASELINE"), new RegExp(`^${id} `));
      const check = await project.run(["check"]);
      assert.equal(check.code, 0, check.stdout);

      assert.deepEqual(await goTo(project, at("a"), "upgrade"), [third, head]);
      assert.deepEqual(await goTo(project, at("b"), "upgrade"), [head]);
      assert.deepEqual(await goTo(project, at("c"), "upgrade"), []);
      assert.deepEqual(await goTo(project, postgres, "upgrade"), [third, head]);
      // The end of what was squashed is a place still, also for a new database; the middle is none there.
      assert.deepEqual(await goTo(project, at("d"), "upgrade", third), [id]);
      assert.deepEqual(await goTo(project, at("d"), "upgrade"), [head]);
      for (const url of [at("a"), at("b"), at("c"), at("d"), postgres]) await verified(project, url);
      const inside = await project.run(["upgrade", second, "--database-url", at("e")]);
      assert.equal(inside.code, 2);
      assert.match(inside.stderr, new RegExp(`${id} \\(.*\\) stands for it`));

      const written = withFiles(project);
      assert.deepEqual(await goTo(project, at("a"), "downgrade", second), [head, third]);
      assert.deepEqual(await goTo(project, at("a"), "downgrade", "base"), [second, initial]);
      assert.deepEqual(await goTo(project, at("a"), "upgrade"), [id, head]);
      // What each of the others kept comes back behind the one that stands for them.
      assert.deepEqual(withFiles(project), written);
      assert.deepEqual(await goTo(project, at("d"), "downgrade", "base"), [head, id]);
      await verified(project, at("a"));
    })));

test("what was squashed is squashed again, built on and checked, and neither dropped nor lost", () =>
  withUnreleasedProject(async (project) => {
    const url = "sqlite:///a.db";
    await goTo(project, url, "upgrade", second);
    const { id: middle, ...said } = await squash(project, third, "--from", second, "--name", "Two of them");
    const reason = `${second} is not the first revision`;
    assert.deepEqual(said, { parent: initial, covers: [second, third], written: "joined", reason });
    const again = await squash(project, head);
    assert.deepEqual([again.covers, again.parent, again.written], [[initial, middle, head], null, "joined"]);
    assert.equal(again.reason, "the scripts for postgresql were not run: --prove-url names a server");
    for (
      const [args, code, message] of [
        [["drop", "--yes"], 4, /stands for others|is released/],
        [["squash", again.id], 2, /that is one revision/],
        [["squash", "0000"], 2, /no revision has that id/],
      ] as const
    ) {
      const refused = await project.run(args);
      assert.equal(refused.code, code, refused.stderr);
      assert.match(refused.stderr, message);
    }
    await project.edit("collection_id: integer()", "rating: integer(),\n  collection_id: integer()");
    const { revision } = await run<{ revision: { revision: string; parent: string } }>(
      project,
      "sqlite:///none.db",
      "generate",
      "Add rating",
    );
    assert.equal(revision.parent, again.id);
    const check = await project.run(["check", "--prove"]);
    assert.equal(check.code, 0, check.stdout);

    assert.deepEqual(await goTo(project, url, "upgrade"), [third, head, revision.revision]);
    assert.deepEqual(await goTo(project, "sqlite:///b.db", "upgrade"), [again.id, revision.revision]);
    for (const each of [url, "sqlite:///b.db"]) await verified(project, each);

    const lost = `drizzle/sqlite/covered/${second}_add_r2_storage_fields.sql`;
    await rm(join(project.cwd, lost));
    const broken = await project.run(["check"]);
    assert.equal(broken.code, 3, broken.stdout);
    assert.ok(
      broken.stdout.includes(`${lost}: the journal names it, and there is no such file`),
      broken.stdout,
    );
  }));

test("a squash that was killed at any of its files is ended by the same command, and by the next one that writes", () =>
  withUnreleasedProject(async (project) => {
    const before = await project.files();
    await squash(project, third);
    const after = await project.files();
    const dir = join(project.cwd, "drizzle");
    const journal = "postgresql/meta/_journal.json";
    const killedBehind = (isDone: (path: string) => boolean) =>
      leaveKilled(project, "squash", { before, after, isDone });

    await killedBehind((path) => path !== journal);
    const check = await project.run(["check", "--json"]);
    const { findings } = check.json<{ findings: { message: string; hint: string }[] }>();
    assert.deepEqual([check.code, findings.length], [3, 1], check.stdout);
    const all = changedFiles(before, after).length;
    assert.ok(
      findings[0]!.message.includes(`a squash is not finished: ${all - 1} of ${all} files are`),
      check.stdout,
    );
    assert.match(findings[0]!.hint, /harbor-db rebase$/);
    const again = await project.run(["squash", third]);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stdout, /^ended the squash that an interrupted harbor-db had begun/);
    assert.deepEqual(await project.files(), after);

    await killedBehind(() => false);
    const next = await project.run(["generate", "Nothing"]);
    assert.deepEqual([next.code, next.stderr], [0, ""]);
    assert.deepEqual(await project.files(), after);

    // What somebody changed since is left as it is.
    await killedBehind((path) => path.startsWith("sqlite/"));
    await writeFile(join(dir, journal), `${before[journal]!} `);
    const changedSince = await project.run(["squash", third]);
    assert.equal(changedSince.code, 2, changedSince.stdout);
    assert.match(changedSince.stderr, /the dialects do not have the same revisions/);
    assert.equal(await project.read(`drizzle/${journal}`), `${before[journal]!} `);
  }));

test("a history of one dialect that has no way back is squashed where it lies", () =>
  withUnreleasedProject(async (project) => {
    await rm(join(project.cwd, "drizzle/postgresql"), { recursive: true });
    const downs = Object.keys(await project.files()).filter((path) => path.endsWith(".down.sql"));
    for (const path of downs) await rm(join(project.cwd, "drizzle", path));
    await rm(join(project.cwd, "drizzle/SHA256SUMS"));
    const first = downs.find((path) => path.includes(initial))!.replace(".down.sql", ".sql");
    const idle = "--> statement-breakpoint\nINSERT INTO users SELECT * FROM users WHERE 0;\n";
    await project.write(`drizzle/${first}`, `${await project.read(`drizzle/${first}`)}${idle}`);
    const [half, fresh] = ["sqlite:///a.db", "sqlite:///b.db"];
    await goTo(project, half, "upgrade", second);
    await project.write("drizzle/BASELINE", `${third}\n`);
    const before = await project.files();
    const { id, written, reason } = await squash(project, third);
    assert.deepEqual([written, reason], [
      "joined",
      `${initial} does more on sqlite than change the schema, or what cannot be read`,
    ]);
    // As one leaves it that was killed between the two journals, and behind them.
    const after = await project.files();
    const gone = Object.keys(before).filter((path) => !Object.hasOwn(after, path));
    const putBack = (paths: readonly string[]) =>
      Promise.all(paths.map((path) => project.write(`drizzle/${path}`, before[path]!)));
    await putBack([...gone, "BASELINE", "sqlite/meta/_journal.json"]);
    assert.deepEqual(await goTo(project, "sqlite:///c.db", "upgrade", second), [initial, second]);
    await squash(project, third);
    assert.deepEqual(await project.files(), after);
    await putBack([...gone, "BASELINE"]);
    const killed = (await project.run(["check"])).stdout;
    assert.doesNotMatch(killed, /rebase|BASELINE/, killed);
    assert.ok(gone.every((path) => killed.includes(`rm drizzle/${path}`)), killed);
    await Promise.all(gone.map((path) => rm(join(project.cwd, "drizzle", path))));
    const check = await project.run(["check"]);
    assert.doesNotMatch(check.stdout, /FAIL.*covered/);
    assert.deepEqual(await goTo(project, half, "upgrade"), [third, head]);
    assert.deepEqual(await goTo(project, fresh, "upgrade"), [id, head]);
    for (const url of [half, fresh]) await verified(project, url);
  }));

test("revisions without a way back become one that has one, where it is written anew", () =>
  withUnreleasedProject(async (project) => {
    await rm(join(project.cwd, "drizzle/postgresql"), { recursive: true });
    const downs = Object.keys(await project.files()).filter((path) => path.endsWith(".down.sql"));
    for (const path of downs) await rm(join(project.cwd, "drizzle", path));
    await rm(join(project.cwd, "drizzle/SHA256SUMS"));
    const { id, written } = await squash(project, head);
    assert.equal(written, "anew");
    const url = "sqlite:///a.db";
    assert.deepEqual(await goTo(project, url, "upgrade"), [id]);
    await verified(project, url);
    assert.deepEqual(await goTo(project, url, "downgrade", "base"), [id]);
  }));

test("what no snapshot says keeps the scripts as they are", () =>
  withUnreleasedProject(async (project) => {
    await rm(join(project.cwd, "drizzle/postgresql"), { recursive: true });
    const down = Object.keys(await project.files()).find((each) =>
      each.includes(`${head}_`) && each.endsWith(".down.sql")
    )!;
    const [up, back] = [`drizzle/${down.replace(".down.sql", ".sql")}`, `drizzle/${down}`];
    const end = "--> statement-breakpoint\n";
    await project.write(up, `${await project.read(up)}${end}CREATE VIEW names AS SELECT email FROM users;\n`);
    await project.write(back, `DROP VIEW names;${end}${await project.read(back)}`);
    const result = await project.run(["squash", head]);
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout + result.stderr, /make what the snapshot does not say: view names/);
  }));
