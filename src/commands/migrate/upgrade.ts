import { HarborError } from "../../base/errors.ts";
import { adoptBefore } from "./run_adoption.ts";
import { createAround } from "./around.ts";
import { afterFailure } from "./run_around.ts";
import { allOption } from "../../cli/global_options.ts";
import { defineCommand } from "../../cli/command.ts";
import { paceOf } from "./pace_options.ts";
import { printReturned } from "./kept_lines.ts";
import { migrateOptions } from "./migration.ts";
import { runMigration } from "./run_migration.ts";
import type { App } from "../../cli/app.ts";
import type { Outcome } from "../../cli/command.ts";
import { flag } from "../../cli/options.ts";

export const upgradeCommand = defineCommand({
  description:
    "A run that was interrupted goes on where it stopped. When there is nothing to do, nothing happens. Otherwise: --before, the backup, what is pending, --after, --health-url.",
  options: {
    ...migrateOptions,
    ...allOption,
    always: flag(
      "--always",
      "run --before and --after, and ask --health-url, also when there is nothing to do",
    ),
    abandon: flag(
      "--abandon",
      "only take away what an interrupted change of a large table left (status names it); NULLs that it filled are NULL again",
    ),
    adopt: flag("--adopt", "first take over a database that harbor-db did not make, as harbor-db adopt does"),
  },
  examples: [
    { line: "upgrade", does: "to head" },
    { line: "upgrade 71dda59686db", does: "to that revision" },
    { line: "upgrade +1", does: "one revision on" },
    { line: "upgrade --all", does: "the first database of the settings, then the next when it went well" },
    { line: "upgrade --adopt", does: "whatever made the database" },
    {
      line: `upgrade --before 'systemctl stop openharbor' --after 'systemctl start openharbor'`,
      does: "while the application is stopped",
    },
    { line: "upgrade --sql > review.sql", does: "the script, to read" },
  ],
  run: async (app, { args, options }) => {
    if (options.abandon) {
      const other = options.dryRun ? "--dry-run" : options.sql ? "--sql" : args[0];
      if (other !== undefined) {
        throw new HarborError("usage", `Cannot take "${other}" beside --abandon`, {
          state: "it takes away what was left, and runs no step",
          hint: "harbor-db status names what would go.",
        });
      }
      return await abandonBeside(app);
    }
    const target = args[0] ?? "head";
    const around = createAround(app, options);
    const pace = paceOf(options);
    const isStopped = options.before !== undefined;
    const adopted = options.adopt
      ? await adoptBefore(app, { target, options, around, pace, isStopped })
      : null;
    if (adopted?.isAll) return adopted.outcome;
    const isAlways = options.always;
    const guard = adopted?.guard ?? null;
    const outcome = await runMigration(app, {
      direction: "upgrade",
      target,
      options,
      around,
      guard,
      isAlways,
    })
      .catch(
        async (error) => {
          throw await afterFailure(around, error, adopted === null ? "unchanged" : "failed");
        },
      );
    if (adopted === null) return outcome;
    const { json } = adopted.outcome;
    return {
      ...outcome,
      json: { ...outcome.json, backup: outcome.json["backup"] ?? json["backup"], adopted: json },
    };
  },
});

/** Takes away what is left of changes beside writers. The revision that they belong to stays as far as it is. */
async function abandonBeside(app: App): Promise<Outcome> {
  const { clearBeside } = await import("../../migrate/clear_beside.ts");
  return await app.withRun("write", async (context) => {
    const { changes: abandoned, returned } = await clearBeside(context, [], { lockWaitMs: app.lockWaitMs });
    app.report.line(
      abandoned.length === 0
        ? "nothing to abandon"
        : `abandoned  ${
          abandoned.map((change) =>
            change.phase === "keeping"
              ? `nothing of ${change.table}: what went is put aside`
              : `${change.name} of ${change.table}`
          ).join(", ")
        }`,
    );
    for (const each of returned) printReturned(app, each);
    return { json: { abandoned: abandoned.map(({ name, table }) => ({ change: name, table })), returned } };
  });
}
