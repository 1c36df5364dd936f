import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { chown, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { promisify } from "node:util";
import { withFolder } from "../support/databases.ts";
import { runCli } from "../support/run_cli.ts";
import { runHere } from "../support/run_here.ts";

const secretUrl = "postgresql://harbor:s3cr%40t-word@db.example.org/harbor";
const secretPing = "https://hc.example.org/3f2c-secret-uuid";

/** Says what systemd thinks of unit files; fails where there is no systemd to ask. */
function analyze(files: readonly string[]): Promise<{ readonly code: unknown; readonly words: string }> {
  return new Promise((resolve) => {
    execFile(
      "systemd-analyze",
      ["verify", "--man=no", ...files],
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : error.code, words: stdout + stderr }),
    );
  });
}

async function unitsIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).sort().map((name) => join(folder, name));
}

const variants = [
  ["a SQLite file", { DATABASE_URL: "sqlite:///data/openharbor.db" }, []],
  ["a server with a password", { DATABASE_URL: secretUrl }, ["--ping", secretPing]],
  ["a socket without one", { DATABASE_URL: "postgresql:///harbor?host=/var/run/postgresql" }, [
    "--on-failure",
    "page-me@%n.service",
  ]],
  ["a nightly backup", { DATABASE_URL: "sqlite:///data/openharbor.db" }, ["--backup", "--keep-daily", "7"]],
  ["strange paths", { DATABASE_URL: "sqlite:///data/openharbor.db" }, [
    "--report",
    'a "b" %c $d.html',
    "--strict",
    "--max-duration",
    "10m",
    "--name",
    "harbor-db-two",
  ]],
] as const;

for (const [what, env, args] of variants) {
  test(`schedule --install for ${what} writes units that systemd accepts`, () =>
    withFolder(async (cwd) => {
      await mkdir(join(cwd, "data"));
      await writeFile(join(cwd, "data", "openharbor.db"), "");
      const home = join(cwd, "home");
      // As another user the file of secrets stays in this folder.
      const command = [
        "schedule",
        "--install",
        "--unit-dir",
        "units",
        "--env-file",
        join(home, "verify.env"),
        ...args,
      ];
      const result = await runCli(command, { cwd, env });
      assert.equal(result.code, 0, result.stdout + result.stderr);
      const files = await unitsIn(join(cwd, "units"));
      const onFailure = args.includes("--on-failure" as never);
      assert.equal(files.length, onFailure ? 2 : 3);
      // A unit that --on-failure names is the operator's.
      const { code, words } = await analyze(files);
      assert.deepEqual([code, words.split("\n").filter((line) => line !== "" && !line.includes("page-me"))], [
        0,
        [],
      ]);

      const texts = (await Promise.all(files.map((file) => readFile(file, "utf8")))).join("\n");
      assert.match(texts, /^ExecStart=.* verify /m);
      for (const line of ["NoNewPrivileges=yes", "ProtectSystem=strict", "RandomizedDelaySec=30min"]) {
        assert.ok(
          process.getuid?.() !== 0 && line.startsWith("Protect") || texts.includes(`\n${line}\n`),
          line,
        );
      }
      assert.match(texts, /^OnFailure=/m);
      assert.match(texts, /^EnvironmentFile=-?\//m);
      assert.doesNotMatch(texts + result.stdout + result.stderr, /s3cr|secret-uuid/);

      const again = await runCli(command, { cwd, env });
      assert.equal(again.code, 0, again.stderr);
      assert.doesNotMatch(again.stdout, /^written/m);
    }));
}

test("schedule keeps secrets in a file of their own, for nobody else, as a shell reads it", () =>
  withFolder(async (cwd) => {
    const path = join(cwd, "etc", "verify.env");
    const env = { DATABASE_URL: `${secretUrl}?application_name=it's`, XDG_STATE_HOME: cwd };
    const args = ["schedule", "--install", "--unit-dir", "units", "--env-file", path, "--ping", secretPing];
    assert.equal((await runCli(args, { cwd, env })).code, 0);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const read = await new Promise<string>((resolve) =>
      execFile(
        "sh",
        ["-c", `. '${path}'; printf '%s\\n' "$DATABASE_URL" "$HARBOR_DB_PING"`],
        (_, stdout) => resolve(stdout),
      )
    );
    assert.equal(read, `${env.DATABASE_URL}\n${secretPing}\n`);
    await writeFile(path, "# mine\n");
    await runCli(args, { cwd, env });
    assert.equal(await readFile(path, "utf8"), "# mine\n", "what is there is the operator's");
  }));

test("schedule writes into a unit where the database is, and never PGPASSWORD", () =>
  withFolder(async (cwd) => {
    const env = { DATABASE_URL: "postgresql://harbor@db/app", PGSSLMODE: "require", PGPASSWORD: "s3cret" };
    const shown = await runCli(["schedule"], { cwd, env });
    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /PGSSLMODE=require/);
    assert.doesNotMatch(shown.stdout + shown.stderr, /s3cret/);
  }));

