import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { renderCrontab } from "../../src/verify/schedule/crontab.ts";
import { renderEnvironmentFile } from "../../src/verify/schedule/environment_file.ts";
import { HarborError } from "../../src/base/errors.ts";
import { renderUnits, type UnitPlan } from "../../src/verify/schedule/systemd_units.ts";
import { withFolder } from "../support/databases.ts";
import { readUnit } from "../support/read_unit.ts";

/** What means something in one of the languages, and has to come out as it went in. */
const strange = [
  "plain",
  "two words",
  `quotes " and '`,
  "%n %% %h percent",
  "$HOME $$ ${HOME} dollar",
  "back\\slash \\n \\\\ \\% two\\\\\\three",
  "`id` $(id); id | id & id > /tmp/x #no",
  "ends with \\",
  ";",
  "* ? [a] ~ !x",
  "Größe 日本 \u2028 \u0085",
];

const plan: UnitPlan = {
  name: "harbor-db-verify",
  database: "sqlite:////srv/app/openharbor.db",
  command: ["/usr/bin/env", "verify"],
  backup: null,
  environment: {},
  credentials: {},
  needsNetwork: false,
  environmentFile: "/etc/harbor-db/verify.env",
  isEnvironmentFileOptional: true,
  at: "03:45",
  stateFolder: "harbor-db",
  timeoutSeconds: 60,
  user: "app",
  reads: [],
  writes: [],
  onFailure: null,
};

async function readBack(changes: Partial<UnitPlan>) {
  return await withFolder(async (folder) => {
    for (const { name, text } of renderUnits({ ...plan, ...changes })) {
      await writeFile(join(folder, name), text);
    }
    return await readUnit(folder, "harbor-db-verify.service");
  });
}

/** Reads the words of a command line as systemd prints them, quoted for a shell, and as it runs them. */
function wordsOf(line: string | undefined): readonly string[] {
  const text = execFileSync("sh", ["-c", `printf '%s\\0' ${line ?? ""}`], { encoding: "utf8" });
  return text.split("\0").slice(0, -1).map((word) => word.replaceAll("$$", "$"));
}

test("systemd reads strange arguments, variables and paths as they were", async () => {
  const unit = await readBack({
    command: ["/usr/bin/env", ...strange],
    backup: null,
    environment: Object.fromEntries(strange.map((value, at) => [`V${at}`, value])),
    reads: strange.map((name) => `/srv/${name}`),
  });
  assert.deepEqual(wordsOf(unit["Command Line"]?.[0]), ["/usr/bin/env", ...strange]);
  assert.deepEqual(unit["Environment"], strange.map((value, at) => `V${at}=${value}`));
  assert.deepEqual(unit["ReadOnlyPaths"], [strange.map((name) => `-/srv/${name}`).join(" ")]);
  assert.equal(unit["User"]?.[0], "app");
});

test("systemd reads a strange file of variables, user and unit as they were", async () => {
  const unit = await readBack({
    environmentFile: `/etc/a b/"c" 'd' %n $e.env`,
    user: "svc.app-1",
    onFailure: "page\\x2dme@%n.service",
  });
  assert.deepEqual(unit["EnvironmentFile"], [`-/etc/a b/"c" 'd' %n $e.env`]);
  assert.deepEqual(unit["User"], ["svc.app-1"]);
  assert.match(unit["OnFailure"]?.[0] ?? "", /^page\\x2dme@harbor-db-verify\.service\.service/);
});

for (const name of ["x\nExecStartPre=/bin/id", "x\rUser=root", "x\\", "x %n y", "x\\\nUser=root"]) {
  test(`systemd reads a description with ${JSON.stringify(name)} as one line, and nothing after it`, async () => {
    const unit = await readBack({ database: `sqlite:////srv/${name}` });
    assert.match(unit["Description"]?.[0] ?? "", /^Verify the database sqlite:\/\/\/\/srv\/x/);
    assert.equal(unit["Command Line"]?.length, 1);
    assert.deepEqual(unit["User"], ["app"]);
    assert.match(unit["OnFailure"]?.[0] ?? "", /^harbor-db-verify-failed\.service/);
  });
}

const refusedIn = (work: () => unknown, words: RegExp) =>
  assert.throws(
    work,
    (error) => error instanceof HarborError && error.code === "usage" && words.test(error.message),
  );

