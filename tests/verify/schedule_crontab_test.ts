import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { type CronPlan, renderCrontab } from "../../src/verify/schedule/crontab.ts";

const plan: CronPlan = {
  command: ["/usr/bin/harbor-db", "verify"],
  backup: null,
  workingDirectory: "/srv/app",
  environmentFile: null,
  environment: {},
  at: "03:45",
};

test("renderCrontab() writes the time, the folder and the command", () => {
  assert.equal(renderCrontab(plan), "45 3 * * * cd /srv/app && /usr/bin/harbor-db verify");
  assert.equal(renderCrontab({ ...plan, at: "00:00" }).slice(0, 9), "0 0 * * *");
});

test("renderCrontab() sources the file of variables where there is one", () => {
  assert.equal(
    renderCrontab({ ...plan, environmentFile: "/etc/a b.env", environment: { NO_COLOR: "1" } }),
    "45 3 * * * cd /srv/app && set -a && . '/etc/a b.env' && set +a && NO_COLOR=1 /usr/bin/harbor-db verify",
  );
});

// What a shell must not take apart, cron's percent sign among it.
for (
  const word of [
    "a b",
    "it's",
    '"',
    "$HOME",
    "`id`",
    "50%",
    "a\\b",
    "*",
    "~",
    "",
    ";",
    "&&",
    "#x",
    "(x)",
    "ä",
  ]
) {
  test(`renderCrontab() brings ${JSON.stringify(word)} through cron and a shell`, () => {
    const line = renderCrontab({ ...plan, workingDirectory: "/", command: ["printf", "%s|%s", word, "end"] });
    const [, command] = /^45 3 \* \* \* (.*)$/s.exec(line)!;
    assert.doesNotMatch(command!.replaceAll("\\%", ""), /%/, "for cron a percent sign ends the line");
    const said = execFileSync("sh", ["-c", command!.replaceAll("\\%", "%")], { encoding: "utf8" });
    assert.equal(said, `${word}|end`);
  });
}
