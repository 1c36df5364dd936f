import { proofText } from "../../engines/backup_content.ts";
import type { StoredBackup } from "../../backup/folder.ts";
import { formatBytes } from "../../base/quantity.ts";
import { type Delivery, readDeliveries } from "../../backup/deliveries.ts";
import type { App } from "../../cli/app.ts";
import { findIdentity, openAppBackups, sourceOptions } from "./options.ts";
import { ageText, listedBackup, positionText, storedText } from "./output.ts";
import { defineCommand } from "../../cli/command.ts";

export const backupListCommand = defineCommand({
  name: "backup list",
  summary: "list the backups in the folder",
  description:
    "Only what has a manifest is one. `verified` says that the file is there and as long as it was.",
  options: sourceOptions,
  examples: [
    { line: "backup list --json", does: "for programs" },
    { line: "backup list --from s3://bucket/nightly", does: "what is in a bucket" },
  ],
  run: async (app, { options }) => {
    const { place, list } = await openAppBackups(app, options);
    const { backups, problems, own, fromFuture } = await list(await findIdentity(app));
    const ours = new Set([...own, ...fromFuture]);
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
            ours.has(backup) ? backup.manifest.database : `another: ${backup.manifest.database}`,
        }
        : {},
    };
    const cells = Object.values(columns);
    if (backups.length === 0) app.report.line(`no backups in ${place.name}`);
    else await app.report.table(Object.keys(columns), backups.map((each) => cells.map((cell) => cell(each))));
    for (const problem of problems) app.report.note(problem.message);
    return {
      json: {
        folder: place.name,
        backups: backups.map((backup) => ({ ...listedBackup(backup), own: ours.has(backup) })),
        problems: problems.map(({ message }) => message),
      },
    };
  },
});

function deliveredText({ report }: App, deliveries: readonly Delivery[]): string {
  if (deliveries.length === 0) return "nowhere";
  return deliveries.every(({ error }) => error === null) ? "yes" : report.colors.red("NO");
}
