import { proofText } from "../../engines/backup/content.ts";
import type { StoredBackup } from "../../backup/store/folder.ts";
import { counted, formatBytes } from "../../base/quantity.ts";
import { type Delivery, readDeliveries } from "../../backup/store/deliveries.ts";
import type { App } from "../../cli/app.ts";
import { readIdentity, unknownIdentity } from "../../engines/backup/identity.ts";
import { describeLeftovers, leftOnServer } from "./leftovers.ts";
import { askIfThere, openAppBackups, sourceOptions } from "./options.ts";
import { ageText, listedBackup, positionText, storedText } from "./output.ts";
import { defineCommand } from "../../cli/command.ts";
import { flag } from "../../cli/options.ts";

export const backupListCommand = defineCommand({
  description:
    "Only what has a manifest is one. `verified` says that the file is there and as long as it was.",
  options: {
    ...sourceOptions,
    verbose: flag("--verbose", "say all that is known of each: its file, its database and how that is known"),
  },
  examples: [
    { line: "backup list --verbose", does: "which database each is of, how it is stored, and where it went" },
    { line: "backup list --from s3://bucket/nightly", does: "what is in a bucket" },
    { line: "backup list --json", does: "for programs" },
  ],
  run: async (app, { options }) => {
    const opened = await openAppBackups(app, options);
    const { place, list } = opened;
    const asked = await askIfThere(app, async (database) => ({
      identity: await readIdentity(database),
      onServer: await leftOnServer(database),
    }));
    const { backups, problems, own, fromFuture, perhaps } = await list(asked?.identity ?? unknownIdentity);
    const leftovers = describeLeftovers(await opened.leftovers(), asked?.onServer ?? []);
    const ours = new Set([...own, ...fromFuture]);
    const whose = (backup: StoredBackup) =>
      ours.has(backup) ? "this one" : perhaps.includes(backup) ? "perhaps this one" : "another one";
    const isShared = ours.size < backups.length ||
      new Set(backups.map(({ manifest }) => manifest.database)).size > 1;
    const isEncoded = backups.some(({ manifest }) => storedText(manifest) !== "plain");
    const isDelivered = backups.some(({ path }) => readDeliveries(path).length > 0);
    const now = new Date();
    const { red } = app.report.colors;
    // Programs get the same from `listedBackup`.
    const columns: Readonly<Record<string, (backup: StoredBackup) => string>> = {
      backup: ({ manifest }) => manifest.id,
      age: ({ manifest }) => ageText(manifest.createdAt, now),
      revision: ({ manifest }) => positionText(manifest),
      size: ({ manifest }) => formatBytes(manifest.bytes),
      proven: ({ manifest, isWhole }) => isWhole ? proofText(manifest) : red("NOT WHOLE"),
      ...isEncoded ? { stored: ({ manifest }) => storedText(manifest) } : {},
      ...isDelivered ? { delivered: ({ path }) => deliveredText(app, readDeliveries(path)) } : {},
      "made for": ({ manifest }) => manifest.reason,
      ...isShared
        ? {
          database: (backup) =>
            ours.has(backup)
              ? backup.manifest.database
              : `${perhaps.includes(backup) ? "perhaps" : "another"}: ${backup.manifest.database}`,
        }
        : {},
    };
    const cells = Object.values(columns);
    if (backups.length === 0) app.report.line(`no backups in ${place.name}`);
    else if (options.verbose) {
      for (const backup of backups) printWhole(app, backup, { whose: whose(backup), now });
    } else {await app.report.table(
        Object.keys(columns),
        backups.map((each) => cells.map((cell) => cell(each))),
      );}
    for (const problem of problems) app.report.note(problem.message);
    for (const line of leftovers.lines) app.report.note(line);
    return {
      json: {
        folder: place.name,
        backups: backups.map((backup) => ({ ...listedBackup(backup), own: ours.has(backup) })),
        problems: problems.map(({ message }) => message),
        leftovers: leftovers.json,
      },
    };
  },
});

/** Prints all that the manifest says of a backup, a line each. */
function printWhole(
  { report }: App,
  { path, manifest, isWhole }: StoredBackup,
  { whose, now }: { readonly whose: string; readonly now: Date },
): void {
  const { id, createdAt, reason, version, engine, database, identity, home, bytes, tables } = manifest;
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const show = (label: string, text: string) => report.line(`${label.padEnd(10)} ${text}`, 11);
  report.line(report.colors.bold(id));
  show("file", path);
  show("database", `${database} (${whose})`);
  show("identity", identity ?? "none");
  show("place", home ?? "not known");
  show("revision", positionText(manifest));
  show(
    "made",
    `${createdAt} (${ageText(createdAt, now)} ago), for ${reason}, by harbor-db ${version}, engine ${engine}`,
  );
  show("holds", `${counted(rows, "row")} in ${counted(tables.length, "table")}`);
  show("stored", `${formatBytes(bytes)}, ${storedText(manifest)}`);
  show("proof", isWhole ? proofText(manifest) : report.colors.red("NOT WHOLE"));
  for (const { to, at, error } of readDeliveries(path)) {
    show("delivered", error === null ? `${to}, ${at}` : report.colors.red(`NOT: ${to}: ${error}`));
  }
  report.line();
}

function deliveredText({ report }: App, deliveries: readonly Delivery[]): string {
  if (deliveries.length === 0) return "nowhere";
  return deliveries.every(({ error }) => error === null) ? "yes" : report.colors.red("NO");
}
