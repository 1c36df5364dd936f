import assert from "node:assert/strict";
import { test } from "node:test";
import { noConsequences } from "../../src/commands/migrate/consequences.ts";
import { downgradeQuestion } from "../../src/commands/migrate/downgrade_question.ts";
import type { RunContext } from "../../src/engines/run_context.ts";
import { lookAhead } from "../../src/migrate/preflight/look_ahead.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { preparePlan } from "../../src/migrate/prepare_plan.ts";
import { adoptDatabase, contextOf, withContext } from "../support/samples/adoption.ts";
import { addFiles } from "../support/samples/application.ts";
import { engines } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { makeOrigin, origins } from "../support/samples/origins.ts";
import { integer } from "drizzle-orm/pg-core";
import { index, table, uniqueIndex } from "../support/samples/tables.ts";
import { generateTwo } from "../support/samples/two_revisions.ts";
import { verifyUrl } from "../support/verified.ts";

const change = "UPDATE files SET size = size + 1";
const marks = [
  "COMMENT ON INDEX ix_files_uuid IS 'for links'",
  "ALTER INDEX ix_files_uuid SET (fillfactor = 50)",
  "ALTER TABLE files CLUSTER ON ix_files_uuid",
];
const published = [
  "ALTER TABLE files REPLICA IDENTITY USING INDEX ix_files_uuid",
  "CREATE PUBLICATION mirror FOR TABLE files",
];
const look =
  "SELECT concat_ws(' ', obj_description('ix_files_uuid'::regclass), (SELECT reloptions FROM pg_class " +
  "WHERE oid = 'ix_files_uuid'::regclass), CASE WHEN indisclustered THEN 'clustered' END, " +
  "CASE WHEN indisreplident THEN 'identity' END) AS seen FROM pg_index WHERE indexrelid = 'ix_files_uuid'::regclass";

for (const engine of engines.filter(({ dialect }) => dialect === "postgresql")) {
  const on = (rule: string) => `${engine.name}: ${rule}`;
  const run = async (url: string, statements: readonly string[]) =>
    void await engine.query(url, statements.join("; "));
  const seen = async (url: string) => (await engine.query(url, look))[0]!["seen"];

  test(
    on("what hangs on an index goes up and down with it, and what cannot is named before"),
    () =>
      engine.withDatabase(async (url) => {
        const notes: string[] = [];
        const go = (direction: "upgrade" | "downgrade", text: string) =>
          withContext(url, (context) =>
            migrate({
              ...context,
              notify: (event) => event.kind === "note" && notes.push(event.text),
            }, { goal: { direction, text }, lockWaitMs: 0 }));
        await go("upgrade", "f27bd10b7ec4");
        await addFiles(engine, url, 3);
        await run(url, marks);
        await go("upgrade", "head");
        assert.equal(await seen(url), "for links {fillfactor=50} clustered");
        assert.deepEqual(notes, []);

        await run(url, published);
        const losses = await withContext(url, async (context) => {
          const plan = await preparePlan(context, { direction: "downgrade", text: "f27bd10b7ec4" });
          const { losses } = (await lookAhead(context, plan))!;
          const consequences = { ...noConsequences, losses };
          const { facts } = await downgradeQuestion(context, plan, {
            noBackup: false,
            noKeep: false,
            consequences,
          });
          assert.deepEqual(facts.filter(([label]) => label === "goes"), [
            ["goes", "no table and no column"],
            ...losses.map((loss) => ["goes", loss]),
          ]);
          return losses;
        });
        assert.match(
          losses.join(),
          /^the replica identity of table files by index ix_files_uuid \(UPDATE and DELETE of files fail while it is published, until ALTER TABLE "files" REPLICA IDENTITY/,
        );
        await go("downgrade", "f27bd10b7ec4");
        assert.deepEqual(notes, losses.map((loss) => `goes without a successor: ${loss}`));
        assert.equal(await seen(url), "for links {fillfactor=50} clustered");

        await assert.rejects(engine.query(url, change), /does not have a replica identity/);
        const { findings } = await withContext(
          url,
          ({ history }) => verifyUrl(url, { history, checks: ["integrity"] }),
        );
        const bad = findings.find(({ status }) => status === "fail");
        assert.match(
          bad!.message,
          /published tables without a replica identity.*: files \(publication mirror\)/,
        );
        await run(url, [bad!.hint!]);
        await engine.query(url, change);
      }),
  );

  test(on("a bridge carries what hangs on an index, too"), () =>
    engine.withDatabase(async (url) => {
      await makeOrigin(engine, url, origins.find(({ name }) => name === "create_all of the newest commit")!);
      await run(url, [...marks, ...published]);
      await adoptDatabase(url);
      assert.equal(await seen(url), "for links {fillfactor=50} clustered identity");
      await engine.query(url, change);
    }));

  test(
    on("a bridge that makes an index anew carries what hung on it"),
    () =>
      engine.withDatabase(async (url) => {
        await makeOrigin(engine, url, origins.find(({ name }) => name === "alembic upgrade f27bd10b7ec4")!);
        await run(url, ["ALTER TABLE files ALTER size TYPE bigint", ...marks]);
        await adoptDatabase(url);
        assert.equal(await seen(url), "for links {fillfactor=50} clustered");
      }),
  );

  test(on("an upgrade that would break a published table is refused before anything runs"), async () => {
    const files = (extra: typeof index) => [table("files", { size: integer().notNull() }, extra("size"))];
    const { history } = await generateTwo(files(uniqueIndex), files(index));
    await engine.withDatabase((url) =>
      withContext(url, async (of) => {
        const context: RunContext = { ...contextOf(of.database), history: history("postgresql") };
        const upgrade = (text: string) =>
          migrate(context, { goal: { direction: "upgrade", text }, lockWaitMs: 0 });
        await upgrade("+1");
        await run(url, ["ALTER TABLE files REPLICA IDENTITY USING INDEX ix_files_size", published[1]!]);
        const { message, hint } = await rejectsWith("schema_mismatch", upgrade("head"));
        assert.match(
          message,
          /the replica identity of table files by index ix_files_size would be lost: UPDATE/,
        );
        assert.match(hint!, /ALTER TABLE "files" REPLICA IDENTITY FULL/);
        await run(url, ["ALTER TABLE files REPLICA IDENTITY FULL"]);
        await upgrade("head");
        await engine.query(url, change);
      })
    );
  });
}
