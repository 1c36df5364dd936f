import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { baseEnvironment, cliCommand, runCli } from "../support/run_cli.ts";

// One row a line that is typed, and how it reads after a press of Tab. ID is the backup's.
const lines: readonly (readonly [string, string])[] = [
  ["upg", "upgrade"],
  ["backup li", "backup list"],
  ["status --exi", "status --exit-code"],
  ["upgrade --database-url sqlite:///copy.db 5b", "upgrade --database-url sqlite:///copy.db 5b09ebe23c76"],
  ["restore kept-", "restore ID"],
  ["restore ./co", "restore ./copy.db"],
  ["backup --compress z", "backup --compress zstd"],
  ["backup --compress=z", "backup --compress=zstd"],
  ["verify --report=pa", "verify --report=page.html"],
  ["status --backup-dir fol", "status --backup-dir folder"],
];

/** Types the lines on a terminal of the shell, and has it print what became of each instead of running it. */
function typed(shell: readonly string[], begin: string): string {
  const input = lines.map(([line]) => `harbor-db ${line}\t\x01echo RESULT \n`).join("");
  const command = `stty cols 200 rows 50; exec ${shell.join(" ")}`;
  return run(
    ["script", "--quiet", "--return", "--command", command, "/dev/null"],
    `${begin}\n${input}exit\n`,
  );
}

/** What the tests of all shells share: a program of that name, a database, a backup and files. */
let folder = "";
function run([program = "", ...args]: readonly string[], input: string): string {
  const { stdout, stderr, error } = spawnSync(program, args, {
    cwd: folder,
    input,
    encoding: "utf8",
    timeout: 60_000,
    env: { ...baseEnvironment(), TERM: "xterm", PATH: `${folder}/bin:/usr/bin:/bin`, HOME: folder },
  });
  assert.equal(error, undefined);
  return stdout.replaceAll("\r", "") + stderr;
}

const fishLoop = `harbor-db completions fish | source
while read line
  set -l found (complete -C $line | string replace -r '\\t.*' '')
  echo RESULT (string replace -r '\\S+$' '' $line | string trim) $found
end`;

const shells: Readonly<Record<string, () => string>> = {
  bash: () => typed(["bash", "--norc", "--noprofile", "-i"], "source <(harbor-db completions bash)"),
  zsh: () =>
    typed(
      ["zsh", "-f", "-i"],
      // Where it is looked for, as help says.
      "bindkey -e; mkdir .zsh; harbor-db completions zsh > .zsh/_harbor-db; fpath=(.zsh $fpath); autoload -Uz compinit; compinit -u -D",
    ),
  // What it answers to Tab, all of it, behind the words that stay.
  fish: () =>
    run(["fish", "--no-config", "-c", fishLoop], lines.map(([line]) => `harbor-db ${line}\n`).join("")),
};

test("bash, zsh and fish complete commands, options, values, revisions, backups and paths", () =>
  withFolder(async (cwd) => {
    folder = cwd;
    await mkdir(join(cwd, "bin"));
    await mkdir(join(cwd, "folder"));
    for (const name of ["copy.db", "page.html"]) await writeFile(join(cwd, name), "");
    const quoted = cliCommand([]).map((word) => `'${word}'`).join(" ");
    await writeFile(join(cwd, "bin/harbor-db"), `#!/bin/sh\nexec ${quoted} "$@"\n`);
    await chmod(join(cwd, "bin/harbor-db"), 0o755);
    await runCli(["upgrade", "--database-url", "sqlite:///kept.db"], { cwd });
    const made = await runCli(["backup", "--database-url", "sqlite:///kept.db", "--json"], { cwd });
    const { id } = made.json<{ backup: { id: string } }>().backup;
    // What cannot be read as a manifest is none, and its name ends up on no line.
    const names = await readdir(join(cwd, "backups"));
    await writeFile(join(cwd, "backups/kept$(touch x).db.json"), JSON.stringify({ id: "kept$(touch x)" }));

    for (const [name, ask] of Object.entries(shells)) {
      const output = ask();
      for (const [line, whole] of lines) {
        const wanted = RegExp.escape(whole.replace("ID", id));
        assert.match(output, new RegExp(`RESULT harbor-db ${wanted}[ /]*\n`), `${name}: ${line}\n${output}`);
      }
    }
    // But for the histories of the shells themselves.
    const left = (await readdir(cwd)).filter((name) => !name.startsWith("."));
    assert.deepEqual(left.toSorted(), ["backups", "bin", "copy.db", "folder", "kept.db", "page.html"]);
    assert.equal((await readdir(join(cwd, "backups"))).length, names.length + 1);
  }));