// One row a value that a unit cannot hold: what it is, the plan with it, the words of the refusal.
const unholdable: readonly (readonly [string, Partial<UnitPlan>, RegExp])[] = [
  ["a line break in an argument", { command: ["/x", "a\nExecStartPre=/bin/id"] }, /the argument/],
  ["a line break in the program", { command: ["/x\n/y"] }, /the program/],
  ["quotes in the program", { command: [`/x"y`] }, /the program/],
  [
    "a line break in a variable",
    { environment: { DATABASE_URL: "sqlite:////a\nUser=root" } },
    /DATABASE_URL/,
  ],
  ["a carriage return in a path", { reads: ["/a\rb"] }, /the path/],
  ["a line break in a path", { writes: ["/a\nb"] }, /the path/],
  ["a line break in the file of secrets", { environmentFile: "/a\nUser=root" }, /the file of secrets/],
  ["a backslash in the file of secrets", { environmentFile: "/a\\" }, /the file of secrets/],
  ["a pattern for the file of secrets", { environmentFile: "/etc/*.env" }, /the file of secrets/],
  ["a line break in the user", { user: "app\nExecStartPre=/bin/id" }, /the user/],
  ["systemd's words in the user", { user: "%u" }, /the user/],
  ["a line break in the unit on failure", { onFailure: "a.service\nUser=root" }, /--on-failure/],
  ["a backslash at the end of the unit on failure", { onFailure: "a.service\\" }, /--on-failure/],
  ["two units on failure", { onFailure: "a.service b.service" }, /--on-failure/],
];
for (const [what, changes, words] of unholdable) {
  test(`units refuse ${what}`, () => refusedIn(() => renderUnits({ ...plan, ...changes }), words));
}

/** What cron gives to the shell of a line: up to the first percent sign without a backslash, which is taken away. */
function commandOf(line: string, takesBackslashes: boolean): string {
  const command = line.split(" ").slice(5).join(" ");
  let out = "";
  for (let at = 0; at < command.length; at++) {
    const [letter = "", next = ""] = [command[at], command[at + 1]];
    if (letter === "%") break;
    const isEscape = letter === "\\" && (next === "%" || takesBackslashes && next === "\\");
    out += isEscape ? next : letter;
    // Whatever follows a backslash begins no escape.
    if (letter === "\\" && next !== "") {
      if (!isEscape) out += next;
      at++;
    }
  }
  return out;
}

for (const [cron, takesBackslashes] of [["cron", true], ["cronie", false]] as const) {
  test(`${cron} and its shell read strange words of a crontab line as they were`, () =>
    withFolder(async (folder) => {
      for (const word of strange.filter((each) => !each.includes("/"))) {
        const place = join(folder, word);
        await mkdir(place, { recursive: true });
        const line = renderCrontab({
          command: ["sh", "-c", `printf '%s\\0' "$PWD" "$V" "$0"`, word],
          backup: null,
          workingDirectory: place,
          environmentFile: null,
          environment: { V: word },
          at: "03:30",
        });
        assert.ok(!/[\n\r]/.test(line));
        const shown = execFileSync("sh", ["-c", commandOf(line, takesBackslashes)], { encoding: "utf8" });
        assert.deepEqual(shown.split("\0").slice(0, 3), [place, word, word]);
      }
    }));
}

const cron = {
  backup: null,
  command: ["/x"],
  workingDirectory: "/",
  environmentFile: null,
  environment: {},
  at: "03:30",
};
const uncronnable: readonly (readonly [string, Partial<typeof cron> | { environmentFile: string }])[] = [
  ["a line break in the folder", { workingDirectory: "/a\n* * * * * id" }],
  ["a carriage return in an argument", { command: ["/x", "a\rb"] }],
  ["a line break in a variable", { environment: { DATABASE_URL: "sqlite:////a\nb" } }],
  ["a line break in the file of secrets", { environmentFile: "/a\nb" }],
  ["more than cron reads", { command: ["/x", "a".repeat(1_000)] }],
];
for (const [what, changes] of uncronnable) {
  test(`a crontab line refuses ${what}`, () =>
    refusedIn(() => renderCrontab({ ...cron, ...changes }), /crontab/));
}

test("the file of secrets is read alike by a shell and by systemd", () =>
  withFolder(async (folder) => {
    const secrets = Object.fromEntries(strange.map((value, at) => [`V${at}`, value]));
    const text = renderEnvironmentFile(secrets);
    const place = join(folder, ".config", "environment.d");
    await mkdir(place, { recursive: true });
    await writeFile(join(place, "1.conf"), text);
    for (const [name, value] of Object.entries(secrets)) {
      const script = `set -a; . '${join(place, "1.conf")}'; set +a; printf '%s' "$${name}"`;
      assert.equal(execFileSync("sh", ["-c", script], { encoding: "utf8" }), value);
    }
    // systemd's reader of such files; it alone fills in what a dollar names, so that goes without.
    const generator = "/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator";
    const plain = Object.entries(secrets).filter(([, value]) => !value.includes("$"));
    await writeFile(join(place, "1.conf"), renderEnvironmentFile(Object.fromEntries(plain)));
    const out = execFileSync(generator, { encoding: "utf8", env: { HOME: folder } });
    for (const [name, value] of plain) {
      const [, printed] = new RegExp(`^${name}=([^\n]*)\n`, "m").exec(out) ?? [];
      assert.equal(execFileSync("sh", ["-c", `printf '%s' ${printed}`], { encoding: "utf8" }), value);
    }
    refusedIn(
      () => renderEnvironmentFile({ HARBOR_DB_PING: "https://secret\n" }),
      /^(?!.*secret).*HARBOR_DB_PING/,
    );
  }));