test("schedule prints the units and writes nothing; --dry-run says what would be written", () =>
  withFolder(async (cwd) => {
    const env = { DATABASE_URL: secretUrl };
    const shown = await runCli(["schedule", "--ping", secretPing, "--at", "4:05"], { cwd, env });
    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /^# .*harbor-db-verify\.service$/m);
    assert.match(shown.stdout, /^OnCalendar=\*-\*-\* 04:05:00$/m);
    assert.match(shown.stdout, /^# DATABASE_URL="…"$/m);
    assert.doesNotMatch(shown.stdout, /s3cr|secret-uuid/);
    const dry = await runCli([
      "schedule",
      "--install",
      "--dry-run",
      "--unit-dir",
      "units",
      "--env-file",
      join(cwd, "e"),
    ], { cwd, env });
    assert.match(dry.stdout, /^to be written +.*harbor-db-verify\.timer$/m);
    assert.deepEqual(await readdir(cwd), []);
  }));

test("schedule asks before it replaces a unit that somebody changed", () =>
  withFolder(async (cwd) => {
    const args = ["schedule", "--install", "--unit-dir", "units", "--env-file", join(cwd, "e")];
    const env = { DATABASE_URL: "sqlite:///openharbor.db" };
    await runCli(args, { cwd, env });
    const path = join(cwd, "units", "harbor-db-verify.timer");
    await writeFile(path, "[Timer]\nOnCalendar=hourly\n");
    const refused = await runCli(args, { cwd, env });
    assert.equal(refused.code, 4);
    assert.match(refused.stderr, /Replace .*harbor-db-verify\.timer\?/);
    assert.match(await readFile(path, "utf8"), /hourly/);
    assert.equal((await runCli([...args, "--yes"], { cwd, env })).code, 0);
    assert.doesNotMatch(await readFile(path, "utf8"), /hourly/);
  }));

test("schedule --cron prints a line that runs verify quietly, as cron's shell reads it", () =>
  withFolder(async (cwd) => {
    const env = { DATABASE_URL: "sqlite:///openharbor.db", XDG_STATE_HOME: join(cwd, "state") };
    await runCli(["upgrade"], { cwd, env });
    const { stdout } = await runCli(["schedule", "--cron", "--at", "03:30", "--skip", "backup"], {
      cwd,
      env,
    });
    const [, line] = /^30 3 \* \* \* (.+)$/m.exec(stdout) ?? [];
    assert.ok(line !== undefined, stdout);
    assert.match(line, / verify --skip backup .*--quiet$/);
    const ask = () =>
      new Promise<readonly unknown[]>((resolve) =>
        execFile(
          "sh",
          ["-c", line!],
          { env: { ...process.env, ...env } },
          (error, stdout, stderr) => resolve([error === null ? 0 : error.code, stdout + stderr]),
        )
      );
    assert.deepEqual(await ask(), [0, ""]);
    const database = new DatabaseSync(join(cwd, "openharbor.db"));
    database.exec("DROP INDEX ix_files_uuid");
    database.close();
    const [code, words] = await ask();
    assert.equal(code, 3);
    assert.match(String(words), /FAIL schema: index ix_files_uuid is missing/);
    const secret = await runCli(["schedule", "--cron", "--ping", secretPing, "--env-file", "a b/x.env"], {
      cwd,
      env,
    });
    const [, make] = /^# (install .*)$/m.exec(secret.stdout) ?? [];
    execFileSync("sh", ["-c", make!]);
    assert.equal((await stat(join(cwd, "a b", "x.env"))).mode & 0o777, 0o600);
    assert.match(secret.stdout, /^# HARBOR_DB_PING="…"$/m);
    assert.doesNotMatch(secret.stdout, /--install|secret-uuid/);
    const wrong = await runCli(["schedule", "--cron", "--install"], { cwd, env });
    assert.equal(wrong.code, 2);
    assert.equal((await runCli(["schedule", "--at", "25:00"], { cwd, env })).code, 2);
    assert.equal((await runCli(["schedule", "--name", "a b"], { cwd, env })).code, 2);
    const second = await runCli(["schedule", "--name", "second", "--skip", "backup"], { cwd, env });
    assert.match(second.stdout, /--log %S\/harbor-db-second\/verify\.jsonl\n/);
    assert.match(second.stdout, /^StateDirectory=harbor-db-second$/m);
  }));

test("schedule leaves to the file of settings what that says, and names what was said otherwise", () =>
  withFolder(async (cwd) => {
    const settings = join(cwd, "harbor-db.toml");
    const text = 'backup-dir = "copies"\nkeep-daily = 7\nmax-backup-age = "30h"\ncompress = "zstd"\n';
    await writeFile(settings, text);
    const env = { DATABASE_URL: "sqlite:///app.db" };
    const line = ["schedule", "--backup", "--config", "harbor-db.toml", "--compress", "gzip"];
    const units = await runHere([...line, "--max-backup-age", "26h"], { cwd, env });
    assert.equal(units.code, 0, units.stderr);
    const [backup, verify] = [...units.stdout.matchAll(/^ExecStart=.*? (backup|verify) (.*)$/gm)].map((
      each,
    ) => each[2]!.replace(/ --log .*/, ""));
    assert.equal(backup, `--config ${settings} --compress gzip`);
    assert.equal(verify, `--config ${settings} --max-backup-age 93600s --restore-drill`);
    assert.ok(units.stdout.includes(`"-${settings}"`), "the service may read it");

    // A database that is named has an address that the unit carries, and all else with it.
    await writeFile(settings, `${text}[databases.one]\ndatabase-url = "sqlite:///app.db"\n`);
    const named = await runHere([...line, "--database", "one"], { cwd });
    assert.match(named.stdout, / backup --compress gzip --keep-daily 7 --backup-dir .*copies$/m);
  }));

test("schedule --install says which folder it may not write", () =>
  withFolder(async (cwd) => {
    await writeFile(join(cwd, "units"), "a file");
    const result = await runCli(["schedule", "--install", "--unit-dir", "units/x"], {
      cwd,
      env: { DATABASE_URL: "sqlite:///x.db" },
    });
    assert.equal(result.code, 1);
    assert.match(result.stderr, /Cannot write ".*harbor-db-verify\.service"/);
    assert.match(result.stderr, /--unit-dir/);
  }));

test("schedule --backup backs up with the options given before it verifies with a drill, and cron runs that", () =>
  withFolder(async (cwd) => {
    const env = { DATABASE_URL: "sqlite:///app.db" };
    assert.equal((await runCli(["upgrade"], { cwd, env })).code, 0);
    const options = ["--backup", "--compress", "gzip", "--keep-last", "1"];
    const units = (await runCli(["schedule", ...options], { cwd, env })).stdout;
    assert.match(
      units,
      /^ExecStart=.* backup --compress gzip --keep-last 1 --backup-dir .*\nExecStart=.* verify .*--restore-drill/m,
    );
    assert.match(units, /^ReadWritePaths=.*backups"/m);
    const { stdout } = await runCli(["schedule", "--cron", ...options], { cwd, env });
    const line = stdout.split("\n").find((each) => /^\d/.test(each))!.replace(/^(\S+ ){5}/, "");
    const { stdout: words } = await promisify(execFile)("sh", ["-c", line], { env: process.env });
    assert.equal(words, "");
    assert.equal((await readdir(join(cwd, "backups"))).filter((name) => name.endsWith(".gz")).length, 1);
    const recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    const encrypted =
      (await runCli(["schedule", "--backup", "--encrypt-to", recipient], { cwd, env })).stdout;
    assert.doesNotMatch(encrypted, /--restore-drill/);
  }));

test("schedule --uninstall removes the units that --install wrote after a yes, and no others", () =>
  withFolder(async (cwd) => {
    const env = { DATABASE_URL: "sqlite:///app.db" };
    assert.equal((await runCli(["upgrade"], { cwd, env })).code, 0);
    const place = ["--unit-dir", "units", "--env-file", join(cwd, "secrets.env")];
    assert.equal((await runCli(["schedule", "--install", ...place], { cwd, env })).code, 0);
    await writeFile(join(cwd, "units/other.service"), "[Service]\nExecStart=/bin/true\n");
    assert.equal((await runCli(["schedule", "--uninstall", ...place], { cwd, env })).code, 4);
    assert.equal((await readdir(join(cwd, "units"))).length, 4);
    const gone = await runCli(["schedule", "--uninstall", "--yes", ...place], { cwd, env });
    assert.equal(gone.code, 0, gone.stderr);
    assert.match(gone.stdout, /systemctl .*stop harbor-db-verify.timer && systemctl .*daemon-reload/);
    assert.deepEqual(await readdir(join(cwd, "units")), ["other.service"]);
    const foreign = await runCli(["schedule", "--uninstall", "--yes", "--name", "other", ...place], {
      cwd,
      env,
    });
    assert.equal(foreign.code, 4);
  }));

test("schedule refuses a user that there is none of, by name or by number, and says for whom a line of a crontab is", () =>
  withFolder(async (cwd) => {
    const env = { DATABASE_URL: "postgresql://harbor@db.example.org/harbor" };
    const schedule = (...args: readonly string[]) =>
      runCli(["schedule", "--skip", "backup", ...args], { cwd, env });
    for (const user of ["nosuchuser", "54321"]) {
      for (const args of [[], ["--cron"], ["--install", "--unit-dir", "units"]]) {
        const { code, stdout, stderr } = await schedule("--user", user, ...args);
        assert.equal(code, 2, stdout);
        assert.match(stderr, new RegExp(`^error: Cannot schedule "verify": there is no user ${user}$`, "m"));
      }
    }
    assert.deepEqual(await readdir(cwd), []);
    assert.match((await schedule("--user", "daemon")).stdout, /^User=daemon$/m);
    const line = await schedule("--user", "daemon", "--cron");
    assert.match(line.stderr, /the line is for daemon: crontab -u daemon -e$/m);
    assert.equal(line.code, 0, line.stderr);

    // A file whose owner has no account.
    await writeFile(join(cwd, "app.db"), "");
    await chown(join(cwd, "app.db"), 54321, 54321);
    const orphan = await schedule("--database-url", "sqlite:///app.db");
    assert.equal(orphan.code, 2, orphan.stdout);
    assert.match(
      orphan.stderr,
      /there is no user 54321\nhint: +Let it run as one that there is: --user <name>$/m,
    );
  }));

test("schedule finds a user where getent takes -- for one", () =>
  withFolder(async (cwd) => {
    const bin = join(cwd, "bin");
    await mkdir(bin);
    // As that of musl and of BSD does.
    await writeFile(
      join(bin, "getent"),
      '#!/bin/sh\nshift\nfor name do grep -q "^$name:" /etc/passwd || exit 2; done\n',
      { mode: 0o755 },
    );
    const env = {
      DATABASE_URL: "postgresql://harbor@db.example.org/harbor",
      PATH: `${bin}:${process.env["PATH"]}`,
    };
    const schedule = (user: string) =>
      runCli(["schedule", "--skip", "backup", "--cron", `--user=${user}`], { cwd, env });
    const { code, stderr } = await schedule("daemon");
    assert.equal(code, 0, stderr);
    for (const user of ["nosuchuser", "-daemon"]) {
      assert.match((await schedule(user)).stderr, new RegExp(`there is no user ${user}$`, "m"));
    }
  }));

test("what verify cannot write is refused when it is scheduled, and by verify, whatever leads to it", () =>
  withFolder(async (cwd) => {
    assert.equal((await runCli(["upgrade"], { cwd })).code, 0);
    execFileSync("mkfifo", [join(cwd, "fifo")]);
    await mkdir(join(cwd, "folder"));
    await symlink("/dev/null", join(cwd, "link"));
    const state = { XDG_STATE_HOME: join(cwd, "state") };
    for (
      const [path, kind] of [
        ["/dev/null", "a device"],
        ["link", "a device"],
        ["fifo", "a FIFO"],
        ["folder", "a folder"],
        // A pipe, here.
        ["/dev/stdout", "a FIFO"],
      ] as const
    ) {
      for (const option of ["--report", "--prometheus", "--log"]) {
        const planned = await runCli(["schedule", "--skip", "backup", option, path], { cwd, env: state });
        assert.equal(planned.code, 2, `${option} ${path}: ${planned.stderr}`);
        assert.match(planned.stderr, new RegExp(`^error: Cannot schedule "verify": ".*" is ${kind}$`, "m"));
        const { code, stderr } = await runHere(["verify", "--only", "history", option, path], {
          cwd,
          env: state,
        });
        if (path === "/dev/stdout") continue;
        assert.equal(code, 1, `${option} ${path}: ${stderr}`);
        assert.match(stderr, new RegExp(`^error: Cannot (?:read|write) ".*": it is ${kind}$`, "m"));
      }
    }
    const { stdout, stderr } = await runCli(
      ["verify", "--only", "history", "--report", "/dev/stdout"],
      { cwd, env: state },
    );
    assert.match(stderr, /^error: Cannot write "\/dev\/stdout": it is a (?:FIFO|socket)$/m);
    assert.doesNotMatch(stdout, /<html/);

    // A link to nothing yet: the folder that it leads to is the one that the service writes.
    await symlink(join(cwd, "folder", "page.html"), join(cwd, "page.html"));
    const { stdout: units } = await runCli(["schedule", "--skip", "backup", "--report", "page.html"], {
      cwd,
      env: state,
    });
    assert.match(units, /^ReadWritePaths=.*\/folder"/m);
    assert.equal(
      (await runHere(["verify", "--only", "history", "--report", "page.html"], { cwd, env: state })).code,
      0,
    );
    assert.match(await readFile(join(cwd, "folder", "page.html"), "utf8"), /<html/);
  }));

test("a unit and a line of a crontab name a file so that it is that one, whatever is in its path", () =>
  withFolder(async (cwd) => {
    for (const url of ["file:a%3Fb%23c%2520d.db", "file:%2B e%5C.db"]) {
      assert.equal((await runCli(["upgrade", "--database-url", url], { cwd })).code, 0);
      const schedule = (...args: readonly string[]) =>
        runHere(["schedule", "--skip", "backup", "--database-url", url, ...args], { cwd });
      const [, written = ""] = /^Environment="DATABASE_URL=(.*)"$/m.exec((await schedule()).stdout) ?? [];
      const read = written.replaceAll("%%", "%").replaceAll("\\\\", "\\");
      assert.match(
        (await runHere(["status"], { cwd: "/", env: { DATABASE_URL: read } })).stdout,
        /managed/,
        read,
      );
      const line = (await schedule("--cron")).stdout.split("\n").find((each) => /^\d/.test(each))!;
      const command = line.replace(/^(\S+ ){5}/, "").replaceAll("\\%", "%").replace(
        /harbor-db verify.*/,
        "env",
      );
      assert.ok(execFileSync("sh", ["-c", command]).toString().includes(`DATABASE_URL=${read}\n`));
    }
  }));
