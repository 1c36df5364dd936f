import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";
import { runCli } from "../support/run_cli.ts";

// What docs/json.md says of a command's fields is what the command prints: no field is missing on either side.

/** The words of the page that stand for fields, by the command that they are of. */
const page = new Map(
  readFileSync(projectFile("docs/json.md"), "utf8").split("\n").flatMap((line) => {
    const [, commands = "", fields = ""] = /^\| ((?:`[^`]+`(?:, )?)+) \| (.*) \|$/.exec(line) ?? [];
    return [...commands.matchAll(/`([^`]+)`/g)].map((match) => [match[1]!, fields] as const);
  }),
);

/** Returns the fields that the page gives a command: what stands in code, without what is inside of each. */
function fieldsOf(command: string): readonly string[] {
  const text = page.get(command);
  assert.ok(text !== undefined, `docs/json.md has no row for ${command}`);
  const code = [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
  return code.map((each) => each.replace(/[[{].*$/s, "")).filter((each) => /^[a-z][A-Za-z]*$/.test(each));
}

/** Returns the fields of what is in a field, by its name: of `backups[{id,path}]` those of each backup. */
function partsOf(command: string): ReadonlyMap<string, readonly string[]> {
  const lists = [...page.get(command)!.matchAll(/`(\w+)(?:\[\{|\{)([^`]*)\}\]?`/g)];
  const names = (inner: string) => inner.replace(/\[[^\]]*\]|\{[^}]*\}/g, "").split(",");
  return new Map(lists.map((match) => [match[1]!, names(match[2]!)]));
}

/** Words in code on the page that are values or explain others, and no fields of the document itself. */
const explained: ReadonlySet<string> = new Set([
  "empty",
  "managed",
  "alembic",
  "unmanaged",
  "adopt",
  "bridge",
  "null",
  "bytes",
  "status",
  "pass",
  "warn",
  "fail",
  "error",
  "ms",
  "reasons",
  "origin",
  "run",
  "stamp",
  "appliedAt",
  "appliedBy",
  "recordedAt",
  "own",
  "amcheck",
  "notRestored",
  "notCompared",
]);

/** Of these, what is only there where something is wrong. */
const sometimes: ReadonlySet<string> = new Set(["current problem"]);

const commands: readonly (readonly [name: string, ...args: readonly string[]])[] = [
  ["upgrade"],
  ["status"],
  ["current"],
  ["history"],
  ["backup"],
  ["backup list"],
  ["backup prune", "--dry-run"],
  ["verify", "--skip", "backup"],
];

test("the documents of commands have the fields that docs/json.md names", () =>
  withFolder(async (cwd) => {
    for (const [name, ...args] of commands) {
      const { stdout } = await runCli([...name.split(" "), ...args, "--json"], {
        cwd,
        env: { DATABASE_URL: `sqlite:///${join(cwd, "page.db")}` },
      });
      const document = JSON.parse(stdout);
      const printed = Object.keys(document).filter((field) => field !== "ok");
      const named = fieldsOf(name);
      assert.deepEqual(
        printed.filter((field) => !named.includes(field)),
        [],
        `${name} prints more than the page`,
      );
      const missing = named.filter((field) =>
        !printed.includes(field) && !explained.has(field) && !sometimes.has(`${name} ${field}`)
      );
      assert.deepEqual(missing, [], `${name} prints less than the page`);
      for (const [field, inner] of partsOf(name)) {
        const value = [document[field]].flat()[0];
        if (value === undefined || value === null || inner.some((each) => each.endsWith("…"))) continue;
        assert.deepEqual(Object.keys(value).toSorted(), inner.toSorted(), `${name}: ${field}`);
      }
    }
  }));
