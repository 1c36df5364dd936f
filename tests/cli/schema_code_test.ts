import assert from "node:assert/strict";
import { test } from "node:test";
import { startCli } from "../support/run_cli.ts";
import { withSchemaProject } from "../support/samples/schema_project.ts";

const column = "medium_path: varchar({ length: 500 }),";

// What a schema.ts runs beside its tables, and what is said of it.
const strays = [
  ["process.exit(0);", /schema\.ts(:1)?": it.* wanted to end the program with exit\(0\)/],
  ["try { process.exit(3); } catch {}", /schema\.ts(:1)?": it.* wanted to end the program with exit\(3\)/],
  ["setTimeout(() => process.exit(0));", /schema\.ts(:1)?": it.* wanted to end the program with exit\(0\)/],
  [
    "setTimeout(() => process.exit(0), 20);",
    /schema\.ts(:1)?": it.* wanted to end the program with exit\(0\)/,
  ],
  ["process.reallyExit(0);", /schema\.ts(:1)?": it.* wanted to end the program with reallyExit\(0\)/],
  [
    "process.kill(process.pid, 'SIGKILL');",
    /schema\.ts(:1)?": it.* wanted to end the program with kill\(pid\)/,
  ],
  ["process.abort();", /schema\.ts(:1)?": it.* wanted to end the program with abort\(\)/],
  ['setTimeout(() => { throw new Error("boom"); }, 5);', /schema\.ts:1": what it left running failed: boom/],
  ['Promise.reject(new Error("later"));', /schema\.ts:1": what it left running failed: later/],
  ["Promise.reject(null);", /schema\.ts": what it left running failed: null/],
] as const;
for (const [code, said] of strays) {
  test(`generate writes nothing of a schema.ts that runs ${code}`, () =>
    withSchemaProject(async (project) => {
      await project.edit(column, `${column}\n  note: varchar({ length: 40 }),`);
      await project.write("schema.ts", `${code} ${await project.read("schema.ts")}`);
      const before = await project.files();
      const result = await project.run(["generate", "Add notes", "--json"]);
      assert.equal(result.code, 2, result.stdout + result.stderr);
      const { error } = result.json<{ error: { code: string; message: string } }>();
      assert.equal(error.code, "bad_schema");
      assert.match(error.message, said);
      assert.equal(result.stderr, "", "an error that nobody caught printed code");
      assert.deepEqual(await project.files(), before);
    }));
}

test("a schema.ts sets no exit code, and Ctrl-C ends one that never ends", () =>
  withSchemaProject(async (project) => {
    const whole = await project.read("schema.ts");
    await project.write("schema.ts", `process.exitCode = 7;\n${whole}`);
    assert.equal((await project.run(["generate", "--check"])).code, 0);
    await project.write("schema.ts", `console.error("looping"); for (;;);\n${whole}`);
    const running = startCli(["generate", "--check"], { cwd: project.cwd });
    await running.until(/looping/);
    running.kill("SIGINT");
    assert.equal((await running.result).code, null);
  }));
