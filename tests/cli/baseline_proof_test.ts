import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { runCli } from "../support/run_cli.ts";
import { sharedPostgres } from "../support/servers/postgres_server.ts";

const schema = (more = "") => `
import { sql } from "drizzle-orm";
import { index, integer, pgEnum, pgPolicy, pgSchema, pgTable, pgView, serial, text } from "drizzle-orm/pg-core";
export const mood = pgEnum("mood", ["sad", "glad"]);
export const office = pgSchema("office");
export const rooms = office.table("rooms", { id: serial().primaryKey(), name: text().notNull().unique() });
export const todos = pgTable("todos", {
  id: integer().primaryKey().generatedAlwaysAsIdentity(), mood: mood().notNull().default("sad"),
  room: integer().references(() => rooms.id), ${more}
}, (t) => [index("by_mood").on(t.mood), pgPolicy("all", { for: "select", using: sql\`true\` })]);
export const glad = pgView("glad").as((q) => q.select({ id: todos.id }).from(todos).where(sql\`\${todos.mood} = 'glad'\`));
`;

interface Finding {
  readonly check: string;
  readonly status: string;
  readonly message: string;
  readonly hint: string | null;
  readonly details: { readonly ground?: { readonly revision: string } };
}

test("a project whose early scripts do not run goes on from its baseline, and never says that they ran", async () => {
  const url = await sharedPostgres(15);
  await withFolder(async (cwd) => {
    const run = async (code: number, ...args: readonly string[]) => {
      const result = await runCli(args, { cwd });
      assert.equal(result.code, code, `${args.join(" ")}\n${result.stdout}${result.stderr}`);
      return result;
    };
    const proving = ["--prove-url", url];
    const write = (path: string, text: string) => writeFile(join(cwd, path), text);
    await mkdir(join(cwd, "drizzle"));
    await write(
      "drizzle.config.ts",
      `export default { dialect: "postgresql", schema: "./schema.ts", out: "./drizzle" };`,
    );
    await write("schema.ts", schema());
    const { revision } = JSON.parse((await run(0, "generate", "First", "--json")).stdout);
    const id: string = revision.revision;
    const script = `drizzle/${id}_first.sql`;
    const early = await readFile(join(cwd, script), "utf8");
    await write(script, `${early}\nSELECT auth.user_id();\n`);
    await rm(join(cwd, "drizzle/SHA256SUMS"));
    await run(0, "check", "--baseline", "head");

    await write("schema.ts", schema("task: text()"));
    const generated = await run(0, "generate", "Second", ...proving);
    assert.match(
      generated.stdout,
      new RegExp(`^postgresql: proven from the snapshot of ${id} on, and not from base, since .*auth`, "m"),
    );

    // What was not run is not accepted as proven; what comes after it is.
    await write(script, `${early}\nSELECT auth.other_id();\n`);
    const second = (await readdir(join(cwd, "drizzle"))).find((file) => file.endsWith("_second.sql"))!;
    const text = await readFile(join(cwd, "drizzle", second), "utf8");
    await write(`drizzle/${second}`, `${text}\nSELECT 2;\n`);
    const checked = await run(3, "check", "--prove", "--accept-edits", "--json", ...proving);
    const { findings }: { readonly findings: readonly Finding[] } = JSON.parse(checked.stdout);
    const said = findings.filter(({ check }) => check === "edited" || check === "proof");
    assert.deepEqual(said.map(({ check, status, details }) => [check, status, details.ground?.revision]), [
      ["edited", "fail", undefined],
      ["edited", "pass", undefined],
      ["proof", "warn", id],
      ["proof", "pass", undefined],
    ]);
    assert.match(said[0]!.message, /_first\.sql: it was edited/);
    assert.match(said[2]!.hint!, /drizzle\/host\.sql/);
  });
});
