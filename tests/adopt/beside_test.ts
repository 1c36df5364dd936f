import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { adopt, type AdoptOptions } from "../../src/adopt/adopt.ts";
import type { HarborError } from "../../src/base/errors.ts";
import type { RunContext } from "../../src/engines/run_context.ts";
import { tryAdoption } from "../../src/rehearse/of_adoption.ts";
import { engines, sqlitePath } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { withLarge } from "../support/beside_writer.ts";
import { adoptDatabase, contextOf, withContext } from "../support/samples/adoption.ts";
import { useApplication } from "../support/samples/open_harbor.ts";
import { makeOrigin, origins } from "../support/samples/origins.ts";

const engine = engines.find(({ name }) => name === "sqlite file")!;
const models = origins.find(({ name }) => name === "create_all of the newest commit")!;

/** Takes over a file to which every table is large, and says what was told meanwhile. */
function adoptLarge(
  url: string,
  { onDoing = () => {}, ...options }: Partial<AdoptOptions> & {
    readonly onDoing?: (text: string, stop: () => void) => void;
  } = {},
): Promise<void> {
  return withLarge(sqlitePath(url), async (database) => {
    const stop = new AbortController();
    const context: RunContext = {
      ...contextOf(database),
      signal: stop.signal,
      notify: (news) => {
        if (news.kind === "doing") onDoing(news.text, () => stop.abort());
      },
    };
    await adopt(context, { lockWaitMs: 0, ...options });
  });
}

function withModels(work: (url: string) => Promise<void>): Promise<void> {
  return engine.withDatabase(async (url) => {
    await makeOrigin(engine, url, models);
    await work(url);
  });
}

function contentsOf(url: string): unknown {
  const file = new DatabaseSync(sqlitePath(url), { readOnly: true });
  try {
    const schema = file.prepare(
      "SELECT type, name, sql FROM sqlite_schema WHERE name NOT GLOB 'harbor_*' AND name NOT GLOB 'sqlite_*' ORDER BY type, name",
    ).all().map((row) => ({ ...row, sql: String(row["sql"]).replaceAll(/[\s`"]+/g, " ") }));
    const rows = ["users", "collections", "files"].map((table) =>
      file.prepare(`SELECT * FROM ${table} ORDER BY id`).all().map(({ uuid, ...row }) =>
        table === "users" ? { ...row, hasUuid: typeof uuid === "string" } : { uuid, ...row }
      )
    );
    return { schema, rows, version: file.prepare("SELECT revision, origin FROM harbor_version").all() };
  } finally {
    file.close();
  }
}

test("a large database is bridged piece by piece, to what one transaction makes of it", () =>
  withModels(async (url) => {
    const other = `${url}.other`;
    await cp(sqlitePath(url), sqlitePath(other));
    await adoptDatabase(other);
    const seen: string[] = [];
    await adoptLarge(url, { onDoing: (text) => seen.push(text) });
    assert.equal(seen[0], "looking for damage");
    assert.ok(seen.some((text) => text.includes("files")), seen.join("; "));
    assert.deepEqual(contentsOf(url), contentsOf(other));
    await useApplication(engine, url);
  }));

test("without a copy a large database is not tried with its write lock held, and that is said", () =>
  withModels((url) =>
    withLarge(sqlitePath(url), async (database) => {
      const notes: string[] = [];
      const context: RunContext = {
        ...contextOf({
          ...database,
          rehearse: () => Promise.reject(new Error("it is tried on the real rows")),
        }),
        notify: (news) => news.kind === "note" && notes.push(news.text),
      };
      await adopt(context, { lockWaitMs: 0 });
      assert.ok(notes.some((text) => text.includes("not tried beforehand")), notes.join("; "));
    })
  ));

test("a bridge that was stopped between its pieces is gone on with", () =>
  withModels(async (url) => {
    const other = `${url}.other`;
    await cp(sqlitePath(url), sqlitePath(other));
    await adoptDatabase(other);
    let stops = 0;
    // Later each time, until it comes to its end.
    for (let pieces = 1;; pieces++) {
      let left = pieces;
      try {
        await adoptLarge(url, { isWhole: true, onDoing: (_, stop) => --left === 0 ? stop() : undefined });
        break;
      } catch (error) {
        assert.match(String(error), /Stopped on request/);
        assert.match((error as HarborError).hint ?? "", /harbor-db adopt/);
        stops++;
        await useApplication(engine, url);
      }
    }
    assert.ok(stops > 1, `${stops} stops`);
    await adoptLarge(url);
    const [schema, wanted] = [contentsOf(url), contentsOf(other)] as { schema: unknown }[];
    assert.deepEqual(schema!.schema, wanted!.schema);
  }));

test("a large database is rehearsed on the copy that its backup left: what fails there changes nothing", () =>
  withModels(async (url) => {
    const copy = `${url}.copy`;
    const schema = () =>
      engine.query(url, "SELECT sql FROM sqlite_schema WHERE name NOT GLOB 'harbor_*' ORDER BY name");
    const before = await schema();
    const adoption = adoptLarge(url, {
      beforeChange: async () => {
        await cp(sqlitePath(url), sqlitePath(copy));
        // What is met on the copy alone.
        await engine.query(copy, "CREATE TABLE __new_users (id INTEGER)");
        await engine.query(copy, "DROP TABLE harbor_lock");
        await withContext(copy, (context) => tryAdoption(context));
        return true;
      },
    });
    assert.match((await rejectsWith("unmanaged", adoption)).message, /__new_users/);
    assert.deepEqual(await schema(), before);
  }));

test("a value that a piece would change is found by its guard, and what was done before it is not denied", () =>
  withModels(async (url) => {
    const columns = models.tables["users"]!.columns.slice(1).join(", ")
      .replace("created_at DATETIME", "created_at BLOB");
    for (
      const statement of [
        "CREATE TABLE kept AS SELECT id, email, password_hash, is_active, created_at, last_login FROM users",
        "DROP TABLE users",
        `CREATE TABLE users (id INTEGER PRIMARY KEY, ${columns})`,
        "INSERT INTO users SELECT id, email, password_hash, is_active, NULL, last_login FROM kept",
        "DROP TABLE kept",
        "CREATE UNIQUE INDEX ix_users_email ON users (email)",
      ]
    ) await engine.query(url, statement);
    const error = await rejectsWith(
      "data_conflict",
      adoptLarge(url, {
        beforeChange: async () => {
          await cp(sqlitePath(url), sqlitePath(`${url}.copy`));
          await engine.query(`${url}.copy`, "DROP TABLE harbor_lock");
          await withContext(`${url}.copy`, (context) => tryAdoption(context));
          // Text that the column to come would make a number of.
          await engine.query(url, "UPDATE users SET created_at = '2025' WHERE id = 1");
          return true;
        },
      }),
    );
    assert.equal(error.message.match(/Cannot adopt/g)?.length, 1, error.message);
    assert.match(error.hint ?? "", /What is done of the bridge stays/);
    assert.doesNotMatch(error.hint ?? "", /Nothing was changed/);
  }));
